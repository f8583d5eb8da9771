"""Letters that the listener sends: answers to senders, and dead letters with their reasons."""

import json

from ordercast.services.listener.deliveries import Delivery, Letter
from ordercast.services.listener.storing import Stored, spelled

LONGEST_HEADER = 2000
JSON = "application/json"
OURS = "x-ordercast-"


def answer_to(delivery: Delivery, stored: Stored) -> Letter:
    """What the sender is told at once: order numbers, verdicts on reports, or problems."""
    assert delivery.reply_to
    known_by = delivery.correlation_id or delivery.message_id
    return Letter(delivery.reply_to, spelled(stored.answer), JSON, correlation_id=known_by)


def dead_letter(delivery: Delivery, stored: Stored, *, to: str) -> Letter:
    """The message as it came, with why it was refused, and where it belongs.

    To send it again, its body and headers go to the queue of `x-ordercast-queue`.
    """
    problems = stored.answer.get("problems", [])
    about = {
        "queue": delivery.queue.name,
        "reason": _fit(stored.refusal or ""),
        "problems": _fit(json.dumps(problems)),
        "message-id": stored.message_id or "",
        "reply-to": delivery.reply_to or "",
    }
    theirs = {name: text for name, text in delivery.headers.items() if not name.startswith(OURS)}
    return Letter(
        to,
        delivery.body,
        delivery.media_type,
        headers={**theirs, **{OURS + name: text for name, text in about.items() if text}},
        message_id=delivery.message_id,
        correlation_id=delivery.correlation_id,
    )


def _fit(text: str) -> str:
    """Text as every broker takes it in a header: one line of ASCII, not too long."""
    one_line = " ".join(text.split())
    return one_line.encode("ascii", "backslashreplace").decode()[:LONGEST_HEADER]
