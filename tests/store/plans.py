"""How a database would carry out the statements that a test has it carry out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from ordercast.store.engine import Database

FEW_ROWS = ("seqscan", "bitmapscan", "sort")
"""What PostgreSQL prefers while a table is small: turned off, it shows what an index allows."""


@contextmanager
def noted(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements and parameters that reach the database meanwhile."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def plan(
    database: Database, statement: str, parameters: Any, *, without: Sequence[str] = FEW_ROWS
) -> str:
    """The plan of a statement, in the database's words; PostgreSQL's without some of its ways."""
    with database.read() as session:
        connection = session.connection()
        if database.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(row[3] for row in rows)
        for dear in without:
            connection.exec_driver_sql(f"SET LOCAL enable_{dear} = off")
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return "\n".join(row[0] for row in rows)
