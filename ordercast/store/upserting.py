"""Inserts that say what becomes of a row that is there already, on either database."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def insert_for(session: Session, table: type[SQLModel]) -> Any:
    """An insert in the dialect of the session's database."""
    return INSERT[session.get_bind().dialect.name](table)
