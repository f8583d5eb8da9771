"""Withdrawing: what was still to be sent to a subscriber that is removed is never sent."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CursorResult, exists, update
from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import SubscriberState
from ordercast.store.delivery_states import DeliveryState
from ordercast.store.push_tables import PushDelivery, Subscriber


def pending_subscribers(session: Session, state: SubscriberState) -> Sequence[str]:
    """The ids of subscribers in that state to whom something is still to be sent."""
    pending = exists().where(
        col(PushDelivery.subscriber_id) == col(Subscriber.id), col(PushDelivery.ended_at).is_(None)
    )
    return session.exec(select(Subscriber.id).where(Subscriber.state == state, pending)).all()


def withdraw(session: Session, subscriber_id: str, *, at: datetime, limit: int) -> int:
    """End up to `limit` deliveries that are still to be sent; how many there were.

    They are locked in the order in which attempts are recorded, by the number of the order.
    """
    first = (
        select(PushDelivery.id)
        .where(PushDelivery.subscriber_id == subscriber_id, col(PushDelivery.ended_at).is_(None))
        .order_by(PushDelivery.order_no, col(PushDelivery.sequence))
        .limit(limit)
        .with_for_update()
        .cte("first")
    )
    statement = (
        update(PushDelivery)
        .where(col(PushDelivery.id).in_(select(first.c.id)))
        .values(
            state=DeliveryState.WITHDRAWN.value,
            due_at=None,
            ended_at=at,
            leased_by=None,
            leased_until=None,
        )
    )
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0
