"""The table of what was asked of many orders at once."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text
from sqlmodel import Field, SQLModel

from ordercast.store.columns import UtcDateTime


class FalloutAct(SQLModel, table=True):
    """What somebody asked of all orders that a cause has brought to a stop, and why.

    `asked` is of how many orders, each of which has a command of its own that names this act;
    `left_out` counts the others by the reason.
    """

    __tablename__ = "fallout_act"  # pyright: ignore[reportAssignmentType]

    id: str = Field(primary_key=True)
    action: str
    cause: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    reason: str = Field(sa_type=Text)
    asked_by: str
    asked_at: datetime = Field(sa_type=UtcDateTime, index=True)
    asked: int
    left_out: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    per_second: float
    stopped_by: str | None = None
