"""One order × all subscribers: who was told of which outcome, and why somebody was not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import SubscriberKind, SubscriberState
from ordercast.store import orders
from ordercast.store.push_tables import PushDelivery, PushEvent, Subscriber
from ordercast.store.pushes import concerns
from ordercast.store.replying import SENDERS
from ordercast.store.subscribers import owner
from ordercast.store.tables import ServiceOrder

ABOUT_ORDERS = "order."


@dataclass(frozen=True)
class Row:
    """A subscriber: all its pushes of the order by state, those of the order's own events by
    sequence, and for each of these that it has none of the reason."""

    subscriber: Subscriber
    counts: Mapping[str, int]
    pushes: Mapping[int, PushDelivery]
    not_told: Mapping[int, str]


@dataclass(frozen=True)
class Matrix:
    """The order's own events (work orders' are only counted), and a row for each subscriber."""

    order: ServiceOrder
    events: Sequence[PushEvent]
    rows: Sequence[Row]


def matrix(session: Session, order_no: str, *, agent: str | None = None) -> Matrix:
    """Who was told of an order, and who was not and why; NotFound if there is no such order.

    An agent that is named sees its own orders, and of subscribers its own.
    """
    order = orders.order(session, order_no, agent=agent)
    events = _events(session, order_no)
    pushes, counts = _pushes(session, events), _counts(session, order_no)
    rows = []
    for subscriber in _subscribers(session, counts):
        if agent not in (None, owner(subscriber)):
            continue
        had = pushes.get(subscriber.id, {})
        not_told = {
            event.sequence: why_not(subscriber, order, event)
            for event in events
            if event.sequence not in had
        }
        rows.append(Row(subscriber, counts.get(subscriber.id, {}), had, not_told))
    return Matrix(order, events, rows)


def _events(session: Session, order_no: str) -> Sequence[PushEvent]:
    query = select(PushEvent).where(
        PushEvent.order_no == order_no, col(PushEvent.type).startswith(ABOUT_ORDERS)
    )
    return session.exec(query.order_by(col(PushEvent.sequence))).all()


def _pushes(
    session: Session, events: Sequence[PushEvent]
) -> Mapping[str, Mapping[int, PushDelivery]]:
    found: dict[str, dict[int, PushDelivery]] = {}
    wanted = col(PushDelivery.event_id).in_([event.id for event in events])
    for each in session.exec(select(PushDelivery).where(wanted)):
        found.setdefault(each.subscriber_id, {})[each.sequence] = each
    return found


def _counts(session: Session, order_no: str) -> Mapping[str, Mapping[str, int]]:
    by = (PushDelivery.subscriber_id, PushDelivery.state)
    query = select(*by, func.count()).where(PushDelivery.order_no == order_no).group_by(*by)
    found: dict[str, dict[str, int]] = {}
    for subscriber_id, state, count in session.exec(query):
        found.setdefault(subscriber_id, {})[state] = count
    return found


def _subscribers(session: Session, told: Mapping[str, object]) -> Sequence[Subscriber]:
    """All that there are now, and those that were told and are removed."""
    there = col(Subscriber.state) != SubscriberState.DELETED.value
    query = select(Subscriber).where(there, col(Subscriber.id) != SENDERS)
    now = list(session.exec(query.order_by(Subscriber.name)))
    gone = told.keys() - {each.id for each in now}
    before = select(Subscriber).where(col(Subscriber.id).in_(gone)).order_by(Subscriber.name)
    return [*now, *session.exec(before)]


def why_not(subscriber: Subscriber, order: ServiceOrder, event: PushEvent) -> str:
    """Why a subscriber has no push of an event."""
    if concerns(subscriber, event, agent=order.agent):
        if subscriber.created_at > event.occurred_at:
            return "it was added later: replay"
        return "it asked for something else then: replay"
    if subscriber.kind == SubscriberKind.AGENT and subscriber.agent != order.agent:
        return f"it sees the orders of {subscriber.agent} alone"
    if subscriber.agents and order.agent not in subscriber.agents:
        return f"it asked for the orders of {', '.join(subscriber.agents)} alone"
    if subscriber.tags and set(subscriber.tags).isdisjoint(event.tags):
        return f"it asked for orders tagged {', '.join(subscriber.tags)} alone"
    return f"it did not ask for {event.type}"
