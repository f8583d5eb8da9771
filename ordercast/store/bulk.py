"""Many rows at once: by COPY on PostgreSQL, where there are enough of them to gain by it."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, exc, insert
from sqlmodel import Session, SQLModel

from ordercast.store.chunks import chunks

COPIED_FROM = 100


def insert_rows(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, in the session's transaction."""
    if len(rows) >= COPIED_FROM and session.get_bind().dialect.name == "postgresql":
        session.flush()
        _copy(session.connection(), SQLModel.metadata.tables[str(table.__tablename__)], rows)
    else:
        for some in chunks(rows):
            session.execute(insert(table), [dict(row) for row in some])


def _copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Copy rows into a table; faults are those of SQLAlchemy, as of any other statement."""
    dialect, names = connection.dialect, list(rows[0])
    quote = dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    statement = f"COPY {quote(table.name)} ({columns}) FROM STDIN"
    kinds = {name: table.c[name].type.dialect_impl(dialect) for name in names}
    bound = [(name, kind.bind_processor(dialect) or _as_it_is) for name, kind in kinds.items()]
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([process(row[name]) for name, process in bound])
    except psycopg.Error as fault:
        raise exc.DBAPIError.instance(
            statement, None, fault, psycopg.Error, hide_parameters=True, dialect=dialect
        ) from fault


def _as_it_is(value: Any) -> Any:
    return value
