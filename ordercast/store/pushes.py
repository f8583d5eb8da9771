"""Events, and the deliveries that they become: one for each subscriber who wants them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import exists, insert, literal
from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import (
    DEFAULT_EVENT_TYPES,
    Policy,
    SubscriberKind,
    SubscriberState,
)
from ordercast.store import feed, replying, superseding
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.delivery_states import DeliveryState
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.push_tables import PushDelivery, PushEvent, Subscriber
from ordercast.store.tables import ServiceOrder

NAMESPACE = UUID("8d1a3c52-5f0e-5b6b-9c57-2f1f6c0e7a41")

WORK_OVERDUE = "work-order.overdue"
IN_JEOPARDY = "order.jeopardy"
"""What an order has been promised for cannot be kept, told once for each version."""

EVENT_TYPES = (
    *DEFAULT_EVENT_TYPES,
    IN_JEOPARDY,
    "work-order.completed",
    "work-order.failed",
    WORK_OVERDUE,
)

LINES_ENDED = "order.lines-ended"
"""Lines that ended while their order goes on: told to those whose policy is `lines`, no others."""

ALL_EVENT_TYPES = (*EVENT_TYPES, LINES_ENDED)

KEPT = (SubscriberState.ACTIVE.value, SubscriberState.DISABLED.value)
"""The states of those for whom deliveries are written."""

AT_THE_SEAL = 0
"""The interval of those who are told of all lines together, when the outcome is sealed."""


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


def known_by(order: ServiceOrder) -> dict[str, Any]:
    """What tells receivers which order it is, in events that have nothing else of it."""
    return {"agent": order.agent, "external_id": order.external_id, "title": order.title}


@dataclass(frozen=True)
class News:
    """Events of an order that are not written yet, and the order's tags beside its primary one."""

    order: ServiceOrder
    events: Sequence[NewEvent]
    tags: Sequence[str] = ()


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
    takes no sequence number; what is new is returned.
    """
    return add_news(session, [News(order, _fresh(session, order, events), tags)], at=at)


def add_news(
    session: Session, news: Iterable[News], *, at: datetime | None = None
) -> list[PushEvent]:
    """Write events of several orders, as `add_events` does, of which the caller knows the news."""
    moment = at or now()
    told = [(each.order, _written(each, moment)) for each in news if each.events]
    written = [event for _, events in told for event in events]
    if not written:
        return []
    for some in chunks(written):
        session.execute(insert(PushEvent), [row.model_dump() for row in some])
    feed.join_feed(session)
    if _add_deliveries(session, told, at=moment):
        nudge_after_commit(session, Topic.DELIVER)
    return written


def _written(news: News, at: datetime) -> list[PushEvent]:
    """The rows of an order's news, which take the next places in its sequence."""
    order, first = news.order, news.order.event_count + 1
    tags = sorted({tag for tag in (*news.tags, order.primary_tag) if tag})
    rows = [
        PushEvent(
            id=event_id(order.order_no, event),
            order_no=order.order_no,
            version=event.version,
            sequence=sequence,
            type=event.type,
            occurred_at=at,
            data=dict(event.data),
            tags=tags,
        )
        for sequence, event in enumerate(news.events, start=first)
    ]
    order.event_count += len(rows)
    return rows


def _fresh(session: Session, order: ServiceOrder, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
    """Those of the events that are not written yet, each once."""
    by_id = {event_id(order.order_no, event): event for event in events}
    written: set[UUID] = set()
    for some in chunks(list(by_id)):
        written.update(session.exec(select(PushEvent.id).where(col(PushEvent.id).in_(some))))
    return [event for key, event in by_id.items() if key not in written]


def _add_deliveries(
    session: Session, told: Sequence[tuple[ServiceOrder, Sequence[PushEvent]]], *, at: datetime
) -> int:
    """Add a delivery for each subscriber who wants an event; how many there are."""
    kept, rows, to_supersede = _kept(session), [], []
    for order, events in told:
        audience = [each for each in kept if _sees(each, order, events[0].tags)]
        wanted = [
            (event, subscriber.id)
            for event in events
            for subscriber in audience
            if _wants(subscriber, event.type, event.data)
        ]
        busy = _busy(session, order.order_no, {subscriber_id for _, subscriber_id in wanted})
        rows += [_delivery(*each, busy) for each in wanted]
        if any(each.latest_only for each in audience):
            to_supersede.append(order.order_no)
    for some in chunks(rows):
        session.execute(insert(PushDelivery), some)
    if to_supersede:
        superseding.supersede(session, to_supersede, at=at)
    return len(rows)


def _delivery(event: PushEvent, subscriber_id: str, busy: set[str]) -> dict[str, Any]:
    """The row of a delivery; due at once unless an earlier one is on its way."""
    due_at = None if subscriber_id in busy else event.occurred_at
    busy.add(subscriber_id)
    return delivery_row(event, subscriber_id, due_at=due_at, created_at=event.occurred_at)


def delivery_row(
    event: PushEvent, subscriber_id: str, *, due_at: datetime | None, created_at: datetime
) -> dict[str, Any]:
    """The row of a delivery of which nothing has been tried; its id follows from whom it tells."""
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
        "created_at": created_at,
    }


