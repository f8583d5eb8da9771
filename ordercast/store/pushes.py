"""Events, and the deliveries that they become: one for each subscriber who wants them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import insert
from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import DEFAULT_EVENT_TYPES, SubscriberKind, SubscriberState
from ordercast.store import replying
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.tables import PushDelivery, PushEvent, ServiceOrder, Subscriber

NAMESPACE = UUID("8d1a3c52-5f0e-5b6b-9c57-2f1f6c0e7a41")

EVENT_TYPES = (
    *DEFAULT_EVENT_TYPES,
    "work-order.completed",
    "work-order.failed",
)


class DeliveryState(StrEnum):
    """Where a delivery stands; all but `pending` are ends."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    GONE = "gone"
    GAVE_UP = "gave-up"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class NewEvent:
    """Something that happened to a version of an order, or to one of its lines.

    `n` tells apart what can happen to the same line more than once in a version.
    """

    type: str
    version: int
    data: Mapping[str, Any] = field(default_factory=dict)
    line_no: int | None = None
    n: int = 0


def event_id(order_no: str, event: NewEvent) -> UUID:
    """The id of an event: the same fact has the same one, however often it is told."""
    line = "" if event.line_no is None else event.line_no
    return uuid5(NAMESPACE, f"{order_no}|{event.version}|{event.type}|{line}|{event.n}")


def add_events(
    session: Session,
    order: ServiceOrder,
    events: Sequence[NewEvent],
    *,
    tags: Sequence[str] = (),
    at: datetime | None = None,
) -> list[PushEvent]:
    """Write events of an order and a delivery for each subscriber who wants them.

    The caller's transaction holds the order's row. What is written already is left out, and
    takes no sequence number; what is new is returned. `tags` are the order's, beside its
    primary one.
    """
    fresh = _fresh(session, order.order_no, events)
    if not fresh:
        return []
    moment = at or now()
    written = [
        PushEvent(
            id=key,
            order_no=order.order_no,
            version=event.version,
            sequence=order.event_count + place,
            type=event.type,
            occurred_at=moment,
            data=dict(event.data),
        )
        for place, (key, event) in enumerate(fresh.items(), start=1)
    ]
    order.event_count += len(written)
    for some in chunks(written):
        session.execute(insert(PushEvent), [row.model_dump() for row in some])
    known_tags = {*tags, order.primary_tag} - {None}
    if _add_deliveries(session, order, written, tags={tag for tag in known_tags if tag}):
        nudge_after_commit(session, Topic.DELIVER)
    return written


def _fresh(session: Session, order_no: str, events: Iterable[NewEvent]) -> dict[UUID, NewEvent]:
    by_id: dict[UUID, NewEvent] = {}
    for event in events:
        by_id.setdefault(event_id(order_no, event), event)
    for some in chunks(list(by_id)):
        for known in session.exec(select(PushEvent.id).where(col(PushEvent.id).in_(some))):
            del by_id[known]
    return by_id


def _add_deliveries(
    session: Session, order: ServiceOrder, events: Sequence[PushEvent], *, tags: set[str]
) -> int:
    """Add a delivery for each subscriber who wants an event; how many there are."""
    audience = [each for each in _active(session) if _sees(each, order, tags)]
    busy = _busy(session, order.order_no) if audience else set()
    added = 0
    for some in chunks(events):
        rows = [
            _delivery(event, subscriber.id, busy)
            for event in some
            for subscriber in audience
            if _wants(subscriber, event.type)
        ]
        for part in chunks(rows):
            session.execute(insert(PushDelivery), part)
        added += len(rows)
    return added


def _delivery(event: PushEvent, subscriber_id: str, busy: set[str]) -> dict[str, Any]:
    """The row of a delivery; due at once unless an earlier one is on its way."""
    due_at = None if subscriber_id in busy else event.occurred_at
    busy.add(subscriber_id)
    return {
        "id": uuid5(event.id, subscriber_id),
        "event_id": event.id,
        "subscriber_id": subscriber_id,
        "order_no": event.order_no,
        "sequence": event.sequence,
        "state": DeliveryState.PENDING.value,
        "attempts": 0,
        "tries": 0,
        "due_at": due_at,
        "created_at": event.occurred_at,
    }


def _active(session: Session) -> Sequence[Subscriber]:
    wanted = select(Subscriber).where(Subscriber.state == SubscriberState.ACTIVE.value)
    return session.exec(wanted).all()


def _busy(session: Session, order_no: str) -> set[str]:
    """The subscribers to whom an event of this order is still to be sent."""
    pending = select(PushDelivery.subscriber_id).where(
        PushDelivery.order_no == order_no, PushDelivery.state == DeliveryState.PENDING.value
    )
    return set(session.exec(pending.distinct()).all())


def _sees(subscriber: Subscriber, order: ServiceOrder, tags: set[str]) -> bool:
    """Whether an order with these tags concerns the subscriber."""
    if subscriber.id == replying.SENDERS:
        return order.reply_to is not None
    if subscriber.kind == SubscriberKind.AGENT and subscriber.agent != order.agent:
        return False
    if subscriber.agents and order.agent not in subscriber.agents:
        return False
    return not subscriber.tags or not tags.isdisjoint(subscriber.tags)


def event_type_pattern(pattern: str) -> bool:
    """Whether a pattern can match the type of any event that there is."""
    return any(fnmatchcase(known, pattern) for known in EVENT_TYPES)


def _wants(subscriber: Subscriber, event_type: str) -> bool:
    if subscriber.id == replying.SENDERS:
        return replying.is_told(event_type)
    patterns = subscriber.event_types or DEFAULT_EVENT_TYPES
    return any(fnmatchcase(event_type, pattern) for pattern in patterns)


def concerns(subscriber: Subscriber, order: ServiceOrder, event_type: str, tags: set[str]) -> bool:
    """Whether a subscriber is to be told of an event of an order that has these tags."""
    return _sees(subscriber, order, tags) and _wants(subscriber, event_type)
