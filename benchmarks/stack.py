"""The stack of a benchmark: `ordercast up` in a home of its own, and what is put beside it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, create_engine

from benchmarks.databases import Databases
from benchmarks.telling import say
from benchmarks.waiting import wait_until
from config.database_urls import for_ordercast
from config.prefect_server import DEPLOYMENT
from ordercast.demo.failing import DemoFailed
from ordercast.demo.home import log_file, tail
from ordercast.demo.stack import Stack, running_stack
from ordercast.store.engine import Database

ACCESS_LOG = {"PREFECT_SERVER_LOGGING_LEVEL": "INFO"}
"""The server writes a line for every request: that is how requests are counted."""

TIMEOUT_SECONDS = 60
SERVICES = ("prefect", "platform", "gateway", "worker")


@dataclass
class BenchStack:
    """A running stack, with the doors that a benchmark uses."""

    stack: Stack
    database_url: str
    prefect_database_url: str
    gateway: httpx.Client = field(init=False)
    prefect: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.gateway = self.client(self.stack.gateway_url)
        self.gateway.headers["authorization"] = f"Bearer {self.stack.api_key}"
        self.prefect = self.client(f"{self.stack.prefect_url}/api/")

    @property
    def home(self) -> Path:
        return self.stack.home

    @cached_property
    def database(self) -> Database:
        """The stack's own database, to look at what waits and to seed it."""
        return Database(self.database_url)

    @cached_property
    def prefects_engine(self) -> Engine:
        """The database of the stack's Prefect server, to be seeded."""
        return create_engine(self.prefect_database_url)

    @staticmethod
    def client(base_url: str) -> httpx.Client:
        return httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS, trust_env=False)

    def close(self) -> None:
        """Close the doors."""
        self.gateway.close()
        self.prefect.close()
        self.database.engine.dispose()
        self.prefects_engine.dispose()

    def pid(self, service: str) -> int:
        return int((self.home / "run" / f"{service}.pid").read_text())

    def run_module(self, module: str, *arguments: str) -> Any:
        """Run a module in the environment of the stack; the JSON that it prints."""
        done = subprocess.run(  # noqa: S603 (our own interpreter and modules)
            [sys.executable, "-m", module, *arguments],
            env=dict(self.stack.environment),
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(done.stdout)

    @contextmanager
    def frozen(self, services: Sequence[str] = SERVICES) -> Iterator[None]:
        """Stop services where they are, so that they take no time from what is measured."""
        self._signal(services, signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(services, signal.SIGCONT)

    @contextmanager
    def running_again(self, services: Sequence[str] = SERVICES) -> Iterator[None]:
        """Let frozen services go on for a while."""
        self._signal(services, signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(services, signal.SIGSTOP)

    def _signal(self, services: Sequence[str], number: signal.Signals) -> None:
        for service in services:
            os.kill(self.pid(service), number)

    @contextmanager
    def orders_go_to(self, work_pool: str) -> Iterator[None]:
        """New orders run in another work pool of the same server."""
        path = f"deployments/name/{DEPLOYMENT}"
        deployment = self.prefect.get(path).raise_for_status().json()
        self._move(deployment["id"], work_pool)
        try:
            yield
        finally:
            self._move(deployment["id"], deployment["work_pool_name"])

    def _move(self, deployment_id: str, work_pool: str) -> None:
        changes = {"work_pool_name": work_pool, "work_queue_name": "default"}
        wait_until(  # Prefect's SQLite is locked for a moment now and then
            lambda: self.prefect.patch(f"deployments/{deployment_id}", json=changes).is_success,
            what="the deployment cannot be changed",
        )


@contextmanager
def running(name: str, chosen: Databases) -> Iterator[BenchStack]:
    """A stack on free ports in a new home with new databases, gone without a trace at the end.

    When something goes wrong the ends of the logs are told, and the home is kept.
    """
    with chosen.fresh() as settings, _running(name, settings) as bench:
        yield bench


@contextmanager
def _running(name: str, databases: Mapping[str, str]) -> Iterator[BenchStack]:
    home = Path(tempfile.mkdtemp(prefix=f"ordercast-bench-{name}-"))
    say(f"{name}: starting a stack")
    try:
        with running_stack(
            home,
            tell=lambda *_: None,
            stopping=lambda: say(f"{name}: stopping the stack"),
            changes={**ACCESS_LOG, **databases},
        ) as stack:
            bench = BenchStack(stack, *_urls(home, databases))
            _wait_until_deployed(bench)
            yield bench
            bench.close()
    except Exception as fault:
        _tell_logs(home, fault)
        raise
    shutil.rmtree(home, ignore_errors=True)


def _urls(home: Path, databases: Mapping[str, str]) -> tuple[str, str]:
    """The databases of Ordercast and of Prefect."""
    ours = databases.get("ORDERCAST_DATABASE__URL") or f"sqlite:///{home / 'ordercast.db'}"
    prefects = databases.get("ORDERCAST_PREFECT__DATABASE_URL")
    own = f"sqlite:///{home / 'prefect' / 'prefect.db'}"
    return for_ordercast(ours), for_ordercast(prefects or own)


def _wait_until_deployed(bench: BenchStack) -> None:
    wait_until(
        lambda: bench.prefect.get(f"deployments/name/{DEPLOYMENT}").status_code == 200,
        what="the deployment is not there",
    )


def _tell_logs(home: Path, fault: Exception) -> None:
    logs = fault.logs if isinstance(fault, DemoFailed) else SERVICES
    say(f"{type(fault).__name__}: {fault}; everything is kept in {home}")
    for service in logs:
        for line in tail(log_file(home, service), lines=5):
            say(f"{service}: {line}")
