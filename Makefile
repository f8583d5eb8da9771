PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2
SERVICE_WORKERS ?= 2 # each of these tests starts servers of its own: more of them time out
SIDE_BY_SIDE := -n $(WORKERS) --no-loadscope-reorder

.PHONY: demo up test test-services services bench check lock
.DEFAULT_GOAL := demo

demo: $(READY)  ## set up and run the main job
	$(BIN)/ordercast demo

up: $(READY)  ## run until Ctrl-C
	$(BIN)/ordercast up

test: $(READY)  ## set up and pass the tests
	$(BIN)/python -m pytest -m "not service" $(SIDE_BY_SIDE)

test-services: $(READY)  ## the tests that need real servers, or kill processes
	$(BIN)/python -m pytest -m service -rs -n $(SERVICE_WORKERS) --no-loadscope-reorder

services: $(READY)  ## PostgreSQL, Redis, S3 … for the tests and for you, until Ctrl-C
	$(BIN)/python -m tests.services.serving

bench: $(READY)  ## measure throughput, wake-up, batches, 50,000 waiting orders, and pushes
	$(BIN)/python -m benchmarks.lifecycle
	$(BIN)/python -m benchmarks.wake
	$(BIN)/python -m benchmarks.batch
	$(BIN)/python -m benchmarks.inflight
	$(BIN)/python -m benchmarks.push

check: $(READY)  ## style, types, and imports that point down
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

lock:  ## renew requirements.lock from pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
	  --generate-hashes --extra dev pyproject.toml -o requirements.lock
