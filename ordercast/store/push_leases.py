"""Leases on deliveries: which are to be sent now, who sends them, and what came of it.

Several relays may lease at once. An event of an order is leased for a subscriber only when
no earlier one of that order to the same subscriber is pending.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Integer, bindparam, exists, insert, or_, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import SubscriberState
from ordercast.store.devices import DeviceState
from ordercast.store.inbox import ReplyTo
from ordercast.store.last_states import last_states
from ordercast.store.pushes import DeliveryState
from ordercast.store.replying import SENDERS, where_senders_wait
from ordercast.store.tables import (
    PushAttempt,
    PushDelivery,
    PushEvent,
    ServiceOrder,
    Subscriber,
)

PENDING = DeliveryState.PENDING.value


@dataclass(frozen=True)
class LeasedDelivery:
    """A delivery that its holder alone may send until the lease ends.

    `reply_to` is where the sender waits, if it is the order's sender who is told; `devices` are
    read for who keeps their last states, by MQTT.
    """

    delivery: PushDelivery
    event: PushEvent
    subscriber: Subscriber
    reply_to: ReplyTo | None = None
    devices: Sequence[DeviceState] = ()


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


def due_subscribers(session: Session, *, now: datetime) -> Sequence[str]:
    """The ids of active subscribers to whom something is to be sent now."""
    delivery = aliased(PushDelivery)
    due = exists().where(col(delivery.subscriber_id) == col(Subscriber.id), *_free(delivery, now))
    active = Subscriber.state == SubscriberState.ACTIVE.value
    return session.exec(select(Subscriber.id).where(active, due)).all()


def lease_due(
    session: Session,
    *,
    now: datetime,
    limit: int,
    lease_seconds: float,
    holder: str,
    shares: Mapping[str, int] | None = None,
) -> list[LeasedDelivery]:
    """Lease up to `limit` deliveries that are due, shared out evenly among subscribers.

    `shares` is the most that each subscriber may be given; without it, all who are due take
    part. `holder` must be unique to the process.
    """
    if shares is None:
        shares = dict.fromkeys(due_subscribers(session, now=now), limit)
    lease = {"leased_by": holder, "leased_until": now + timedelta(seconds=lease_seconds)}
    statement = _lease(now).values(lease).execution_options(synchronize_session=False)
    ids: list[UUID] = []
    for subscriber_id, share in _share_out(shares, limit).items():
        bound = {"leased_for": subscriber_id, "share": share}
        ids.extend(session.execute(statement, bound).scalars())
    return _read(session, ids)


def _share_out(shares: Mapping[str, int], limit: int) -> dict[str, int]:
    open_shares = [(key, share) for key, share in shares.items() if share > 0]
    taking_part = open_shares[:limit]
    return {key: min(share, limit // len(taking_part)) for key, share in taking_part}


def _lease(now: datetime) -> ReturningUpdate[UUID]:
    """Leases the `share` first deliveries that are due to the subscriber `leased_for`.

    On PostgreSQL those that another relay is at are skipped.
    """
    delivery, earlier = aliased(PushDelivery), aliased(PushDelivery)
    held_back = exists().where(
        col(earlier.order_no) == col(delivery.order_no),
        col(earlier.subscriber_id) == col(delivery.subscriber_id),
        col(earlier.state) == PENDING,
        col(earlier.sequence) < col(delivery.sequence),
    )
    first = (
        select(delivery.id)
        .where(col(delivery.subscriber_id) == bindparam("leased_for"))
        .where(*_free(delivery, now), ~held_back)
        .order_by(col(delivery.due_at), col(delivery.sequence))
        .limit(bindparam("share", type_=Integer))
        .with_for_update(of=delivery, skip_locked=True)
        .cte("first")
    )
    this_one = col(PushDelivery.id).in_(select(first.c.id))
    return update(PushDelivery).where(this_one).returning(col(PushDelivery.id))


def _free(delivery: type[PushDelivery], now: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        col(delivery.state) == PENDING,
        col(delivery.due_at) <= now,
        or_(col(delivery.leased_until).is_(None), col(delivery.leased_until) <= now),
    )


def _read(session: Session, ids: Sequence[UUID]) -> list[LeasedDelivery]:
    query = (
        select(PushDelivery, PushEvent, Subscriber)
        .where(col(PushDelivery.id).in_(ids))
        .where(PushDelivery.event_id == PushEvent.id)
        .where(PushDelivery.subscriber_id == Subscriber.id)
        .order_by(col(PushDelivery.due_at), col(PushDelivery.sequence))
    )
    rows = session.exec(query).all()
    to_senders = {delivery.order_no for delivery, _, told in rows if told.id == SENDERS}
    waiting = where_senders_wait(session, to_senders) if to_senders else {}
    by_mqtt = [(each, event) for each, event, told in rows if told.url.startswith("mqtt")]
    devices = last_states(session, by_mqtt) if by_mqtt else {}
    return [
        LeasedDelivery(
            *row,
            waiting.get(row[0].order_no) if row[2].id == SENDERS else None,
            devices.get(row[0].id, ()),
        )
        for row in rows
    ]


def record_attempt(session: Session, leased: LeasedDelivery, tried: Tried) -> bool:
    """Write an attempt and what becomes of the delivery; False if the lease was lost.

    When the delivery has ended, the next event of its order to the subscriber falls due. One
    that is gone disables its subscriber.
    """
    ended = tried.state is not DeliveryState.PENDING
    if ended:
        _lock_order(session, leased.delivery.order_no)
    if not _write_state(session, leased, tried):
        return False
    session.execute(insert(PushAttempt), [tried.attempt.model_dump()])
    if ended:
        _release_next(session, leased.delivery, tried.attempt.started_at)
    if tried.state is DeliveryState.GONE:
        disable(session, leased.subscriber.id)
    return True


def _lock_order(session: Session, order_no: str) -> None:
    """As in `add_events`, so that a new event never counts on one that is just ending."""
    order = select(ServiceOrder.order_no).where(ServiceOrder.order_no == order_no)
    session.exec(order.with_for_update()).first()


def _write_state(session: Session, leased: LeasedDelivery, tried: Tried) -> bool:
    delivery, attempt = leased.delivery, tried.attempt
    ended = tried.state is not DeliveryState.PENDING
    answered_at = attempt.started_at + timedelta(milliseconds=attempt.duration_ms)
    changed = _change(
        session,
        col(PushDelivery.id) == delivery.id,
        col(PushDelivery.state) == PENDING,
        col(PushDelivery.leased_by) == delivery.leased_by,
        col(PushDelivery.leased_until) == delivery.leased_until,
        state=tried.state.value,
        attempts=attempt.number,
        tries=delivery.tries + tried.charged,
        due_at=tried.due_at,
        ended_at=answered_at if ended else None,
        leased_by=None,
        leased_until=None,
    )
    return changed > 0


def _release_next(session: Session, delivery: PushDelivery, at: datetime) -> None:
    later = aliased(PushDelivery)
    following = (
        select(later.id)
        .where(
            later.order_no == delivery.order_no,
            later.subscriber_id == delivery.subscriber_id,
            later.state == PENDING,
        )
        .order_by(col(later.sequence))
        .limit(1)
    )
    this_one = col(PushDelivery.id) == following.scalar_subquery()
    _change(session, this_one, col(PushDelivery.due_at).is_(None), due_at=at)


def disable(session: Session, subscriber_id: str) -> None:
    """Send nothing more to a subscriber; what is pending stays in the ledger."""
    disabled = (
        update(Subscriber)
        .where(col(Subscriber.id) == subscriber_id)
        .where(col(Subscriber.state) == SubscriberState.ACTIVE.value)
        .values(state=SubscriberState.DISABLED.value)
    )
    session.execute(disabled)


def pending_subscribers(session: Session, state: SubscriberState) -> Sequence[str]:
    """The ids of subscribers in that state to whom something is still to be sent."""
    pending = exists().where(
        col(PushDelivery.subscriber_id) == col(Subscriber.id), col(PushDelivery.ended_at).is_(None)
    )
    return session.exec(select(Subscriber.id).where(Subscriber.state == state, pending)).all()


def withdraw(session: Session, subscriber_id: str, *, at: datetime, limit: int) -> int:
    """End up to `limit` deliveries that are still to be sent; how many there were.

    They are locked in the order in which `record_attempt` is called, by the number of the order.
    """
    first = (
        select(PushDelivery.id)
        .where(PushDelivery.subscriber_id == subscriber_id, col(PushDelivery.ended_at).is_(None))
        .order_by(PushDelivery.order_no, col(PushDelivery.sequence))
        .limit(limit)
        .with_for_update()
        .cte("first")
    )
    return _change(
        session,
        col(PushDelivery.id).in_(select(first.c.id)),
        state=DeliveryState.WITHDRAWN.value,
        due_at=None,
        ended_at=at,
        leased_by=None,
        leased_until=None,
    )


def _change(session: Session, *where: ColumnElement[bool], **values: object) -> int:
    statement = update(PushDelivery).where(*where).values(values)
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0
