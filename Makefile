PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
LOCK := uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
  --generate-hashes
WORKERS ?= 2
SERVICE_WORKERS ?= 2 # each of these tests starts servers of its own: more of them time out
SIDE_BY_SIDE := -n $(WORKERS) --no-loadscope-reorder

.PHONY: demo up test test-services services bench check lock
.DEFAULT_GOAL := demo

demo: $(READY)  ## set up and run the main job
	$(BIN)/ordercast demo

up: $(READY)  ## run until Ctrl-C
	$(BIN)/ordercast up

test: $(READY_TO_TEST)  ## set up and pass the tests
	$(BIN)/python -m pytest -m "not service" $(SIDE_BY_SIDE)

test-services: $(READY_TO_TEST)  ## the tests that need real servers, or kill processes
	$(BIN)/python -m pytest -m service -rs -n $(SERVICE_WORKERS) --no-loadscope-reorder

services: $(READY_TO_TEST)  ## PostgreSQL, Redis, S3 … for the tests and for you, until Ctrl-C
	$(BIN)/python -m tests.services.serving

bench: $(READY_TO_TEST)  ## measure throughput, wake-up, batches, 50,000 waiting orders, and pushes
	$(BIN)/python -m benchmarks.lifecycle
	$(BIN)/python -m benchmarks.wake
	$(BIN)/python -m benchmarks.batch
	$(BIN)/python -m benchmarks.inflight
	$(BIN)/python -m benchmarks.push

check: $(READY_TO_TEST)  ## style, types, and imports that point down
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-build-isolation -e .
	touch $@

$(READY_TO_TEST): $(READY) requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	touch $@

lock:  ## renew both locks from pyproject.toml
	$(LOCK) --extra build pyproject.toml -o requirements.lock
	$(LOCK) --no-annotate --extra build --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
