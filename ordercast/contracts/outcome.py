"""The sealed outcome of a version of an order, as the platform and subscribers are told it."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)


class OutcomeFailure(BaseModel):
    """Why a line did not complete: a failed work order, or what the catalogue refused."""

    work_order: str | None = None
    code: str | None = None
    text: str


class OutcomeWorkOrder(BaseModel):
    """A command that a message itself asked for, and what became of it."""

    id: str
    name: str
    team: str | None = None
    system: str | None = None
    state: str
    code: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)


class OutcomeUndo(BaseModel):
    """A work order that took back what another one of its line had done, or was to."""

    work_order: str
    undoes: str
    state: str
    code: str | None = None
    text: str | None = None


class OutcomeLine(BaseModel):
    """A line and what became of it; sensitive characteristics are masked.

    `work_orders` is there where the line's message named its commands, `undo` where it came to
    nothing after some of its work was done.
    """

    line_no: int
    item_id: str
    product: str | None
    action: str
    state: str
    characteristics: dict[str, Any] = Field(default_factory=dict)
    failures: list[OutcomeFailure] = Field(default_factory=list)
    work_orders: list[OutcomeWorkOrder] = Field(default_factory=list)
    undo: list[OutcomeUndo] = Field(default_factory=list)

    @model_serializer(mode="wrap")
    def _as_told(self, told: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `work_orders` and `undo` where there are none, as outcomes always were told."""
        document = told(self)
        for name in ("work_orders", "undo"):
            if not document[name]:
                del document[name]
        return document


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

    @property
    def document(self) -> str:
        """The outcome as JSON, the same whatever the order of fields it came in."""
        content = self.model_dump(mode="json")
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @property
    def sha256(self) -> str:
        """The checksum that a platform tells of a version that it holds."""
        return sha256(self.document.encode()).hexdigest()
