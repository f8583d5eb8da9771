"""Who should have been told of an outcome by now, and was not.

Each kind is read from its index, the oldest first, and no further than asked for: what it costs
does not depend on how much was told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import DEFAULT_EVENT_TYPES
from ordercast.domain.order import Stage
from ordercast.store.orders import is_number_of
from ordercast.store.push_ledger import Entry, entries
from ordercast.store.push_tables import PushDelivery, PushEvent
from ordercast.store.pushes import DeliveryState
from ordercast.store.subscribers import is_own
from ordercast.store.tables import OrderOutcome, OrderRun

OUTCOMES = tuple(each for each in DEFAULT_EVENT_TYPES if each != "order.reopened")
UNTOLD = (
    DeliveryState.PENDING,
    DeliveryState.GAVE_UP,
    DeliveryState.REJECTED,
    DeliveryState.GONE,
)
SEALED = (Stage.SEALED.value, Stage.SYNCED.value, Stage.ARCHIVED.value)


@dataclass(frozen=True)
class NotBroadcast:
    """A version whose outcome is sealed and of which nobody is told yet, and what it waits for."""

    order_no: str
    version: int
    sealed_at: datetime
    reason: str | None


def untold(
    session: Session, *, before: datetime, limit: int, agent: str | None = None
) -> Sequence[Entry]:
    """Outcomes from before a time that a subscriber does not have, the oldest first.

    An agent that is named sees those of its own subscribers.
    """
    by_state = [_in_state(session, state, before, limit, agent) for state in UNTOLD]
    return list(merge(*by_state, key=lambda each: each.delivery.created_at))[:limit]


def _in_state(
    session: Session, state: DeliveryState, before: datetime, limit: int, agent: str | None
) -> Sequence[Entry]:
    query = (
        entries()
        .where(PushDelivery.state == state.value, PushDelivery.created_at <= before)
        .where(col(PushEvent.type).in_(OUTCOMES))
        .order_by(col(PushDelivery.created_at))
        .limit(limit)
    )
    if agent is not None:
        query = query.where(is_own(agent))
    return [Entry(*row) for row in session.exec(query)]


def not_broadcast(
    session: Session, *, before: datetime, limit: int, agent: str | None = None
) -> Sequence[NotBroadcast]:
    """Versions that were sealed before a time and have not come to their broadcast.

    An agent that is named sees those of its own orders.
    """
    query = (
        select(OrderRun.order_no, OrderRun.version, OrderOutcome.sealed_at, OrderRun.waiting_reason)
        .join(
            OrderOutcome,
            (col(OrderOutcome.order_no) == col(OrderRun.order_no))
            & (col(OrderOutcome.version) == col(OrderRun.version)),
        )
        .where(col(OrderRun.ended_at).is_(None), col(OrderRun.stage).in_(SEALED))
        .where(OrderOutcome.sealed_at <= before)
        .order_by(col(OrderOutcome.sealed_at))
        .limit(limit)
    )
    if agent is not None:
        query = query.where(is_number_of(col(OrderRun.order_no), agent))
    return [NotBroadcast(*row) for row in session.exec(query)]
