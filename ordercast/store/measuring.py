"""The figures of /metrics, from the database: the same whichever process is asked.

Each is read from an index. Times to told are those of the last hour, of the newest pushes of
each subscriber, so that what it costs is bounded however many there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func
from sqlmodel import Session, and_, col, select

from ordercast.contracts.subscriber import SubscriberState
from ordercast.domain.day import quantile
from ordercast.store.push_tables import PushDelivery, PushEvent, Subscriber
from ordercast.store.pushes import DeliveryState
from ordercast.store.replying import SENDERS
from ordercast.store.tables import OrderOutcome, OrderRun, ServiceOrder
from ordercast.store.untold import OUTCOMES

HOUR = timedelta(hours=1)
MOST_TIMES = 20_000
FEWEST_TIMES = 20
COUNTED = tuple(each.value for each in DeliveryState if each is not DeliveryState.DELIVERED)


@dataclass(frozen=True)
class Told:
    """How long the outcomes of the last hour took from their seal to a subscriber, in seconds."""

    subscriber_id: str
    name: str
    seconds: Sequence[float]

    def quantile(self, share: float) -> float:
        """The time within which that share was told, by the nearest rank."""
        return quantile(self.seconds, share)


@dataclass(frozen=True)
class Figures:
    """How things stand. `delivered` counts the last hour's, all other states whatever there is."""

    orders: Mapping[str, int]
    in_flight: int
    waiting: Mapping[str, int]
    deliveries: Mapping[str, int]
    delivered: int
    oldest_due_seconds: float
    told: Sequence[Told]


def figures(session: Session, *, now: datetime) -> Figures:
    """How things stand now."""
    is_open = col(OrderRun.ended_at).is_(None)
    waiting = col(OrderRun.waiting_for)
    ended = col(PushDelivery.state).in_(COUNTED)
    return Figures(
        orders=_counts(session, select(ServiceOrder.state, func.count()), ServiceOrder.state),
        in_flight=session.exec(select(func.count()).select_from(OrderRun).where(is_open)).one(),
        waiting=_counts(
            session,
            select(waiting, func.count()).where(is_open, waiting.is_not(None)),
            OrderRun.waiting_for,
        ),
        deliveries={
            **dict.fromkeys(COUNTED, 0),
            **_counts(
                session,
                select(PushDelivery.state, func.count()).where(ended),
                PushDelivery.state,
            ),
        },
        delivered=session.exec(_delivered_since(now - HOUR)).one(),
        oldest_due_seconds=_oldest_due(session, now),
        told=_times_to_told(session, now),
    )


def _counts(session: Session, query: Select[Any], by: Any) -> dict[str, int]:
    return {str(key): count for key, count in session.execute(query.group_by(by))}


def _delivered_since(moment: datetime):
    is_delivered = PushDelivery.state == DeliveryState.DELIVERED.value
    return (
        select(func.count())
        .select_from(PushDelivery)
        .where(is_delivered, PushDelivery.created_at >= moment)
    )


def _oldest_due(session: Session, now: datetime) -> float:
    """How long the oldest push waits that could be sent; 0 if none does."""
    first = (
        select(func.min(PushDelivery.due_at))
        .where(col(PushDelivery.subscriber_id) == col(Subscriber.id))
        .where(col(PushDelivery.due_at).is_not(None))
        .correlate(Subscriber)
        .scalar_subquery()
    )
    is_active = Subscriber.state == SubscriberState.ACTIVE.value
    oldest = session.exec(select(func.min(first)).select_from(Subscriber).where(is_active)).one()
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _times_to_told(session: Session, now: datetime) -> list[Told]:
    is_active = (Subscriber.state == SubscriberState.ACTIVE.value, Subscriber.id != SENDERS)
    active = session.exec(select(Subscriber.id, Subscriber.name).where(*is_active)).all()
    each = max(FEWEST_TIMES, MOST_TIMES // max(1, len(active)))
    found = (
        Told(key, name, _times(session, key, since=now - HOUR, limit=each)) for key, name in active
    )
    return [told for told in found if told.seconds]


def _times(session: Session, subscriber_id: str, *, since: datetime, limit: int) -> list[float]:
    """From the seal, or else the event, to the acknowledgement; replays are left out."""
    newest = (
        select(PushDelivery)
        .where(PushDelivery.subscriber_id == subscriber_id, PushDelivery.created_at >= since)
        .order_by(col(PushDelivery.created_at).desc())
        .limit(limit)
        .subquery("newest")
    )
    sealed = and_(
        col(OrderOutcome.order_no) == col(PushEvent.order_no),
        col(OrderOutcome.version) == col(PushEvent.version),
    )
    query = (
        select(newest.c.ended_at, OrderOutcome.sealed_at, PushEvent.occurred_at)
        .join(PushEvent, col(PushEvent.id) == newest.c.event_id)
        .outerjoin(OrderOutcome, sealed)
        .where(newest.c.state == DeliveryState.DELIVERED.value)
        .where(newest.c.replay_id.is_(None), col(PushEvent.type).in_(OUTCOMES))
    )
    return [
        max(0.0, (ended - (sealed_at or occurred_at)).total_seconds())
        for ended, sealed_at, occurred_at in session.exec(query)
    ]
