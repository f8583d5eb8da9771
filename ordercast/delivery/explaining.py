"""The ledger in words: each push with its last verdict explained, and what comes next."""

from typing import Any

from ordercast.contracts.subscriber import SubscriberState
from ordercast.delivery.verdicts import Reason
from ordercast.store.push_ledger import Entry
from ordercast.store.push_tables import PushAttempt
from ordercast.store.pushes import DeliveryState


def explain_push(entry: Entry) -> dict[str, Any]:
    """A delivery as the API and `--json` show it; times are UTC, durations milliseconds."""
    delivery, event, subscriber = entry.delivery, entry.event, entry.subscriber
    return {
        "id": str(delivery.id),
        "order_no": delivery.order_no,
        "event": {
            "id": str(event.id),
            "type": event.type,
            "version": event.version,
            "sequence": event.sequence,
            "occurred_at": event.occurred_at.isoformat(),
        },
        "subscriber": {"id": subscriber.id, "name": subscriber.name, "state": subscriber.state},
        "state": delivery.state,
        "attempts": delivery.attempts,
        "last_attempt": explain_attempt(entry.last) if entry.last else None,
        "next_attempt_at": _moment(delivery.due_at) if not waits_for(entry) else None,
        "waits_for": waits_for(entry),
        "created_at": _moment(delivery.created_at),
        "ended_at": _moment(delivery.ended_at),
        "replay": delivery.replay_id,
    }


def explain_attempt(attempt: PushAttempt) -> dict[str, Any]:
    """An attempt with its verdict in English and Chinese, and the next action."""
    reason = Reason(attempt.reason)
    return {
        "number": attempt.number,
        "started_at": _moment(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "status": attempt.status,
        "verdict": attempt.verdict,
        "reason": attempt.reason,
        "meaning": reason.meaning._asdict(),
        "remedy": reason.remedy._asdict(),
        "answer": attempt.answer,
    }


def waits_for(entry: Entry) -> str | None:
    """What keeps a pending delivery from being sent, beside its time."""
    if entry.delivery.state != DeliveryState.PENDING:
        return None
    if entry.subscriber.state != SubscriberState.ACTIVE:
        return f"the subscriber, which is {entry.subscriber.state}"
    if entry.delivery.due_at is None:
        return "an earlier event of the order"
    return None


def _moment(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
