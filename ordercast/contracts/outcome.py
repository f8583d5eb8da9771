"""The sealed outcome of a version of an order, as the platform and subscribers are told it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class OutcomeFailure(BaseModel):
    """Why a line did not complete: a failed work order, or what the catalogue refused."""

    work_order: str | None = None
    code: str | None = None
    text: str


class OutcomeLine(BaseModel):
    """A line and what became of it; sensitive characteristics are masked."""

    line_no: int
    item_id: str
    product: str | None
    action: str
    state: str
    characteristics: dict[str, Any] = Field(default_factory=dict)
    failures: list[OutcomeFailure] = Field(default_factory=list)


class Outcome(BaseModel):
    """A version of an order, frozen when its wait ended. Times are UTC.

    `counts` has the number of lines in each state; `lines` is left out where only the
    summary is told.
    """

    model_config = ConfigDict(extra="forbid")

    order_no: str
    version: int = Field(ge=1)
    state: str
    agent: str
    external_id: str | None = None
    title: str
    category: str | None = None
    priority: int
    products: list[str]
    primary_tag: str
    tags: list[str]
    ordered_at: datetime
    sealed_at: datetime
    counts: dict[str, int]
    lines: list[OutcomeLine] = Field(default_factory=list)
