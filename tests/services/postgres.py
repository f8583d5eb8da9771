"""A PostgreSQL cluster of the tests' own: on a free port, in a directory, without durability.

PostgreSQL refuses to run as root; where the tests do, the cluster runs as the user `postgres`.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Self

import psycopg
from sqlalchemy import MetaData, NullPool, create_engine, make_url

from config.database_urls import for_ordercast
from tests.waiting import free_port, wait_for

DEBIAN = Path("/usr/lib/postgresql")
USER = "postgres"
START_SECONDS = STOP_SECONDS = 60

CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
deadlock_timeout = 100ms
max_connections = 150
shared_buffers = 64MB
log_min_error_statement = panic
"""

NAMES = count(1)

OTHERS_GO = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
USED_TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
RESTART_SEQUENCES = """
SELECT setval(quote_ident(sequencename)::regclass, start_value, false) FROM pg_sequences
WHERE last_value IS NOT NULL
"""


class Postgres:
    """Databases on a server; `admin_url` is one of which more can be made."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = make_url(for_ordercast(admin_url))

    def create(self) -> str:
        """Make an empty database; its URL."""
        name = f"ordercast_test_{os.getpid()}_{next(NAMES)}"
        self.run(f"CREATE DATABASE {name}")
        return self.admin_url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        self.run(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    @contextmanager
    def temporary(self) -> Iterator[str]:
        """A database for a while."""
        url = self.create()
        try:
            yield url
        finally:
            self.drop(url)

    def run(self, statement: str) -> None:
        url = self.admin_url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)  # pyright: ignore[reportArgumentType]


class Reused:
    """A database that one test after the other has: emptied in a tenth of the time of a copy."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        shape = MetaData()
        shape.reflect(self._engine)
        with self._engine.connect() as connection:
            self._first_rows = {
                table: connection.execute(table.select()).mappings().all()
                for table in shape.sorted_tables
            }

    def empty(self) -> None:
        """Leave the rows that were there at first, nobody connected, and no dead row."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql(OTHERS_GO)
            names = set(connection.exec_driver_sql(USED_TABLES).scalars())
            used = [table for table in self._first_rows if table.name in names]
            for table in reversed(used):
                connection.execute(table.delete())
            for table in used:
                if rows := self._first_rows[table]:
                    connection.execute(table.insert(), rows)
            connection.exec_driver_sql(f"VACUUM {', '.join(names)}")
            connection.exec_driver_sql(RESTART_SEQUENCES)


class Cluster(Postgres):
    """A cluster that can be stopped and started; use it as a context manager."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        super().__init__(f"postgresql://{USER}@127.0.0.1:{self.port}/postgres")
        self._user = USER if os.geteuid() == 0 else None
        self._data, self._process = home / "data", None

    @staticmethod
    def programs() -> Path | None:
        """Where the server's programs are: on the path, or the newest that Debian installed."""
        if found := shutil.which("initdb"):
            return Path(found).parent
        installed = [path for path in DEBIAN.glob("*/bin") if (path / "initdb").exists()]
        return max(installed, key=lambda path: float(path.parent.name), default=None)

    def __enter__(self) -> Self:
        if self._user:
            shutil.chown(self.home, self._user)
        options = ["--username", USER, "--auth=trust", "--no-sync", "--encoding=UTF8"]
        self._call("initdb", "--pgdata", str(self._data), "--locale=C.UTF-8", *options)
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION.format(port=self.port))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGQUIT)  # at once: nothing is kept

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", str(self._data)),
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self.home,
            )
        wait_for(self._answers, what="PostgreSQL takes no connections", seconds=START_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop the server; SIGINT ends its sessions in order, SIGQUIT is a crash."""
        assert self._process
        self._process.send_signal(number)
        self._process.wait(STOP_SECONDS)

    def be_durable(self) -> None:
        """Lose nothing that was committed when the server crashes (the machine may not)."""
        self.run("ALTER SYSTEM SET synchronous_commit = on")
        self.run("SELECT pg_reload_conf()")

    def restart(self, number: signal.Signals = signal.SIGINT) -> None:
        self.stop(number)
        self.start()

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.home / "server.log").read_text()
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _command(self, program: str, *arguments: str) -> list[str]:
        programs = self.programs()
        assert programs, "PostgreSQL is not installed"
        return [str(programs / program), *arguments]

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._command(program, *arguments),
            check=True,
            capture_output=True,
            user=self._user,
            cwd=self.home,
        )
