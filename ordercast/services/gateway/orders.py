"""Orders over HTTP: TMF641 Service Ordering v4.1, `/serviceOrder`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.intake.accept import accept
from ordercast.intake.change import change
from ordercast.services.gateway.bodies import RawBody
from ordercast.services.gateway.paging import Limit, Offset, count_headers, page_size
from ordercast.services.gateway.representation import (
    PATH,
    brief_service_order,
    href,
    only_fields,
    service_order,
)
from ordercast.store import orders
from ordercast.store.engine import database
from ordercast.store.inbox import RawMessage
from ordercast.store.orders import OrderFilter

router = APIRouter(tags=["serviceOrder"])

MOST_ITEMS_IN_A_LIST = 100
"""A list shows the items of orders up to that size; `GET` by id shows those of any."""

FILTERS = {
    "id": "order_no",
    "state": "state",
    "externalId": "external_id",
    "category": "category",
    "priority": "priority",
    "agent": "agent",
    "product": "product",
    "tag": "primary_tag",
    "orderDate.gte": "ordered_since",
    "orderDate.lt": "ordered_until",
}
PAGING = {"fields", "offset", "limit"}


@router.post(PATH, status_code=201)
def create_order(
    request: Request,
    body: RawBody,
    accept_parts: Annotated[Literal["all", "valid"], Query(alias="accept")] = "all",
    agent: Annotated[str | None, Query(description="where the order names none")] = None,
) -> JSONResponse:
    """Take an order (TMF641 JSON), several (array, NDJSON), or a batch (CSV).

    The message is stored before the answer. The same order sent again is answered as before.
    With `accept=valid` the good parts are taken and the others returned in `leftOut`.
    """
    media_type = request.headers.get("content-type", "application/json")
    message = RawMessage(body, media_type, source="http", agent=agent)
    receipt = accept(database(), message, only_valid=accept_parts == "valid")
    with database().read() as session:
        taken = [
            service_order(session, orders.order(session, each.order_no)) for each in receipt.orders
        ]
    if receipt.left_out:
        left_out = [problem.as_dict() for problem in receipt.left_out]
        return JSONResponse({"serviceOrder": taken, "leftOut": left_out}, 201)
    if len(taken) > 1:
        return JSONResponse(taken, 201)
    return JSONResponse(taken[0], 201, headers={"Location": href(taken[0]["id"])})


@router.get(PATH)
def list_orders(
    request: Request,
    response: Response,
    fields: str | None = None,
    offset: Offset = 0,
    limit: Limit = None,
) -> list[dict[str, Any]]:
    """Orders, the newest first. Every filter given must hold."""
    wanted = _filter(dict(request.query_params))
    with database().read() as session:
        total, page = orders.count_and_page(session, wanted, offset=offset, limit=page_size(limit))
        with_items = fields is None or "serviceOrderItem" in fields
        shown = [
            service_order(session, order)
            if with_items and order.line_count <= MOST_ITEMS_IN_A_LIST
            else brief_service_order(session, order)
            for order in page
        ]
    count_headers(response, total=total, shown=len(shown))
    return [only_fields(document, fields) for document in shown]


@router.get(f"{PATH}/{{order_no}}")
def get_order(order_no: str, fields: str | None = None) -> dict[str, Any]:
    """One order with its items."""
    with database().read() as session:
        document = service_order(session, orders.order(session, order_no))
    return only_fields(document, fields)


@router.patch(f"{PATH}/{{order_no}}")
def patch_order(order_no: str, body: RawBody) -> dict[str, Any]:
    """Change an order on which no work has started; 409 afterwards."""
    change(database(), order_no, RawMessage(body, "application/json", source="http"))
    return get_order(order_no)


def _filter(query: dict[str, str]) -> OrderFilter:
    unknown = [name for name in query if name not in FILTERS and name not in PAGING]
    if unknown:
        known = ", ".join(FILTERS)
        raise InvalidMessage(
            [Problem(name, "is not a filter", f"use one of: {known}") for name in unknown]
        )
    given = {FILTERS[name]: _value(name, value) for name, value in query.items() if name in FILTERS}
    return OrderFilter(**given)


def _value(name: str, text: str) -> Any:
    try:
        if name == "priority":
            return int(text)
        return datetime.fromisoformat(text) if name.startswith("orderDate") else text
    except ValueError:
        cure = "give a whole number" if name == "priority" else "use ISO 8601"
        raise InvalidMessage([Problem(name, "cannot be read", cure)]) from None
