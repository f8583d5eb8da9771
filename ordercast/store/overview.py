"""An order at a glance: what its artifact and its page show."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.domain.order import Stage
from ordercast.domain.work_order import OPEN_STATES, WorkOrderState
from ordercast.store import orders
from ordercast.store.push_tables import PushDelivery
from ordercast.store.runs import run_of
from ordercast.store.tables import ArchiveEntry, OrderLine, ServiceOrder, WorkOrder


def overview(session: Session, order_no: str, *, limit: int) -> dict[str, Any]:
    """The order, its run, and at most `limit` open and failed work orders, the first due first.

    What there cannot be yet is not looked for: an artifact is written of every order.
    """
    order = orders.order(session, order_no)
    run = run_of(session, order_no, order.version)
    counts = _counts(session, WorkOrder, order_no)
    open_count = sum(counts.get(state, 0) for state in OPEN_STATES)
    stage = Stage(run.stage)
    return {
        "order": order,
        "run": run,
        "line_counts": _counts(session, OrderLine, order_no),
        "open_count": open_count,
        "open_work_orders": _first(session, order_no, OPEN_STATES, limit) if open_count else [],
        "failed": _first(session, order_no, FAILED, limit) if FAILED[0] in counts else [],
        "archived": None if stage.is_before(Stage.ARCHIVED) else _archived(session, order),
        "told": 0 if stage.is_before(Stage.BROADCAST) else _told(session, order_no),
    }


FAILED = (WorkOrderState.FAILED,)


def _first(
    session: Session, order_no: str, states: Collection[WorkOrderState], limit: int
) -> Sequence[WorkOrder]:
    are_wanted = (
        WorkOrder.order_no == order_no,
        col(WorkOrder.state).in_(states),
        col(WorkOrder.withdrawn_at).is_(None),
    )
    query = select(WorkOrder).where(*are_wanted)
    return session.exec(query.order_by(col(WorkOrder.due_at), WorkOrder.id).limit(limit)).all()


def _counts(
    session: Session, table: type[OrderLine] | type[WorkOrder], order_no: str
) -> dict[str, int]:
    query = select(table.state, func.count()).where(table.order_no == order_no)
    return dict(session.exec(query.group_by(table.state)).all())


def _archived(session: Session, order: ServiceOrder) -> ArchiveEntry | None:
    return session.get(ArchiveEntry, (order.order_no, order.version))


def _told(session: Session, order_no: str) -> int:
    """How many subscribers there are deliveries for."""
    subscribers = func.count(col(PushDelivery.subscriber_id).distinct())
    return session.exec(select(subscribers).where(PushDelivery.order_no == order_no)).one()
