"""Looking at the database itself: what it is, what it allows, and what lies there undone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlmodel import SQLModel, col, func, select

from ordercast.store.clock import now
from ordercast.store.engine import Database
from ordercast.store.tables import OrderRun

ABOUT_POSTGRESQL = text(
    "SELECT current_setting('server_version'), clock_timestamp(), pg_is_in_recovery(),"
    " current_setting('synchronous_commit'), has_schema_privilege(current_schema(), 'CREATE')"
)
LACKING = text(
    "SELECT relname FROM pg_class"
    " WHERE relkind = 'r' AND relname = ANY(:names)"
    " AND relnamespace = current_schema()::regnamespace"
    " AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')"
    " AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))"
    " ORDER BY relname"
)


@dataclass(frozen=True)
class Examination:
    """What a database tells of itself; `clock` is None where it is this machine's."""

    server: str
    clock: datetime | None = None
    is_standby: bool = False
    commits_at_once: bool = True
    may_create: bool = True
    lacking: tuple[str, ...] = ()


def examine(database: Database) -> Examination:
    """Ask a database about itself. SQLAlchemyError if it does not answer, or is not writable."""
    if database.is_sqlite:
        with database.writer.connect() as connection:  # takes the write lock, and gives it back
            version = connection.scalar(text("SELECT sqlite_version()"))
        return Examination(f"SQLite {version}")
    with database.engine.connect() as connection:
        version, clock, standby, commit, create = connection.execute(ABOUT_POSTGRESQL).one()
        return Examination(
            f"PostgreSQL {version.split()[0]}",
            clock=clock,
            is_standby=standby,
            commits_at_once=commit != "off",
            may_create=bool(create),
            lacking=_lacking(connection),
        )


def _lacking(connection: Connection) -> tuple[str, ...]:
    """Our tables that this user may not both read and write."""
    names = list(SQLModel.metadata.tables)
    return tuple(connection.scalars(LACKING, {"names": names}))


def overdue_launches(database: Database, *, seconds: float) -> int:
    """Versions of orders that ought to have had a flow run so many seconds ago."""
    since = now() - timedelta(seconds=seconds)
    due = col(OrderRun.launch_at) <= since, col(OrderRun.ended_at).is_(None)
    with database.read() as session:
        return session.exec(select(func.count()).select_from(OrderRun).where(*due)).one()
