"""The databases of a benchmark's stacks: PostgreSQL where there is one, else SQLite.

`ORDERCAST_BENCH_POSTGRES` names a server, with the right to make databases; without it a cluster
is started if the programs are installed, as durable as PostgreSQL comes.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from benchmarks.telling import say
from tests.services.postgres import Cluster, Postgres

DURABLE = """
fsync = on
synchronous_commit = on
full_page_writes = on
autovacuum = on
deadlock_timeout = 1s
max_connections = 300
shared_buffers = 256MB
"""
"""Over what the tests' cluster does without: the last word in the file counts."""


class BenchSettings(BaseSettings):
    """What a benchmark takes from the environment."""

    model_config = SettingsConfigDict(env_prefix="ORDERCAST_BENCH_")

    postgres: str = Field(default="", description="URL of a server to measure on")


class Databases:
    """SQLite, in the home of each stack."""

    name = "SQLite"

    @contextmanager
    def fresh(self) -> Iterator[Mapping[str, str]]:
        """The settings of new databases for a stack, for as long as it runs."""
        yield {}

    @contextmanager
    def scratch(self, home: Path) -> Iterator[str]:
        """An empty database on the same disk, for a moment."""
        file = home / "scratch.db"
        yield f"sqlite:///{file}"
        for each in home.glob(f"{file.name}*"):
            each.unlink()


class PostgresDatabases(Databases):
    """Databases on one PostgreSQL server."""

    name = "PostgreSQL"
    settings = (
        "ORDERCAST_DATABASE__URL",
        "ORDERCAST_PREFECT__DATABASE_URL",
        "ORDERCAST_PLATFORM__DATABASE_URL",
    )

    def __init__(self, server: Postgres) -> None:
        self._server = server

    @contextmanager
    def fresh(self) -> Iterator[Mapping[str, str]]:
        with ExitStack() as made:
            yield {name: made.enter_context(self._server.temporary()) for name in self.settings}

    @contextmanager
    def scratch(self, home: Path) -> Iterator[str]:  # noqa: ARG002 (the server has its own disk)
        with self._server.temporary() as url:
            yield url


class DurableCluster(Cluster):
    """A cluster that loses nothing, as one for orders must not."""

    def start(self) -> None:
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(DURABLE)
        super().start()


@contextmanager
def databases() -> Iterator[Databases]:
    """The best databases that there are."""
    if given := BenchSettings().postgres:
        yield PostgresDatabases(Postgres(given))
    elif Cluster.programs():
        home = Path(tempfile.mkdtemp(prefix="ordercast-bench-postgres-"))
        say("starting a PostgreSQL cluster")
        with DurableCluster(home) as cluster:
            yield PostgresDatabases(cluster)
        shutil.rmtree(home, ignore_errors=True)
    else:
        yield Databases()
