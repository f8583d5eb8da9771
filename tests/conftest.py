"""What all tests stand on: a clean environment, and for each a database of its own."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from hypothesis import HealthCheck
from hypothesis import settings as properties
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import Pool
from sqlalchemy.util import LRUCache

from config.settings import Settings, settings
from ordercast.delivery.guard import guard
from ordercast.store import engine, passwords
from ordercast.store.engine import Database
from ordercast.store.migrating import upgrade
from ordercast.store.sealing import sealer
from tests.services.ceph import Ceph
from tests.services.certificates import make_certificate
from tests.services.postgres import Cluster, Postgres, Reused
from tests.services.rabbitmq import RabbitNode
from tests.services.s3_server import USER, S3Server
from tests.side_by_side import ByFixture, longest_first

OURS = ("ORDERCAST_", "PREFECT_")
FOR_TESTS = "ORDERCAST_TEST_"
CACHED = (settings, engine.database, sealer, guard)
"""What hangs on the environment; files of configuration are read once for all tests."""

CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=64)
"""Hashes of passwords take a tenth of a second by design; those of tests keep no secret."""

AUTHORITY = tempfile.NamedTemporaryFile(prefix="ordercast-", suffix=".pem")  # noqa: SIM115
"""Whom tests trust in TLS: loading all authorities of the world, for each client of HTTP, would
take a quarter of the time of the flow tests."""

COMPILED = LRUCache(2000)
"""The SQL of the statements of all tests: each opens a database of its own, and would compile
anew all that it asks it, a fifth of its time."""

SLOW = [HealthCheck.too_slow]
"""How fast a machine is makes no property false."""


def pytest_configure() -> None:
    """Before a test imports Prefect or anything of ours: forget the machine's settings."""
    for name in list(os.environ):
        if name.startswith(OURS) and not name.startswith(FOR_TESTS):
            del os.environ[name]
    os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"
    os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"
    make_certificate(Path(AUTHORITY.name))
    os.environ["SSL_CERT_FILE"] = os.environ["PREFECT_API_SSL_CERT_FILE"] = AUTHORITY.name
    Settings.model_config["env_file"] = None
    passwords.HASHER = CHEAP_HASHER
    event.listen(Pool, "checkout", _write_without_waiting_for_the_disk)
    event.listen(Engine, "engine_connect", _compile_for_all)
    DefaultDialect.__hash__ = lambda self: hash(type(self))
    DefaultDialect.__eq__ = lambda self, other: type(self) is type(other)
    properties.register_profile("any machine", deadline=None, suppress_health_check=SLOW)
    properties.load_profile("any machine")


def _write_without_waiting_for_the_disk(connection: Any, *_: Any) -> None:
    """A test need not survive its machine; the services that tests start are as durable as ever."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


def _compile_for_all(connection: Connection) -> None:
    """What was compiled for one database is good for every one of its kind."""
    connection.execution_options(compiled_cache=COMPILED)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFixture:
    """Where tests run side by side: which of them stay together."""
    return ByFixture(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins early."""
    longest_first(items)


def forget() -> None:
    """Drop what this process has read from settings and files, and its connections."""
    if engine.database.cache_info().currsize:
        engine.database().engine.dispose()
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that has come through all migrations; tests take copies of it."""
    path = tmp_path_factory.mktemp("migrated") / "ordercast.db"
    made = Database(f"sqlite:///{path}")
    upgrade(made)
    made.engine.dispose()
    return path


@pytest.fixture
def home(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with a sealing key and a migrated, empty database; nothing else is set."""
    shutil.copy(migrated, tmp_path / "ordercast.db")
    monkeypatch.setenv("ORDERCAST_HOME", str(tmp_path))
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", Fernet.generate_key().decode())
    forget()
    yield tmp_path
    forget()


@pytest.fixture
def database(home: Path) -> Database:
    """The database that this process uses while the test runs."""
    return engine.database()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own, which they may stop and start."""
    if Cluster.programs() is None:
        pytest.skip("no initdb: run .ci/services, or set ORDERCAST_TEST_POSTGRES_URL")
    with tempfile.TemporaryDirectory(prefix="postgres-") as place, Cluster(Path(place)) as running:
        yield running


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The server of ORDERCAST_TEST_S3_URL, which keeps the tests' buckets; else our own Ceph."""
    given = os.environ.get("ORDERCAST_TEST_S3_URL")
    if given:
        yield S3Server(given)
        return
    missing = Ceph.missing_programs()
    if missing:
        pytest.skip(f"no {', '.join(missing)}: run .ci/services, or set ORDERCAST_TEST_S3_URL")
    with tempfile.TemporaryDirectory(prefix="ceph-") as place, Ceph(Path(place)) as ceph:
        user = ceph.add_user(USER)
        yield S3Server(f"http://{user.key}:{user.secret}@{ceph.endpoint}", ceph)


@pytest.fixture(scope="session")
def rabbit_node() -> Iterator[RabbitNode]:
    """A RabbitMQ server of the tests' own, which they may stop and start."""
    if missing := RabbitNode.missing_programs():
        pytest.skip(f"no {', '.join(missing)}: run .ci/services")
    with tempfile.TemporaryDirectory(prefix="rabbitmq-") as home, RabbitNode(Path(home)) as node:
        yield node


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Postgres:
    """The server of ORDERCAST_TEST_POSTGRES_URL, whose user may create databases; else ours."""
    given = os.environ.get("ORDERCAST_TEST_POSTGRES_URL")
    return Postgres(given) if given else request.getfixturevalue("cluster")


@pytest.fixture(scope="session")
def reused_postgres(postgres: Postgres) -> Iterator[Reused]:
    """A database that has come through all migrations; a test that is over leaves it empty."""
    with postgres.temporary() as url:
        made = Database(url)
        upgrade(made)
        made.engine.dispose()
        yield Reused(url)


@pytest.fixture
def postgres_url(reused_postgres: Reused) -> Iterator[str]:
    """A migrated, empty PostgreSQL database, for the test alone."""
    yield reused_postgres.url
    reused_postgres.empty()
