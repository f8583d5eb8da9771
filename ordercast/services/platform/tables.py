"""The platform's tables, in a registry of their own: none is ever among Ordercast's."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, TypeDecorator
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class UtcTime(TypeDecorator[datetime]):
    """A point in time: aware UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 (SQLAlchemy hands it over)
    ) -> datetime | None:
        return as_utc(value) if value else None

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 (SQLAlchemy hands it over)
    ) -> datetime | None:
        return as_utc(value) if value else None


def as_utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken as UTC. ValueError if out of range."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is not a time in UTC between the years 1 and 9999") from None


class PlatformTable(SQLModel, registry=registry()):
    """The base of the platform's tables."""


class OrderClass(PlatformTable, table=True):
    """A class of orders, and the table that is its store."""

    __tablename__ = "order_class"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True)
    store: str = Field(unique=True)
    opened_at: datetime = Field(sa_type=UtcTime)  # pyright: ignore[reportArgumentType]


class OrderVersion(PlatformTable, table=True):
    """A version of an order as it came: where it is stored, and what was answered."""

    __tablename__ = "order_version"  # pyright: ignore[reportAssignmentType]

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    class_name: str
    state: str
    sha256: str
    line_count: int
    sealed_at: datetime = Field(sa_type=UtcTime)  # pyright: ignore[reportArgumentType]
    received_at: datetime = Field(sa_type=UtcTime)  # pyright: ignore[reportArgumentType]
    answer: dict[str, Any] = Field(sa_type=JSON)


class RequestKey(PlatformTable, table=True):
    """An idempotency key, and the version of an order that it was used for."""

    __tablename__ = "request_key"  # pyright: ignore[reportAssignmentType]

    key: str = Field(primary_key=True)
    order_no: str
    version: int


class OrderTag(PlatformTable, table=True):
    """A tag of a version of an order."""

    __tablename__ = "order_tag"  # pyright: ignore[reportAssignmentType]

    tag: str = Field(primary_key=True)
    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)


class OrderIndex(PlatformTable, table=True):
    """The index over all classes: the current version of each order, without its lines."""

    __tablename__ = "order_index"  # pyright: ignore[reportAssignmentType]

    order_no: str = Field(primary_key=True)
    version: int
    class_name: str = Field(index=True)
    state: str = Field(index=True)
    agent: str = Field(index=True)
    sealed_at: datetime = Field(sa_type=UtcTime, index=True)  # pyright: ignore
    summary: dict[str, Any] = Field(sa_type=JSON)
