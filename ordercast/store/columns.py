"""The kinds of columns and indexes that tables are made of."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, TypeDecorator, text
from sqlmodel import Field, Index


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time: aware UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def json_column(**options: Any) -> Any:
    """A column of plain data."""
    return Field(sa_type=JSON, **options)


def moment_column(**options: Any) -> Any:
    """A column of points in time."""
    return Field(sa_type=UtcDateTime, **options)


def index_of_few(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the few rows that a loop looks for, however many there are beside them."""
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


COUNTER = BigInteger().with_variant(Integer, "sqlite")
