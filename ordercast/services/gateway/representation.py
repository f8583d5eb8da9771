"""Orders as TMF641 shows them, with sensitive values masked."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from config.catalog import catalogue
from config.settings import settings
from ordercast.domain.order import OrderState, Stage
from ordercast.intake.kept import kept_order
from ordercast.store import forecasts, inbox, orders
from ordercast.store.runs import WaitingFor, run_of
from ordercast.store.tables import OrderLine, OrderRun, ServiceOrder

PATH = "/tmf-api/serviceOrdering/v4/serviceOrder"
ALWAYS = ("id", "href")
"""Attributes that are shown whatever `fields` asks for. Source: TMF630."""


def href(order_no: str) -> str:
    """Where an order can be read."""
    return f"{settings().gateway_url}{PATH}/{order_no}"


def service_order(
    session: Session, order: ServiceOrder, *, to_agent: bool = False
) -> dict[str, Any]:
    """An order with its items; an agent is not told which other order it waits for."""
    run = run_of(session, order.order_no, order.version)
    shown = _attributes(order, run, to_agent) | _prospects(session, order)
    return shown | {"serviceOrderItem": _items(session, order, run)}


def brief_service_order(
    session: Session, order: ServiceOrder, *, to_agent: bool = False
) -> dict[str, Any]:
    """An order without its items; for an agent as `service_order`."""
    shown = _attributes(order, run_of(session, order.order_no, order.version), to_agent)
    return shown | _prospects(session, order)


def only_fields(document: dict[str, Any], fields: str | None) -> dict[str, Any]:
    """The attributes named in a comma-separated list, all of them if there is none."""
    if not fields:
        return document
    wanted = {*ALWAYS, *(name.strip() for name in fields.split(","))}
    return {name: value for name, value in document.items() if name in wanted}


def _attributes(order: ServiceOrder, run: OrderRun, to_agent: bool) -> dict[str, Any]:
    shown = {
        **order.document,
        "id": order.order_no,
        "href": href(order.order_no),
        "externalId": order.external_id,
        "state": order.state,
        "orderDate": _iso(order.ordered_at),
        "startDate": _iso(order.started_at),
        "completionDate": _iso(order.ended_at),
        "version": order.version,
        "stage": run.stage,
        "waitingFor": _waiting_for(run, to_agent),
        "@type": order.document.get("@type", "ServiceOrder"),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _waiting_for(run: OrderRun, to_agent: bool) -> str | None:
    """What a run waits for; the order that works on the same number may be another agent's."""
    if run.waiting_for == WaitingFor.EXCLUSIVE and to_agent:
        return f"{run.waiting_for}: another order works on the same number or card"
    return run.waiting_for and f"{run.waiting_for}: {run.waiting_reason}"


def _prospects(session: Session, order: ServiceOrder) -> dict[str, Any]:
    """When an order in flight can be expected, and whether that is too late."""
    forecast = forecasts.of_order(session, order)
    if forecast is None or forecast.expected_at is None:
        return {}
    shown: dict[str, Any] = {"expectedCompletionDate": _iso(forecast.expected_at)}
    if forecast.endangered_at:
        alert = {
            "id": forecast.late_work_order,
            "alertDate": _iso(forecast.endangered_at),
            "message": f"it was promised for {_iso(forecast.promised_at)}",
            "@type": "JeopardyAlert",
        }
        shown["jeopardyAlert"] = [{name: each for name, each in alert.items() if each}]
    return shown


def _items(session: Session, order: ServiceOrder, run: OrderRun) -> list[dict[str, Any]]:
    if Stage(run.stage).is_before(Stage.DECOMPOSED):
        return _items_of_message(session, order)
    return [_item(line) for line in orders.lines(session, order.order_no)]


def _items_of_message(session: Session, order: ServiceOrder) -> list[dict[str, Any]]:
    draft = kept_order(inbox.message(session, order.message_id)).order
    shown = [
        item.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"service_order_item"}
        )
        for item in draft.lines
    ]
    return [{**item, "state": OrderState.ACKNOWLEDGED} for item in catalogue().mask(shown)]


def _item(line: OrderLine) -> dict[str, Any]:
    errors = [
        {
            "code": "refused",
            "reason": each["field"],
            "message": f"{each['problem']}; {each['cure']}",
        }
        for each in line.problems
    ]
    shown = {**line.document, "state": line.state}
    return shown | {"errorMessage": errors} if errors else shown


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
