"""The database: one engine a process, and the session boundary, which alone commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlmodel import Session

from config.settings import settings
from ordercast.store.nudges import nudge_for


class Database:
    """Sessions over one SQLAlchemy URL.

    SQLite runs in WAL mode with full synchronous writes; a writing session takes the write
    lock at once, so that what it reads stays true until it commits.
    """

    def __init__(self, url: str, *, busy_timeout_seconds: float = 10, pool_size: int = 10) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        options: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": pool_size,
            "hide_parameters": True,  # error texts reach logs and Prefect: no values in them
        }
        if self.is_sqlite:
            options["connect_args"] = {"timeout": busy_timeout_seconds, "check_same_thread": False}
        else:
            options["pool_pre_ping"] = True
        self.engine: Engine = create_engine(url, **options)
        self.writer = self.engine.execution_options(begins_to_write=True)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that commits at the end, or leaves nothing on an exception."""
        with Session(self.writer, expire_on_commit=False) as session:
            with session.begin():
                yield session
            nudge_for(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view, never committed."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # SQLAlchemy begins transactions, not the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("begins_to_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@cache
def database() -> Database:
    """The database of this process, by its settings."""
    chosen = settings()
    if not chosen.database.url:
        chosen.home.mkdir(parents=True, exist_ok=True)
    return Database(
        chosen.database_url,
        busy_timeout_seconds=chosen.database.busy_timeout_seconds,
        pool_size=chosen.database.pool_size,
    )
