"""The evidence of an order: everything that proves what was asked and what was done."""

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import func, inspect, select
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
COMPRESSION_LEVEL = 6
GZIP = 16 + zlib.MAX_WBITS
ROWS_AT_ONCE = 1000

MOST_SHARED_BYTES = 256 * 2**10
"""A larger message that holds several orders lies with the evidence of the first alone."""


def evidence(session: Session, order: ServiceOrder, outcome: dict[str, Any]) -> bytes:
    """The evidence object as gzipped JSON; the same bytes for the same facts.

    It holds the sealed message with the SHA-256 of its plain text, the order, its lines, work
    orders, reports and the outcome. Nothing in it but the sealed message has held a secret. Of
    a message in a dialect there are both: as it came, and the order as it was translated.
    Rows are read, written and compressed one by one: there may be a hundred thousand.
    """
    squeeze = zlib.compressobj(COMPRESSION_LEVEL, wbits=GZIP)
    squeezed = bytearray()
    for text in _document(session, order, outcome):
        squeezed += squeeze.compress(text.encode())
    return bytes(squeezed + squeeze.flush())


def _document(session: Session, order: ServiceOrder, outcome: dict[str, Any]) -> Iterator[str]:
    """The text of the document in pieces, its names sorted, as `json.dumps` would write it."""
    order_no = order.order_no
    yield f'{{"format": {_json(FORMAT)}, "lines": '
    yield from _array(_rows(session, OrderLine, order_no, col(OrderLine.line_no)))
    messages = _messages(session, order)
    yield f', "message": {_json(messages.pop("message"))}'
    yield f', "order": {_json(order.model_dump(mode="json"))}'
    yield f', "outcome": {_json({name: outcome[name] for name in outcome if name != "lines"})}'
    yield ', "reports": '
    yield from _array(_rows(session, CompletionReport, order_no, col(CompletionReport.key)))
    for name, translated in messages.items():
        yield f", {_json(name)}: {_json(translated)}"
    yield ', "work_orders": '
    yield from _array(_rows(session, WorkOrder, order_no, *IN_PLACE))
    yield "}"


IN_PLACE = (col(WorkOrder.line_no), func.length(WorkOrder.id), col(WorkOrder.id))
"""By line, then by the number at the end of the id: of two ids of a line the longer is later."""


def _array(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    opening = "["
    for row in rows:
        yield opening + _json(row)
        opening = ", "
    yield "]" if opening == ", " else "[]"


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
) -> Iterator[dict[str, Any]]:
    """The rows of an order as they stand."""
    columns = inspect(table).columns
    query = select(*columns).where(columns["order_no"] == order_no).order_by(*order_by)
    found = session.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    return (dict(row) for row in found.mappings())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_moment)


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
