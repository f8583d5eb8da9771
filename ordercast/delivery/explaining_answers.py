"""Who was told and who was not, in words."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from ordercast.delivery.explaining import explain_push
from ordercast.store.push_matrix import Matrix, Row
from ordercast.store.push_tables import PushDelivery
from ordercast.store.untold import NotBroadcast, not_broadcast, untold


def explain_matrix(found: Matrix) -> dict[str, Any]:
    """One order × all subscribers, as the API and `--json` show it; times are UTC."""
    return {
        "order_no": found.order.order_no,
        "state": found.order.state,
        "version": found.order.version,
        "events": [
            {
                "sequence": event.sequence,
                "type": event.type,
                "version": event.version,
                "occurred_at": event.occurred_at.isoformat(),
            }
            for event in found.events
        ],
        "subscribers": [_row(row) for row in found.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    subscriber = row.subscriber
    return {
        "id": subscriber.id,
        "name": subscriber.name,
        "state": subscriber.state,
        "counts": dict(row.counts),
        "pushes": {str(key): _push(each) for key, each in row.pushes.items()},
        "not_told": {str(key): why for key, why in row.not_told.items()},
    }


def _push(delivery: PushDelivery) -> dict[str, Any]:
    ended = delivery.ended_at.isoformat() if delivery.ended_at else None
    return {
        "id": str(delivery.id),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "ended_at": ended,
    }


def explain_untold(
    session: Session, *, before: datetime, now: datetime, limit: int, agent: str | None = None
) -> list[dict[str, Any]]:
    """Outcomes that somebody should have had before a time: not broadcast, then not delivered."""
    waiting = not_broadcast(session, before=before, limit=limit, agent=agent)
    stuck = [_stuck(each, now) for each in waiting]
    pushes = [
        {
            **explain_push(each),
            "minutes": _minutes(each.event.occurred_at, now),
        }
        for each in untold(session, before=before, limit=limit - len(stuck), agent=agent)
    ]
    return [*stuck, *pushes]


def _stuck(found: NotBroadcast, now: datetime) -> dict[str, Any]:
    return {
        "order_no": found.order_no,
        "version": found.version,
        "state": "not-broadcast",
        "subscriber": None,
        "sealed_at": found.sealed_at.isoformat(),
        "waits_for": found.reason or "sync-to-platform, archive-by-tag or broadcast",
        "minutes": _minutes(found.sealed_at, now),
    }


def _minutes(since: datetime, now: datetime) -> float:
    return round((now - since).total_seconds() / 60, 1)
