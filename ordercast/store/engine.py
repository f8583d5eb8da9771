"""The database: one engine a process, and the session boundary, which alone commits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Engine, exc, make_url
from sqlmodel import Session

from config.settings import DatabaseSettings, settings
from ordercast.domain.errors import ConfigurationError
from ordercast.store.commits import do_after_commit, do_with_commit
from ordercast.store.postgresql import ONE_VIEW, open_postgresql
from ordercast.store.sqlite import open_sqlite

DATABASE_AWAY = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
"""What tells that the database, or a free connection to it, is not there for the moment."""

DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")


class Database:
    """Sessions over one SQLAlchemy URL, SQLite or PostgreSQL.

    On SQLite a writing session takes the write lock at once, so that what it reads stays true
    until it commits. On PostgreSQL each statement sees what is committed (READ COMMITTED):
    what must stay true is read after a lock on the order's row, or after `wait_in_line`.
    """

    def __init__(
        self, url: str, chosen: DatabaseSettings | None = None, *, name: str = "ordercast"
    ) -> None:
        chosen = chosen or DatabaseSettings()
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        options: dict[str, Any] = {
            "pool_size": chosen.pool_size,
            "max_overflow": chosen.pool_size,
            "hide_parameters": True,  # error texts reach logs and Prefect: no values in them
        }
        self.engine: Engine = (
            open_sqlite(url, chosen, **options)
            if self.is_sqlite
            else open_postgresql(url, chosen, name, **options)
        )
        self.writer = self.engine.execution_options(begins_to_write=True)
        self.reader = self.engine.execution_options(**({} if self.is_sqlite else ONE_VIEW))

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that commits at the end, or leaves nothing on an exception."""
        with Session(self.writer, expire_on_commit=False) as session, session.begin():
            yield session
            do_with_commit(session)
        do_after_commit(session, self)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view, of which nothing is ever stored."""
        with Session(self.reader, expire_on_commit=False) as session:
            yield session
            if not self.is_sqlite:
                session.expunge_all()
                session.commit()  # at a rollback psycopg forgets all that it has prepared


def _driver(url: str) -> str:
    """Database and driver that a URL names; empty if it is none."""
    try:
        return make_url(url).drivername
    except (exc.ArgumentError, ValueError):  # a port that is no number
        return ""


class _Process:
    name = "ordercast"


def be_known_as(services: Sequence[str]) -> None:
    """Show this process to PostgreSQL as `ordercast-…`; before the first use of the database."""
    _Process.name = "-".join(["ordercast", *services])


@cache
def database() -> Database:
    """The database of this process, by its settings; ConfigurationError if they name none."""
    chosen = settings()
    if not chosen.database.url:
        chosen.home.mkdir(parents=True, exist_ok=True)
    if _driver(chosen.database_url) not in DRIVERS:
        problem = "is no URL of a database that Ordercast can use"
        cure = "write it as postgresql://USER:PASSWORD@HOST/NAME, or unset it for SQLite"
        raise ConfigurationError("ORDERCAST_DATABASE__URL", problem, cure)
    return Database(chosen.database_url, chosen.database, name=_Process.name)
