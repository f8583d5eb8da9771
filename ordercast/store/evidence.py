"""The evidence of an order: everything that proves what was asked and what was done."""

import gzip
import json
from base64 import b64encode
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from ordercast.store import inbox, orders, work_orders
from ordercast.store.tables import CompletionReport, ServiceOrder

FORMAT = "ordercast-evidence/1"


def evidence(session: Session, order: ServiceOrder, outcome: dict[str, Any]) -> bytes:
    """The evidence object as gzipped JSON; the same bytes for the same facts.

    It holds the sealed message with the SHA-256 of its plain text, the order, its lines, work
    orders, reports and the outcome. Nothing in it but the sealed message has held a secret.
    """
    document = {
        "format": FORMAT,
        "outcome": {name: value for name, value in outcome.items() if name != "lines"},
        "message": _message(session, order),
        "order": _row(order),
        "lines": [_row(line) for line in orders.lines(session, order.order_no)],
        "work_orders": [_row(each) for each in work_orders.of_order(session, order.order_no)],
        "reports": [_row(each) for each in _reports(session, order.order_no)],
    }
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def _row(row: SQLModel) -> dict[str, Any]:
    return row.model_dump(mode="json")


def _message(session: Session, order: ServiceOrder) -> dict[str, Any]:
    kept = inbox.message(session, order.message_id)
    return {**_row_without_seal(kept), "sealed": b64encode(kept.sealed).decode()}


def _row_without_seal(row: SQLModel) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude={"sealed"})


def _reports(session: Session, order_no: str) -> list[CompletionReport]:
    query = select(CompletionReport).where(CompletionReport.order_no == order_no)
    return list(session.exec(query.order_by(col(CompletionReport.key))).all())
