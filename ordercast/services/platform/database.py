"""The platform's own database: nothing of Ordercast's is read or written through it."""

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import OperationalError
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlmodel import Session
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from ordercast.services.platform.tables import PlatformTable

OPENING_LOCK = 7_241_958  # any number that nothing else in this database locks by


class PlatformDatabase:
    """Sessions over one SQLAlchemy URL, SQLite or PostgreSQL.

    SQLite runs in WAL mode with full synchronous writes; a writing session takes the write
    lock at once, and waits up to `busy_timeout_seconds` for it.
    """

    def __init__(self, url: str, *, busy_timeout_seconds: float = 10, pool_size: int = 10) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        options: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": 3 * pool_size,
            "hide_parameters": True,  # errors in the log do not quote orders
        }
        if self.is_sqlite:
            options["connect_args"] = {"timeout": busy_timeout_seconds, "check_same_thread": False}
        else:
            options["pool_pre_ping"] = True
        self.engine: Engine = create_engine(url, **options)
        self._writer = self.engine.execution_options(begins_to_write=True)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that commits at the end, or leaves nothing on an exception."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that is never committed."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def create_tables(self) -> None:
        """Create the tables that are missing; processes that start together wait in line."""
        with self.write() as session:
            lock_opening(session)
            PlatformTable.metadata.create_all(session.connection())

    def close(self) -> None:
        self.engine.dispose()


def lock_opening(session: Session) -> None:
    """Let one transaction at a time create tables; SQLite's write lock does so already."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": OPENING_LOCK})


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # SQLAlchemy begins transactions, not the driver
    _switch_to_wal(dbapi_connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


@retry(
    retry=retry_if_exception_type(OperationalError),
    stop=stop_after_delay(10),
    wait=wait_fixed(0.05),
    reraise=True,
)
def _switch_to_wal(dbapi_connection: Any) -> None:
    """The first switch needs the file alone, and does not heed the busy timeout."""
    dbapi_connection.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("begins_to_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
