"""Cancelling over HTTP: TMF641 Service Ordering v4.1, `/cancelServiceOrder`."""

from typing import Any

from fastapi import APIRouter

from config.settings import settings
from ordercast.contracts.service_order import CancelServiceOrderCreate
from ordercast.intake.json_orders import decode, load_json
from ordercast.intake.problems import validate
from ordercast.services.gateway.access import Reading, Submitting
from ordercast.services.gateway.bodies import RawBody
from ordercast.services.gateway.representation import href
from ordercast.store import commands, orders
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database
from ordercast.store.tables import OrderCommand

router = APIRouter(tags=["cancelServiceOrder"])

PATH = "/tmf-api/serviceOrdering/v4/cancelServiceOrder"


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
            due_at=asked.requested_cancellation_date,
        )
    return _cancellation(command)


@router.get(PATH)
def list_cancellations(caller: Reading, order_no: str | None = None) -> list[dict[str, Any]]:
    """Cancellations, the newest first."""
    with database().read() as session:
        found = commands.of_kind(session, CommandKind.CANCEL, order_no=order_no, agent=caller.agent)
    return [_cancellation(command) for command in found]


@router.get(f"{PATH}/{{command_id}}")
def get_cancellation(caller: Reading, command_id: str) -> dict[str, Any]:
    """One cancellation."""
    with database().read() as session:
        return _cancellation(commands.cancellation(session, command_id, agent=caller.agent))


def _cancellation(command: OrderCommand) -> dict[str, Any]:
    shown = {
        "id": command.id,
        "href": f"{settings().gateway_url}{PATH}/{command.id}",
        "cancellationReason": command.reason,
        "effectiveCancellationDate": command.done_at,
        "completionMessage": command.answer,
        "serviceOrder": {"id": command.order_no, "href": href(command.order_no)},
        "state": command.state,
        "@type": "CancelServiceOrder",
    }
    return {name: value for name, value in shown.items() if value is not None}
