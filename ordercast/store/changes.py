"""Marks of what has changed: cheap to read, and another one after every change that pages show.

Each is read from the end of an index, or counts the rows of a small one.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.domain.work_order import OPEN_STATES
from ordercast.store.feed import head_of
from ordercast.store.people_tables import AuditEntry
from ordercast.store.push_tables import PushDelivery, Subscriber
from ordercast.store.tables import OperatorAlert, OrderCommand, OrderRun, ServiceOrder, WorkOrder

Mark = tuple[Any, ...]
"""Compared, never read."""


def marks(session: Session) -> Mapping[str, Mark]:
    """The mark of each topic that pages follow."""
    head, audited = head_of(session), _first(session, func.max(col(AuditEntry.key)))
    return {
        "orders": (head, audited, *_orders(session)),
        "work-orders": (head, audited, *_work_orders(session)),
        "pushes": (head, audited, *_pushes(session)),
        "subscribers": (audited, *_subscribers(session)),
    }


def _orders(session: Session) -> Mark:
    return (
        _first(session, func.max(col(ServiceOrder.ordered_at))),
        _count(session, col(OrderRun.ended_at).is_(None)),
        _count(session, col(OrderRun.wake_at).is_not(None)),
        _first(session, func.max(col(OperatorAlert.key))),
        _count(session, col(OrderCommand.done_at).is_(None)),
    )


def _work_orders(session: Session) -> Mark:
    state = col(WorkOrder.state)
    query = select(state, func.count()).where(state.in_(OPEN_STATES)).group_by(state)
    return tuple(tuple(row) for row in session.exec(query.order_by(state)))


def _pushes(session: Session) -> Mark:
    return (_count(session, col(PushDelivery.ended_at).is_(None)),)


def _subscribers(session: Session) -> Mark:
    query = select(Subscriber.id, Subscriber.state, Subscriber.failing_since, Subscriber.open_until)
    return tuple(tuple(row) for row in session.exec(query.order_by(col(Subscriber.id))))


def _count(session: Session, condition: Any) -> int:
    return session.exec(select(func.count()).where(condition)).one()


def _first(session: Session, value: Any) -> Any:
    return session.exec(select(value)).first()
