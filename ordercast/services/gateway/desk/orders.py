"""Finding orders: one box that understands what is typed, and filters."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from config.catalog import catalogue
from ordercast.contracts.replay import Moment
from ordercast.domain.order import OrderState
from ordercast.intake.problems import validate
from ordercast.services.gateway.desk.access import Watching
from ordercast.services.gateway.desk.frame import fragment, go_to, is_fragment, page
from ordercast.services.gateway.desk.numbered import Numbered
from ordercast.services.gateway.desk.order_words import ORDER_STATES, WAITS
from ordercast.store import order_search
from ordercast.store.engine import database
from ordercast.store.order_search import COUNTED, Found, Search
from ordercast.store.runs import WaitingFor

router = APIRouter()

SIZE = 50
MOST_PAGES = COUNTED // SIZE
"""Older orders than these are found by narrowing the search."""

Text = Annotated[str, Field(max_length=255)]


class Asked(BaseModel):
    """The search as its form and its address have it; what is empty does not count."""

    model_config = ConfigDict(extra="ignore")

    q: Text = ""
    state: OrderState | None = None
    agent: Text = ""
    tag: Text = ""
    product: Text = ""
    waiting: WaitingFor | None = None
    since: Moment | None = None
    until: Moment | None = None
    page: Annotated[int, Field(ge=1, le=MOST_PAGES)] = 1


@router.get("/orders")
def list_orders(request: Request, viewer: Watching) -> Response:
    """Orders, the newest first; where a typed text finds one, that one."""
    given = {name: value for name, value in request.query_params.items() if value}
    asked = validate(Asked, given)
    wanted = _wanted(asked)
    with database().read() as session:
        found = order_search.search(session, wanted, offset=(asked.page - 1) * SIZE, limit=SIZE)
        agents = order_search.agents(session)
    if wanted == Search(typed=asked.q) and asked.q and len(found.orders) == found.total == 1:
        return go_to(request, _address(found.orders[0]))
    show, name = (fragment, "_orders.html") if is_fragment(request) else (page, "orders.html")
    return show(
        request,
        viewer,
        name,
        asked=asked,
        given=given,
        found=found.orders,
        pages=Numbered(
            request, asked.page, SIZE, min(found.total, COUNTED), more=found.total > COUNTED
        ),
        agents=agents,
        products=catalogue().products.values(),
        states=ORDER_STATES,
        waits=WAITS,
    )


def _wanted(asked: Asked) -> Search:
    product = catalogue().product(asked.product)
    return Search(
        typed=asked.q,
        state=asked.state,
        agent=asked.agent or None,
        tag=asked.tag or None,
        product=product.key if product else asked.product or None,
        waiting_for=asked.waiting,
        since=asked.since,
        until=asked.until,
    )


def _address(found: Found) -> str:
    line = f"?line={found.line_no}" if found.line_no else ""
    return f"/desk/orders/{found.order.order_no}{line}"
