"""SQLite as the database of one machine: WAL, full synchronous writes, one writer at a time."""

from sqlite3 import OperationalError
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from config.settings import DatabaseSettings


def open_sqlite(url: str, chosen: DatabaseSettings, **options: Any) -> Engine:
    """An engine whose writing transactions take the write lock at once."""
    arguments = {"timeout": chosen.busy_timeout_seconds, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, **options)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(dbapi_connection: Any, _record: Any) -> None:
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


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("begins_to_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
