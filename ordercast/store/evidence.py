"""The evidence of an order: everything that proves what was asked and what was done."""

import gzip
import json
from base64 import b64encode
from datetime import datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlmodel import Session, SQLModel, col

from ordercast.store import inbox
from ordercast.store.tables import (
    CompletionReport,
    InboxMessage,
    OrderLine,
    ServiceOrder,
    WorkOrder,
)

FORMAT = "ordercast-evidence/1"

MOST_SHARED_BYTES = 256 * 2**10
"""A larger message that holds several orders lies with the evidence of the first alone."""


def evidence(session: Session, order: ServiceOrder, outcome: dict[str, Any]) -> bytes:
    """The evidence object as gzipped JSON; the same bytes for the same facts.

    It holds the sealed message with the SHA-256 of its plain text, the order, its lines, work
    orders, reports and the outcome. Nothing in it but the sealed message has held a secret. Of
    a message in a dialect there are both: as it came, and the order as it was translated.
    """
    order_no = order.order_no
    document = {
        "format": FORMAT,
        "outcome": {name: value for name, value in outcome.items() if name != "lines"},
        **_messages(session, order),
        "order": order.model_dump(mode="json"),
        "lines": _rows(session, OrderLine, order_no, col(OrderLine.line_no)),
        "work_orders": sorted(_rows(session, WorkOrder, order_no), key=_place),
        "reports": _rows(session, CompletionReport, order_no, col(CompletionReport.key)),
    }
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, default=_moment)
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def _messages(session: Session, order: ServiceOrder) -> dict[str, Any]:
    kept = inbox.message(session, order.message_id)
    if kept.translated_from is None:
        return {"message": _message(kept)}
    origin = inbox.message(session, kept.translated_from)
    if origin.size_bytes > MOST_SHARED_BYTES and origin.order_no != order.order_no:
        facts = origin.model_dump(mode="json", exclude={"sealed"})
        return {"message": {**facts, "sealed_in": origin.order_no}, "translated": _message(kept)}
    return {"message": _message(origin), "translated": _message(kept)}


def _message(kept: InboxMessage) -> dict[str, Any]:
    facts = kept.model_dump(mode="json", exclude={"sealed"})
    return {**facts, "sealed": b64encode(kept.sealed).decode()}


def _rows(
    session: Session, table: type[SQLModel], order_no: str, *order_by: Any
) -> list[dict[str, Any]]:
    """The rows of an order as they stand; plain ones, for there may be a hundred thousand."""
    columns = inspect(table).columns
    query = select(*columns).where(columns["order_no"] == order_no).order_by(*order_by)
    return [dict(row) for row in session.execute(query).mappings()]


def _place(work_order: dict[str, Any]) -> tuple[int, int]:
    return work_order["line_no"], int(work_order["id"].rpartition("-")[2])


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
