"""Test pushes: an event of no order, for one subscriber, that goes the way of all others.

It is sent once. Each subscriber's tests are counted as the events of an order are.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import SubscriberState
from ordercast.domain.errors import Conflict, TooSoon
from ordercast.store import subscribers
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.push_tables import PushDelivery, PushEvent, Subscriber
from ordercast.store.pushes import DeliveryState, NewEvent, event_id

TEST_EVENT = "test"
REST = timedelta(seconds=5)
"""A subscriber is tested no more often."""


def begin(session: Session, subscriber_id: str, *, at: datetime) -> UUID:
    """Write a test push; the delivery's id. TooSoon within 5 s of the one before.

    NotFound if there is no such subscriber, Conflict if it is not active.
    """
    subscribers.get(session, subscriber_id)
    subscriber = session.get_one(Subscriber, subscriber_id, with_for_update=True)
    if subscriber.state != SubscriberState.ACTIVE.value:
        raise Conflict(
            "{id} is {state}: it is told nothing", id=subscriber_id, state=subscriber.state
        )
    last = _last(session, subscriber_id)
    if last:
        _rest(last, at)
        give_up(session, last.id, at=at)
    event = _event(subscriber, (last.sequence if last else 0) + 1, at)
    session.add(event)
    session.flush()
    delivery = _delivery(event, subscriber_id)
    session.add(delivery)
    nudge_after_commit(session, Topic.DELIVER)
    return delivery.id


def _last(session: Session, subscriber_id: str) -> PushDelivery | None:
    query = select(PushDelivery).where(
        PushDelivery.order_no == number_of(subscriber_id),
        PushDelivery.subscriber_id == subscriber_id,
    )
    return session.exec(query.order_by(col(PushDelivery.sequence).desc()).limit(1)).first()


def number_of(subscriber_id: str) -> str:
    """What stands where other pushes have the number of their order."""
    return f"test-{subscriber_id}"


def _rest(last: PushDelivery, at: datetime) -> None:
    left = (last.created_at + REST - at).total_seconds()
    if left > 0:
        raise TooSoon(
            "{id} was tested just now", retry_after_seconds=ceil(left), id=last.subscriber_id
        )


def _event(subscriber: Subscriber, sequence: int, at: datetime) -> PushEvent:
    number = number_of(subscriber.id)
    return PushEvent(
        id=event_id(number, NewEvent(TEST_EVENT, 1, n=sequence)),
        order_no=number,
        version=1,
        sequence=sequence,
        type=TEST_EVENT,
        occurred_at=at,
        data=_sample(subscriber, at),
    )


def _sample(subscriber: Subscriber, at: datetime) -> dict[str, Any]:
    """What the completion of an order looks like; `test` says that it is none."""
    return {
        "test": True,
        "state": "completed",
        "agent": subscriber.agent or "test",
        "external_id": f"test-{subscriber.id}",
        "title": "test push",
        "category": None,
        "priority": 4,
        "products": ["test"],
        "primary_tag": "test",
        "tags": ["test"],
        "counts": {"completed": 1},
        "ordered_at": at.isoformat(),
        "sealed_at": at.isoformat(),
    }


def _delivery(event: PushEvent, subscriber_id: str) -> PushDelivery:
    return PushDelivery(
        id=uuid5(event.id, subscriber_id),
        event_id=event.id,
        subscriber_id=subscriber_id,
        order_no=event.order_no,
        sequence=event.sequence,
        state=DeliveryState.PENDING.value,
        due_at=event.occurred_at,
        created_at=event.occurred_at,
    )


def give_up(session: Session, delivery_id: UUID, *, at: datetime) -> None:
    """Try a test push no more; one that is being sent now ends by itself."""
    is_held = (col(PushDelivery.leased_until).is_(None), col(PushDelivery.leased_until) <= at)
    session.execute(
        update(PushDelivery)
        .where(col(PushDelivery.id) == delivery_id)
        .where(col(PushDelivery.state) == DeliveryState.PENDING.value, or_(*is_held))
        .values(state=DeliveryState.WITHDRAWN.value, due_at=None, ended_at=at)
        .execution_options(synchronize_session=False)
    )
