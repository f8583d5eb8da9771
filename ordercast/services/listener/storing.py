"""Storing what a message says, and what its sender is answered. Runs in threads."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from config.settings import settings
from ordercast.domain.errors import Conflict, InvalidMessage, Refused, TooLarge
from ordercast.intake.accept import accept
from ordercast.intake.reporting import parse_reports_of, take_reports
from ordercast.services.listener.deliveries import Delivery, Kind
from ordercast.store.engine import database
from ordercast.store.inbox import RawMessage, ReplyTo


@dataclass(frozen=True)
class Stored:
    """What the sender is answered; `refusal` says why the message is a dead letter."""

    answer: dict[str, Any]
    refusal: str | None = None
    message_id: str | None = None


def store(delivery: Delivery) -> Stored:
    """Store a message: its orders or reports, or that it was refused."""
    limit = settings().broker.max_body_bytes
    try:
        if len(delivery.body) > limit:
            raise TooLarge(limit)
        return _reports(delivery) if delivery.queue.kind is Kind.REPORTS else _orders(delivery)
    except Refused as refused:
        return _refused(refused)


def unstorable(reason: str) -> Stored:
    """What becomes of a message that cannot be stored although the database answers."""
    return Stored({"status": "500", "reason": "Internal Server Error", "message": reason}, reason)


def _orders(delivery: Delivery) -> Stored:
    only_valid = delivery.headers.get("accept") == "valid"
    receipt = accept(database(), _raw(delivery), only_valid=only_valid)
    answer: dict[str, Any] = {
        "orders": [{"id": each.order_no, "isNew": each.is_new} for each in receipt.orders]
    }
    if receipt.left_out:
        answer["leftOut"] = [problem.as_dict() for problem in receipt.left_out]
    return Stored({"status": "201", **answer})


def _reports(delivery: Delivery) -> Stored:
    answers = take_reports(database(), parse_reports_of(database(), _raw(delivery)))
    counts = Counter(answer.verdict for answer in answers)
    reports = [answer.model_dump() for answer in answers]
    return Stored({"status": "200", "counts": dict(counts), "reports": reports})


def _raw(delivery: Delivery) -> RawMessage:
    reply_to = delivery.reply_to
    return RawMessage(
        delivery.body,
        delivery.media_type,
        source="queue",
        agent=delivery.headers.get("agent") or delivery.queue.agent,
        queue=delivery.queue.name,
        key=delivery.key,
        redelivered=delivery.redelivered,
        reply_to=ReplyTo(reply_to, delivery.correlation_id) if reply_to else None,
    )


def _refused(refused: Refused) -> Stored:
    """The refusal in the words that the gateway has for it."""
    status, reason = "400", "Bad Request"
    more: dict[str, Any] = {}
    if isinstance(refused, InvalidMessage):
        more["problems"] = [problem.as_dict() for problem in refused.problems]
    elif isinstance(refused, Conflict):
        status, reason, more["fields"] = "409", "Conflict", list(refused.fields)
    elif isinstance(refused, TooLarge):
        status, reason = "413", "Request Entity Too Large"
    message_id = getattr(refused, "message_id", None)
    if message_id:
        more["messageId"] = message_id
    answer = {"status": status, "reason": reason, "message": str(refused), **more}
    return Stored(answer, str(refused), message_id)


def spelled(answer: dict[str, Any]) -> bytes:
    """An answer as JSON."""
    return json.dumps(answer, ensure_ascii=False).encode()
