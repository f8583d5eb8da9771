"""Orders over HTTP: TMF641 Service Ordering v4.1, `/serviceOrder`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter
from sqlmodel import Session

from config.catalog import catalogue
from ordercast.contracts.service_order import Moment
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.order import LOWEST_PRIORITY
from ordercast.intake.accept import accept
from ordercast.intake.change import change
from ordercast.services.gateway.access import Reading, Submitting
from ordercast.services.gateway.bodies import RawBody
from ordercast.services.gateway.callers import Caller
from ordercast.services.gateway.paging import Limit, Offset, check_names, count_headers, page_size
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
from ordercast.store.tables import ServiceOrder

router = APIRouter(tags=["serviceOrder"])

MOST_ITEMS_SHOWN = 100
"""Lists and the answer to a POST show the items of orders up to that size; `GET` by id of any."""

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


@router.post(PATH, status_code=201)
def create_order(
    caller: Submitting,
    request: Request,
    body: RawBody,
    accept_parts: Annotated[Literal["all", "valid"], Query(alias="accept")] = "all",
    agent: Annotated[
        str | None, Query(max_length=255, description="where the order names none")
    ] = None,
    dialect: Annotated[
        str | None, Query(max_length=255, description="the name of a partner's dialect")
    ] = None,
) -> JSONResponse:
    """Take an order (TMF641 JSON), several (array, NDJSON), a batch (CSV), or a dialect.

    The message is stored before the answer. The same order sent again is answered as before.
    With `accept=valid` the good parts are taken and the others returned in `leftOut`.
    """
    media_type = request.headers.get("content-type", "application/json")
    message = RawMessage(body, media_type, source="http", agent=agent, dialect=dialect)
    only_valid = accept_parts == "valid"
    receipt = accept(database(), message, only_valid=only_valid, only_of=caller.agent)
    with database().read() as session:
        accepted = [orders.order(session, each.order_no) for each in receipt.orders]
        taken = [_shown(session, each, caller) for each in accepted]
    if receipt.left_out:
        left_out = [problem.as_dict() for problem in receipt.left_out]
        return JSONResponse({"serviceOrder": taken, "leftOut": left_out}, 201)
    if len(taken) > 1:
        return JSONResponse(taken, 201)
    return JSONResponse(taken[0], 201, headers={"Location": href(taken[0]["id"])})


@router.get(PATH)
def list_orders(
    caller: Reading,
    request: Request,
    response: Response,
    fields: str | None = None,
    offset: Offset = 0,
    limit: Limit = None,
) -> list[dict[str, Any]]:
    """Orders, the newest first. Every filter given must hold."""
    wanted = replace(_filter(request.query_params.multi_items()), only_of=caller.agent)
    with database().read() as session:
        total, page = orders.count_and_page(session, wanted, offset=offset, limit=page_size(limit))
        shown = [_shown(session, order, caller, fields) for order in page]
    count_headers(response, total=total, shown=len(shown))
    return [only_fields(document, fields) for document in shown]


@router.get(f"{PATH}/{{order_no}}")
def get_order(caller: Reading, order_no: str, fields: str | None = None) -> dict[str, Any]:
    """One order with its items."""
    return only_fields(_whole(caller, order_no), fields)


@router.patch(f"{PATH}/{{order_no}}")
def patch_order(caller: Submitting, order_no: str, body: RawBody) -> dict[str, Any]:
    """Change an order on which no work has started; 409 afterwards."""
    message = RawMessage(body, "application/json", source="http", agent=caller.agent)
    change(database(), order_no, message, only_of=caller.agent)
    return _whole(caller, order_no)


def _whole(caller: Caller, order_no: str) -> dict[str, Any]:
    with database().read() as session:
        found = orders.order(session, order_no, agent=caller.agent)
        return service_order(session, found, to_agent=caller.agent is not None)


def _shown(
    session: Session, order: ServiceOrder, caller: Caller, fields: str | None = None
) -> dict[str, Any]:
    with_items = not fields or "serviceOrderItem" in fields
    is_shown_whole = with_items and order.line_count <= MOST_ITEMS_SHOWN
    show = service_order if is_shown_whole else brief_service_order
    return show(session, order, to_agent=caller.agent is not None)


def _filter(query: Sequence[tuple[str, str]]) -> OrderFilter:
    check_names(query, FILTERS)
    return OrderFilter(
        **{FILTERS[name]: _value(name, text) for name, text in query if name in FILTERS}
    )


def _value(name: str, text: str) -> Any:
    reader, cure = READERS.get(name, (str, ""))
    try:
        return reader(text)
    except ValueError:
        raise InvalidMessage([Problem(name, "cannot be read", cure)]) from None


def _priority(text: str) -> int:
    if text not in PRIORITIES:
        raise ValueError(text)
    return int(text)


def _product(text: str) -> str:
    found = catalogue().product(text)
    return found.key if found else text


_MOMENT = (TypeAdapter(Moment).validate_python, "use ISO 8601, with + written as %2B")
PRIORITIES = [str(rank) for rank in range(LOWEST_PRIORITY + 1)]
READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "priority": (_priority, f"use one of: {', '.join(PRIORITIES)}"),
    "product": (_product, ""),
    "orderDate.gte": _MOMENT,
    "orderDate.lt": _MOMENT,
}
