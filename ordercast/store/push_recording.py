"""Recording attempts: what came of them, and what becomes of their deliveries.

Many are recorded in one transaction by a few statements. Rows are locked in one order by all:
the orders, the deliveries by order and sequence, the subscribers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, col, select

from ordercast.store.delivery_states import DeliveryState
from ordercast.store.push_leases import LeasedDelivery
from ordercast.store.push_tables import PushAttempt, PushDelivery
from ordercast.store.subscriber_health import disable
from ordercast.store.superseding import release_next, supersede
from ordercast.store.tables import ServiceOrder

PENDING = DeliveryState.PENDING.value
ANSWERED_GONE = "its receiver answered 410 Gone"


@dataclass(frozen=True)
class Tried:
    """What came of an attempt, and what becomes of the delivery.

    `charged` attempts count against the schedule. `due_at` is the next attempt's time, None
    when the state is an end.
    """

    attempt: PushAttempt
    state: DeliveryState
    due_at: datetime | None = None
    charged: bool = True

    @property
    def answered_at(self) -> datetime:
        return self.attempt.started_at + timedelta(milliseconds=self.attempt.duration_ms)


Outcome = tuple[LeasedDelivery, Tried]


def record_attempts(session: Session, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Write attempts and what becomes of their deliveries; those whose lease was not lost.

    When a delivery has ended, the next event of its order to the subscriber falls due. One
    that is gone disables its subscriber.
    """
    order_nos = sorted({leased.delivery.order_no for leased, _ in outcomes})
    _lock_orders(session, order_nos)
    held = _still_held(session, [leased.delivery.id for leased, _ in outcomes])
    ours = [each for each in outcomes if held.get(each[0].delivery.id) == _lease_of(each[0])]
    if not ours:
        return []
    session.connection().execute(_CHANGE, [_changes(*each) for each in ours])
    session.connection().execute(insert(PushAttempt), [_attempt(*each) for each in ours])
    _follow(session, ours)
    return ours


def _lock_orders(session: Session, order_nos: Sequence[str]) -> None:
    """As in `add_events`, so that a new event never counts on one that is just ending.

    SQLite has one writer at a time: there is nothing to lock.
    """
    if session.get_bind().dialect.name != "sqlite":
        orders = select(ServiceOrder.order_no).where(col(ServiceOrder.order_no).in_(order_nos))
        session.exec(orders.order_by(ServiceOrder.order_no).with_for_update()).all()


def _still_held(session: Session, ids: Sequence[UUID]) -> dict[UUID, tuple[Any, Any]]:
    query = (
        select(PushDelivery.id, PushDelivery.leased_by, PushDelivery.leased_until)
        .where(col(PushDelivery.id).in_(ids), PushDelivery.state == PENDING)
        .order_by(PushDelivery.order_no, col(PushDelivery.sequence))
        .with_for_update()
    )
    return {key: (holder, until) for key, holder, until in session.exec(query)}


def _lease_of(leased: LeasedDelivery) -> tuple[Any, Any]:
    return leased.delivery.leased_by, leased.delivery.leased_until


_DELIVERIES: Any = PushDelivery.__table__  # pyright: ignore[reportAttributeAccessIssue]

_CHANGE = (
    update(_DELIVERIES)
    .where(_DELIVERIES.c.id == bindparam("delivery_id"))
    .values(
        {name: bindparam(f"to_{name}") for name in ("state", "attempts", "tries", "due_at")}
        | {"ended_at": bindparam("to_ended_at"), "leased_by": None, "leased_until": None}
    )
)


def _changes(leased: LeasedDelivery, tried: Tried) -> dict[str, Any]:
    ended = tried.state is not DeliveryState.PENDING
    return {
        "delivery_id": leased.delivery.id,
        "to_state": tried.state.value,
        "to_attempts": tried.attempt.number,
        "to_tries": leased.delivery.tries + tried.charged,
        "to_due_at": tried.due_at,
        "to_ended_at": tried.answered_at if ended else None,
    }


_ATTEMPT_COLUMNS = tuple(PushAttempt.model_fields)


def _attempt(leased: LeasedDelivery, tried: Tried) -> dict[str, Any]:
    row = {name: getattr(tried.attempt, name) for name in _ATTEMPT_COLUMNS}
    return row | {"subscriber_id": leased.subscriber.id}


def _follow(session: Session, ours: Sequence[Outcome]) -> None:
    """What follows for other deliveries of the same orders, and for subscribers."""
    at = max(tried.attempt.started_at for _, tried in ours)
    ended = [leased for leased, tried in ours if tried.state is not DeliveryState.PENDING]
    if ended:
        release_next(session, [leased.delivery.id for leased in ended], at=at)
    if latest := {one.delivery.order_no for one, _ in ours if one.subscriber.latest_only}:
        supersede(session, sorted(latest), at=at)
    gone = {one.subscriber.id for one, tried in ours if tried.state is DeliveryState.GONE}
    for subscriber_id in sorted(gone):
        disable(session, subscriber_id, because=ANSWERED_GONE, at=at)