def _kept(session: Session) -> Sequence[Subscriber]:
    """Those for whom deliveries are written; to a disabled one they are sent when it resumes."""
    return session.exec(select(Subscriber).where(col(Subscriber.state).in_(KEPT))).all()


def _busy(session: Session, order_no: str, subscriber_ids: Collection[str]) -> set[str]:
    """Those of the subscribers to whom an event of this order is still to be sent.

    Each is looked for by itself: an order may have thousands of deliveries that have ended.
    """
    pending = exists().where(
        col(PushDelivery.order_no) == order_no,
        col(PushDelivery.subscriber_id) == col(Subscriber.id),
        col(PushDelivery.state) == DeliveryState.PENDING.value,
    )
    busy: set[str] = set()
    for some in chunks(sorted(subscriber_ids)):
        query = select(Subscriber.id).where(col(Subscriber.id).in_(some), pending)
        busy.update(session.exec(query))
    return busy


def interval(subscriber: Subscriber) -> int | None:
    """The interval in seconds at which a subscriber is told of lines; None if it is not.

    Tags are known when the outcome is sealed: who asks for some is told of the lines then.
    """
    if subscriber.policy != Policy.LINES:
        return None
    return AT_THE_SEAL if subscriber.tags else subscriber.lines_every_seconds


def intervals(
    session: Session, order: ServiceOrder, *, tags: Collection[str] | None = None
) -> set[int]:
    """The intervals of those who are told of the lines of an order; tags once they are known."""
    lines = literal(Policy.LINES.value, literal_execute=True)  # as their index has it
    asking = select(Subscriber).where(
        col(Subscriber.policy) == lines, col(Subscriber.state).in_(KEPT)
    )
    return {
        seconds
        for each in session.exec(asking)
        if _may_see(each, order.agent) and (tags is None or _has_tag(each, tags))
        if (seconds := interval(each)) is not None
    }


def _sees(subscriber: Subscriber, order: ServiceOrder, tags: Collection[str]) -> bool:
    """Whether an order with these tags concerns the subscriber."""
    if subscriber.id == replying.SENDERS:
        return order.reply_to is not None
    return _may_see(subscriber, order.agent) and _has_tag(subscriber, tags)


def concerns(subscriber: Subscriber, event: PushEvent, *, agent: str) -> bool:
    """Whether a subscriber is told of an event of an order of that agent."""
    sees = _may_see(subscriber, agent) and _has_tag(subscriber, event.tags)
    return sees and _wants(subscriber, event.type, event.data)


def _may_see(subscriber: Subscriber, agent: str) -> bool:
    """Whether the orders of an agent concern the subscriber, whatever their tags will be."""
    if subscriber.kind == SubscriberKind.AGENT and subscriber.agent != agent:
        return False
    return not subscriber.agents or agent in subscriber.agents


def _has_tag(subscriber: Subscriber, tags: Collection[str]) -> bool:
    return not subscriber.tags or not set(tags).isdisjoint(subscriber.tags)


def event_type_pattern(pattern: str) -> bool:
    """Whether a pattern can match the type of any event that there is."""
    return any(fnmatchcase(known, pattern) for known in EVENT_TYPES)


def _wants(subscriber: Subscriber, event_type: str, data: Mapping[str, Any]) -> bool:
    if event_type == LINES_ENDED:
        return interval(subscriber) == data["every_seconds"]
    if subscriber.id == replying.SENDERS:
        return replying.is_told(event_type)
    patterns = subscriber.event_types or DEFAULT_EVENT_TYPES
    return any(fnmatchcase(event_type, pattern) for pattern in patterns)
