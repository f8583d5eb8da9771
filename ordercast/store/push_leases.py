"""Leases on deliveries: which are to be sent now, and who sends them.

Several relays may lease at once. An event of an order is leased for a subscriber only when
no earlier one of that order to the same subscriber is pending.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    column,
    exists,
    func,
    or_,
    true,
    update,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import SubscriberState
from ordercast.store.columns import UtcDateTime
from ordercast.store.devices import DeviceState
from ordercast.store.inbox import ReplyTo
from ordercast.store.last_states import last_states
from ordercast.store.push_tables import PushDelivery, PushEvent, Subscriber
from ordercast.store.replying import SENDERS, where_senders_wait

NOW = bindparam("now", type_=UtcDateTime)
"""Statements that each turn executes are built once: building them takes a part that counts."""

LEASE = {
    "leased_by": bindparam("holder", type_=String),
    "leased_until": bindparam("until", type_=UtcDateTime),
}


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
class Limits:
    """What holds a subscriber back: its budgets, and a breaker that is not closed."""

    subscriber_id: str
    concurrency: int | None = None
    rate_per_second: float | None = None
    paced_until: datetime | None = None
    open_until: datetime | None = None
    recovery: int = 0

    @property
    def are_shared(self) -> bool:
        """Whether all relays together have to keep within them."""
        return (self.concurrency, self.rate_per_second, self.open_until) != (None, None, None)


_LIMITS = (
    col(Subscriber.id),
    col(Subscriber.concurrency),
    col(Subscriber.rate_per_second),
    col(Subscriber.paced_until),
    col(Subscriber.open_until),
    col(Subscriber.recovery),
)


def due_subscribers(session: Session, *, now: datetime) -> list[Limits]:
    """The active subscribers to whom something is to be sent now, with what limits them.

    Those whose breaker is open are left out.
    """
    return [Limits(*row) for row in session.execute(_due_subscribers(), {"now": now})]


@cache
def _due_subscribers() -> Select[Any]:
    """Each one's first delivery is looked up in the index: for an `exists` PostgreSQL reads all
    deliveries for each subscriber until it has statistics."""
    delivery = aliased(PushDelivery)
    first_due = (
        select(delivery.due_at)
        .where(col(delivery.subscriber_id) == col(Subscriber.id), *_free(delivery))
        .order_by(col(delivery.due_at))
        .limit(1)
        .scalar_subquery()
    )
    active = Subscriber.state == SubscriberState.ACTIVE.value
    open_until = col(Subscriber.open_until)
    may_try = or_(open_until.is_(None), open_until <= NOW)
    return select(*_LIMITS).where(active, may_try, first_due.is_not(None))  # pyright: ignore[reportCallIssue]


def lock_limits(session: Session, subscriber_ids: Iterable[str]) -> list[Limits]:
    """The limits of subscribers as they are, theirs alone until the transaction ends.

    Those that another relay is at are left out: it is about to send to them.
    """
    query = select(*_LIMITS).where(  # pyright: ignore[reportCallIssue]
        col(Subscriber.id).in_(sorted(subscriber_ids)),
        col(Subscriber.state) == SubscriberState.ACTIVE.value,
    )
    locked = query.with_for_update(skip_locked=True)
    return [Limits(*row) for row in session.execute(locked)]


def in_flight(session: Session, subscriber_ids: Iterable[str], *, now: datetime) -> dict[str, int]:
    """How many deliveries all relays together have leased, by subscriber."""
    leased = (
        select(PushDelivery.subscriber_id, func.count())
        .where(col(PushDelivery.subscriber_id).in_(sorted(subscriber_ids)))
        .where(col(PushDelivery.leased_until) > now)
        .group_by(col(PushDelivery.subscriber_id))
    )
    return dict(session.exec(leased).all())


def pace(session: Session, paced_until: Mapping[str, datetime]) -> None:
    """Note how far the rates of subscribers are used up."""
    for subscriber_id, until in paced_until.items():
        this_one = update(Subscriber).where(col(Subscriber.id) == subscriber_id)
        noted = this_one.values(paced_until=until)
        session.execute(noted.execution_options(synchronize_session=False))


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
        due = due_subscribers(session, now=now)
        shares = dict.fromkeys([each.subscriber_id for each in due], limit)
    shared_out = _share_out(shares, limit)
    if not shared_out:
        return []
    leasing = _lease_on[session.get_bind().dialect.name]
    lease = {"now": now, "holder": holder, "until": now + timedelta(seconds=lease_seconds)}
    return _read(session, leasing(session, shared_out, lease))


def _share_out(shares: Mapping[str, int], limit: int) -> dict[str, int]:
    """Everybody gets the same; what somebody does not need goes to those who come first."""
    taking_part = [(key, share) for key, share in shares.items() if share > 0][:limit]
    given = {key: min(share, limit // len(taking_part)) for key, share in taking_part}
    left = limit - sum(given.values())
    for key, share in taking_part:
        more = min(share - given[key], left)
        given[key] += more
        left -= more
    return given


def _lease_one_by_one(
    session: Session, shares: Mapping[str, int], lease: Mapping[str, Any]
) -> list[UUID]:
    ids: list[UUID] = []
    for subscriber_id, share in shares.items():
        bound = {**lease, "leased_for": subscriber_id, "share": share}
        ids.extend(session.execute(_lease_one(), bound).scalars())
    return ids


def _lease_together(
    session: Session, shares: Mapping[str, int], lease: Mapping[str, Any]
) -> list[UUID]:
    bound = {**lease, "subscriber_ids": list(shares), "shares": list(shares.values())}
    return list(session.execute(_lease_all(), bound).scalars())


_lease_on = {"sqlite": _lease_one_by_one, "postgresql": _lease_together}


@cache
def _lease_one() -> ReturningUpdate[tuple[UUID]]:
    """Leases the first ones due to the subscriber `leased_for`, as many as `share` says."""
    return _lease(_first(bindparam("leased_for"), bindparam("share", type_=Integer)).cte("first"))


@cache
def _lease_all() -> ReturningUpdate[tuple[UUID]]:
    """Leases for the `subscriber_ids` the first ones due, for each as many as `shares` says.

    Those that another relay is at are skipped.
    """
    given = func.unnest(
        bindparam("subscriber_ids", type_=ARRAY(String)), bindparam("shares", type_=ARRAY(Integer))
    )
    wanted = given.table_valued(column("subscriber_id", String), column("share", Integer))
    wanted = wanted.render_derived(name="wanted")
    first = _first(wanted.c.subscriber_id, wanted.c.share).lateral("first")
    return _lease(select(first.c.id).select_from(wanted.join(first, true())).cte("leasable"))


def _lease(these: CTE) -> ReturningUpdate[tuple[UUID]]:
    """A common table expression with a lock is worked out once; a subquery may be, row by row."""
    leased = update(PushDelivery).where(col(PushDelivery.id).in_(select(these.c.id)))
    return (
        leased.values(LEASE)
        .returning(col(PushDelivery.id))
        .execution_options(synchronize_session=False)
    )


def _first(subscriber_id: Any, share: Any) -> Select[Any]:
    """The first deliveries that are due to a subscriber; on PostgreSQL they are locked."""
    delivery, earlier = aliased(PushDelivery), aliased(PushDelivery)
    held_back = exists().where(
        col(earlier.order_no) == col(delivery.order_no),
        col(earlier.subscriber_id) == col(delivery.subscriber_id),
        col(earlier.ended_at).is_(None),
        col(earlier.sequence) < col(delivery.sequence),
    )
    return (
        select(delivery.id)
        .where(col(delivery.subscriber_id) == subscriber_id)
        .where(*_free(delivery), ~held_back)
        .order_by(col(delivery.due_at), col(delivery.sequence))
        .limit(share)
        .with_for_update(of=delivery, skip_locked=True)
    )


def _free(delivery: type[PushDelivery]) -> Sequence[ColumnElement[bool]]:
    """What has ended is not due, and has no `due_at`.

    The state is not asked for: statistics of a queue are old, and by them PostgreSQL takes the
    pending ones for few and reads them all.
    """
    return (
        col(delivery.due_at) <= NOW,
        or_(col(delivery.leased_until).is_(None), col(delivery.leased_until) <= NOW),
    )


def _read(session: Session, ids: Sequence[UUID]) -> list[LeasedDelivery]:
    """Events and subscribers are read once each, however many deliveries they have."""
    in_turn = (col(PushDelivery.due_at), col(PushDelivery.sequence))
    query = select(PushDelivery).where(col(PushDelivery.id).in_(ids)).order_by(*in_turn)
    deliveries = session.exec(query.execution_options(populate_existing=True)).all()
    events = _by_id(session, PushEvent, {each.event_id for each in deliveries})
    told = _by_id(session, Subscriber, {each.subscriber_id for each in deliveries})
    to_senders = {each.order_no for each in deliveries if each.subscriber_id == SENDERS}
    waiting = where_senders_wait(session, to_senders) if to_senders else {}
    by_mqtt = [
        (each, events[each.event_id])
        for each in deliveries
        if told[each.subscriber_id].url.startswith("mqtt")
    ]
    devices = last_states(session, by_mqtt) if by_mqtt else {}
    return [
        LeasedDelivery(
            each,
            events[each.event_id],
            told[each.subscriber_id],
            waiting.get(each.order_no) if each.subscriber_id == SENDERS else None,
            devices.get(each.id, ()),
        )
        for each in deliveries
    ]


def _by_id(session: Session, table: Any, ids: set[Any]) -> dict[Any, Any]:
    query = select(table).where(col(table.id).in_(ids))
    fresh = query.execution_options(populate_existing=True)
    return {each.id: each for each in session.exec(fresh)}
