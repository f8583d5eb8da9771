"""Resuming: what was kept for a subscriber falls due at once, in the order in which it was told."""

from datetime import datetime

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, select

from ordercast.store.chunks import CHUNK
from ordercast.store.clock import now
from ordercast.store.delivery_states import DeliveryState
from ordercast.store.engine import Database
from ordercast.store.nudges import Topic, nudge
from ordercast.store.push_tables import PushDelivery


def fall_due(database: Database, subscriber_id: str) -> None:
    """Let all that waits for its next attempt be due, some hundred deliveries at a time."""
    more = True
    while more:
        with database.write() as session:
            more = _fall_due(session, subscriber_id, at=now()) == CHUNK
        nudge(Topic.DELIVER)


def _fall_due(session: Session, subscriber_id: str, *, at: datetime) -> int:
    """They are locked in the order in which attempts are recorded, by the number of the order."""
    first = (
        select(PushDelivery.id)
        .where(
            PushDelivery.subscriber_id == subscriber_id,
            PushDelivery.state == DeliveryState.PENDING.value,
            col(PushDelivery.due_at) > at,
        )
        .order_by(PushDelivery.order_no, col(PushDelivery.sequence))
        .limit(CHUNK)
        .with_for_update()
        .cte("first")
    )
    statement = (
        update(PushDelivery)
        .where(col(PushDelivery.id).in_(select(first.c.id)))
        .values(due_at=PushDelivery.created_at)
    )
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0
