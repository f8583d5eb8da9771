"""Work orders over HTTP: what is to be done, by whom, and until when."""

from typing import Any

from fastapi import APIRouter, Response

from ordercast.services.gateway.access import Reading
from ordercast.services.gateway.paging import Limit, Offset, count_headers, page_size
from ordercast.store import work_orders
from ordercast.store.engine import database
from ordercast.store.work_orders import WorkOrderFilter

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
    count_headers(response, total=total, shown=len(page))
    return [row.model_dump(mode="json", exclude={"report_key"}) for row in page]


@router.get("/work-orders/{work_order_id}")
def get_work_order(caller: Reading, work_order_id: str) -> dict[str, Any]:
    """One work order."""
    with database().read() as session:
        found = work_orders.work_order(session, work_order_id, agent=caller.agent)
    return found.model_dump(mode="json", exclude={"report_key"})
