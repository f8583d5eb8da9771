"""A row in every table of a database, whatever its revision, with values of the right types."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Column, MetaData, String, Uuid, types
from sqlalchemy.dialects import sqlite

from ordercast.store.engine import Database

MADE_AT = datetime(2026, 11, 22, tzinfo=UTC)
UUID_LENGTH = 32
ALEMBICS = "alembic_version"


def fill(database: Database) -> dict[str, int]:
    """Add a row to every table that is there now; how many rows each then has."""
    there, counts, made = MetaData(), {}, {}
    with database.writer.begin() as connection:
        there.reflect(connection)
        for number, table in enumerate(there.sorted_tables):
            if table.name != ALEMBICS:
                row = {column.name: _value(column, number, made) for column in table.columns}
                connection.execute(table.insert().values(row))
                made |= {(table.name, name): value for name, value in row.items()}
                counts[table.name] = _count(connection, table)
    return counts


def count(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    there = MetaData()
    with database.engine.connect() as connection:
        there.reflect(connection)
        return {
            table.name: _count(connection, table)
            for table in there.sorted_tables
            if table.name != ALEMBICS
        }


def _count(connection: Any, table: Any) -> int:
    return len(connection.execute(table.select()).all())


def _value(column: Column[Any], number: int, made: Mapping[tuple[str, str], Any]) -> Any:
    """That of the row which the column points to; else of its own, for a text or identifier."""
    for key in column.foreign_keys:
        return made[key.column.table.name, key.column.name]
    kind = column.type
    if isinstance(kind, Uuid):
        return uuid4()
    if isinstance(kind, String) and kind.length == UUID_LENGTH:
        return uuid4().hex  # what SQLite keeps a UUID in
    if isinstance(kind, types.JSON):
        return {}
    if isinstance(kind, types.LargeBinary):
        return b"bytes"
    if isinstance(kind, types.Boolean):
        return True
    if isinstance(kind, types.DateTime | sqlite.DATETIME):
        return MADE_AT
    if isinstance(kind, types.Integer):
        return int(uuid4()) % 10**6 + 1
    if isinstance(kind, types.Float | types.Numeric):
        return float(number)
    if isinstance(kind, types.String):
        return f"text-{uuid4().hex[:8]}"
    raise AssertionError(f"{column}: no value is known for {kind!r}")
