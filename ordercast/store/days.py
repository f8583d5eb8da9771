"""What a day's report is made of: the versions that were sealed on it, and who was told when."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func
from sqlmodel import Session, col, select

from ordercast.domain.day import EndedOrder
from ordercast.store.delivery_states import DeliveryState
from ordercast.store.push_tables import PushDelivery, PushEvent
from ordercast.store.replying import SENDERS
from ordercast.store.tables import OrderOutcome, ServiceOrder
from ordercast.store.untold import OUTCOMES

Key = tuple[str, int]


def ordered(session: Session, *, since: datetime, until: datetime) -> int:
    """How many orders were taken in that time."""
    query = select(func.count()).select_from(ServiceOrder)
    in_time = (ServiceOrder.ordered_at >= since, ServiceOrder.ordered_at < until)
    return session.exec(query.where(*in_time)).one()


def ended(session: Session, *, since: datetime, until: datetime) -> Sequence[EndedOrder]:
    """The versions that were sealed in that time, in the order of their sealing."""
    told = _told(session, since, until)
    columns: list[Any] = [OrderOutcome.order_no, OrderOutcome.version, OrderOutcome.state]
    columns += [ServiceOrder.agent, ServiceOrder.products, ServiceOrder.line_count]
    columns += [ServiceOrder.ordered_at, OrderOutcome.sealed_at]
    query = (
        select(*columns)
        .join(ServiceOrder, col(ServiceOrder.order_no) == col(OrderOutcome.order_no))
        .where(OrderOutcome.sealed_at >= since, OrderOutcome.sealed_at < until)
        .order_by(col(OrderOutcome.sealed_at), OrderOutcome.order_no, col(OrderOutcome.version))
    )
    return [_order(row, told[row.order_no, row.version]) for row in session.execute(query)]


def _order(row: Any, told: Sequence[datetime | None]) -> EndedOrder:
    """`told` has, for each push, when it was acknowledged."""
    return EndedOrder(
        order_no=row.order_no,
        version=row.version,
        state=row.state,
        agent=row.agent,
        products=tuple(row.products),
        line_count=row.line_count,
        ordered_at=row.ordered_at,
        sealed_at=row.sealed_at,
        pushes=len(told),
        seconds_to_told=tuple(
            max(0.0, (moment - row.sealed_at).total_seconds()) for moment in told if moment
        ),
    )


def _told(
    session: Session, since: datetime, until: datetime
) -> Mapping[Key, Sequence[datetime | None]]:
    """When each push of an outcome was acknowledged, None if it is not; replays count as not."""
    same = and_(
        col(OrderOutcome.order_no) == col(PushEvent.order_no),
        col(OrderOutcome.version) == col(PushEvent.version),
    )
    columns: list[Any] = [OrderOutcome.order_no, OrderOutcome.version]
    columns += [PushDelivery.state, PushDelivery.ended_at, PushDelivery.replay_id]
    query = (
        select(*columns)
        .join(PushEvent, same)
        .join(PushDelivery, col(PushDelivery.event_id) == col(PushEvent.id))
        .where(OrderOutcome.sealed_at >= since, OrderOutcome.sealed_at < until)
        .where(col(PushEvent.type).in_(OUTCOMES), PushDelivery.subscriber_id != SENDERS)
    )
    told: dict[Key, list[datetime | None]] = defaultdict(list)
    for order_no, version, state, ended_at, replay_id in session.execute(query):
        is_told = state == DeliveryState.DELIVERED and replay_id is None
        told[order_no, version].append(ended_at if is_told else None)
    return told
