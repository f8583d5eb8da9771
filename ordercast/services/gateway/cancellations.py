"""Cancelling over HTTP: TMF641 Service Ordering v4.1, `/cancelServiceOrder`."""

from typing import Any

from fastapi import APIRouter, Request, Response

from config.settings import settings
from ordercast.contracts.service_order import CancelServiceOrderCreate
from ordercast.intake.json_orders import decode, load_json
from ordercast.intake.problems import validate
from ordercast.services.gateway.access import Reading, Submitting
from ordercast.services.gateway.bodies import RawBody
from ordercast.services.gateway.paging import Limit, Offset, check_names, count_headers, page_size
from ordercast.services.gateway.representation import href, only_fields
from ordercast.store import commands, orders
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database
from ordercast.store.tables import OrderCommand

router = APIRouter(tags=["cancelServiceOrder"])

PATH = "/tmf-api/serviceOrdering/v4/cancelServiceOrder"
FILTERS = ("order_no",)
REQUESTED = "requested_cancellation_date"


@router.post(PATH, status_code=201)
def create_cancellation(caller: Submitting, body: RawBody) -> dict[str, Any]:
    """Ask to cancel what is open of an order; the answer's state tells how that goes."""
    asked = validate(CancelServiceOrderCreate, load_json(decode(body)), forbidden=("id", "state"))
    order_no = asked.service_order.id
    with database().write() as session:
        orders.order(session, order_no, agent=caller.agent)
        command = commands.ask(
            session,
            order_no,
            CommandKind.CANCEL,
            reason=asked.cancellation_reason or "no reason given",
            asked_by=caller.name,
            details=asked.model_dump(mode="json", include={REQUESTED}, exclude_none=True),
            due_at=asked.requested_cancellation_date,
        )
    return _cancellation(command)


@router.get(PATH)
def list_cancellations(
    caller: Reading,
    request: Request,
    response: Response,
    order_no: str | None = None,
    fields: str | None = None,
    offset: Offset = 0,
    limit: Limit = None,
) -> list[dict[str, Any]]:
    """Cancellations, the newest first."""
    check_names(request.query_params.multi_items(), FILTERS)
    with database().read() as session:
        total, page = commands.count_and_page(
            session,
            CommandKind.CANCEL,
            order_no=order_no,
            agent=caller.agent,
            offset=offset,
            limit=page_size(limit),
        )
    count_headers(response, total=total, shown=len(page))
    return [only_fields(_cancellation(command), fields) for command in page]


@router.get(f"{PATH}/{{command_id}}")
def get_cancellation(caller: Reading, command_id: str, fields: str | None = None) -> dict[str, Any]:
    """One cancellation."""
    with database().read() as session:
        found = commands.cancellation(session, command_id, agent=caller.agent)
    return only_fields(_cancellation(found), fields)


def _cancellation(command: OrderCommand) -> dict[str, Any]:
    shown = {
        "id": command.id,
        "href": f"{settings().gateway_url}{PATH}/{command.id}",
        "cancellationReason": command.reason,
        "requestedCancellationDate": command.details.get(REQUESTED),
        "effectiveCancellationDate": command.done_at,
        "completionMessage": command.answer,
        "serviceOrder": {"id": command.order_no, "href": href(command.order_no)},
        "state": command.state,
        "@type": "CancelServiceOrder",
    }
    return {name: value for name, value in shown.items() if value is not None}
