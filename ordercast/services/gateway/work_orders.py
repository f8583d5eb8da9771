"""Work orders over HTTP: what is to be done, by whom, and until when."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response
from sqlmodel import Session

from ordercast.domain.work_order import WorkOrderState
from ordercast.services.gateway.access import Reading
from ordercast.services.gateway.paging import Limit, Offset, count_headers, page_size
from ordercast.store import overdue, work_orders
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.rounds_tables import OverdueWork
from ordercast.store.tables import WorkOrder
from ordercast.store.work_orders import WorkOrderFilter

HIDDEN = {"report_key", "service_seconds"}

router = APIRouter(tags=["work orders"])


@router.get("/work-orders")
def list_work_orders(
    caller: Reading,
    response: Response,
    order_no: str | None = None,
    state: str | None = None,
    team: str | None = None,
    system: str | None = None,
    offset: Offset = 0,
    limit: Limit = None,
) -> list[dict[str, Any]]:
    """Work orders, the first due first. Every filter given must hold."""
    wanted = WorkOrderFilter(
        order_no=order_no, state=state, team=team, system=system, only_of=caller.agent
    )
    with database().read() as session:
        total, page = work_orders.count_and_page(
            session, wanted, offset=offset, limit=page_size(limit)
        )
        shown = _shown(session, page)
    count_headers(response, total=total, shown=len(page))
    return shown


@router.get("/work-orders/{work_order_id}")
def get_work_order(caller: Reading, work_order_id: str) -> dict[str, Any]:
    """One work order."""
    with database().read() as session:
        found = work_orders.work_order(session, work_order_id, agent=caller.agent)
        return _shown(session, [found])[0]


def _shown(session: Session, page: Sequence[WorkOrder]) -> list[dict[str, Any]]:
    """Work orders with whether they are overdue, and what was done about that."""
    late, at = overdue.of_work_orders(session, [row.id for row in page]), now()
    return [
        row.model_dump(mode="json", exclude=HIDDEN)
        | {"overdue": row.due_at <= at and WorkOrderState(row.state).is_open}
        | ({"escalated": _escalated(late[row.id])} if row.id in late else {})
        for row in page
    ]


def _escalated(late: OverdueWork) -> dict[str, str]:
    return {step: moment.isoformat() for step, moment in overdue.steps_taken(late).items()}
