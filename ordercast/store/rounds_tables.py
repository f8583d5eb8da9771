"""The tables of the rounds: what the scheduled flows remember from one time to the next."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, text
from sqlmodel import Field, Index, SQLModel

from ordercast.store.columns import UtcDateTime


def _few(name: str, column: str) -> Index:
    """An index of the few rows that have that time."""
    condition = text(f"{column} IS NOT NULL")
    return Index(name, column, postgresql_where=condition, sqlite_where=condition)


class RoundTurn(SQLModel, table=True):
    """Whose turn a round is until when, when it began last, and how far it has come.

    A round that could not look at everything goes on at its cursor the next time.
    """

    __tablename__ = "round_turn"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True)
    holder: str | None = None
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    began_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cursor: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class OverdueWork(SQLModel, table=True):
    """A work order that was not reported by its due time, and what was done about that when.

    A reopened work order has a new due time, so it is escalated anew; each step once.
    """

    __tablename__ = "overdue_work"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (_few("ix_overdue_work_next", "next_at"),)

    work_order_id: str = Field(primary_key=True)
    due_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    order_no: str = Field(index=True)
    found_at: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    alerted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class OrderForecast(SQLModel, table=True):
    """When an order is promised and when it is expected to end; `look_at`: the sweep looks again.

    In jeopardy since `endangered_at`, because of the work order that `late_work_order` names.
    """

    __tablename__ = "order_forecast"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (_few("ix_order_forecast_look", "look_at"),)

    order_no: str = Field(primary_key=True)
    version: int = 1
    promised_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    endangered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    late_work_order: str | None = None
    look_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ErasedOrder(SQLModel, table=True):
    """An order that has ended long ago: what was taken out of it, and when."""

    __tablename__ = "erased_order"  # pyright: ignore[reportAssignmentType]

    order_no: str = Field(primary_key=True)
    personal_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ledger_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
