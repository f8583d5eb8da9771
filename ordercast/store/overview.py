"""An order at a glance: what its artifact and its page show."""

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.domain.work_order import OPEN_STATES, WorkOrderState
from ordercast.store import orders
from ordercast.store.runs import run_of
from ordercast.store.tables import ArchiveEntry, OrderLine, PushDelivery, WorkOrder


def overview(session: Session, order_no: str, *, limit: int) -> dict[str, Any]:
    """The order, its run, and at most `limit` open and failed work orders, the first due first."""
    order = orders.order(session, order_no)
    is_open = (WorkOrder.order_no == order_no, col(WorkOrder.state).in_(OPEN_STATES))
    is_failed = (
        WorkOrder.order_no == order_no,
        WorkOrder.state == WorkOrderState.FAILED,
        col(WorkOrder.withdrawn_at).is_(None),
    )
    by_due = select(WorkOrder).order_by(col(WorkOrder.due_at), WorkOrder.id).limit(limit)
    told = select(func.count(col(PushDelivery.subscriber_id).distinct())).where(
        PushDelivery.order_no == order_no
    )
    return {
        "order": order,
        "run": run_of(session, order_no, order.version),
        "line_counts": _line_counts(session, order_no),
        "open_count": session.exec(select(func.count()).where(*is_open)).one(),
        "open_work_orders": session.exec(by_due.where(*is_open)).all(),
        "failed": session.exec(by_due.where(*is_failed)).all(),
        "archived": session.get(ArchiveEntry, (order_no, order.version)),
        "told": session.exec(told).one(),
    }


def _line_counts(session: Session, order_no: str) -> dict[str, int]:
    query = select(OrderLine.state, func.count()).where(OrderLine.order_no == order_no)
    return dict(session.exec(query.group_by(OrderLine.state)).all())
