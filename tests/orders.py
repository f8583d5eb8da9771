"""Orders as agents send them, and what tests do with them."""

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

from sqlmodel import col, select

from ordercast.contracts.report import ReportAnswer, WorkOrderReport
from ordercast.domain.work_order import Result
from ordercast.intake.accept import accept
from ordercast.intake.reporting import take_reports
from ordercast.store import runs
from ordercast.store.engine import database
from ordercast.store.inbox import RawMessage
from ordercast.store.runs import Lease
from ordercast.store.tables import OrderLine, OrderRun, ServiceOrder, WorkOrder
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders

NUMBERS = count(10_000_000_000)
JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"


def item(item_id: str = "1", *, product: str = "iot-card", action: str = "add", **given: Any):
    """A line; an IoT card of its own unless characteristics are given."""
    given = given or {"iccid": f"89860{next(NUMBERS)}012"}
    return {
        "id": item_id,
        "action": action,
        "service": {
            "serviceSpecification": {"id": product},
            "serviceCharacteristic": [{"name": n, "value": v} for n, v in given.items()],
        },
    }


def order(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An order of these lines, of one IoT card if there are none."""
    return {"serviceOrderItem": list(items) or [item()], **more}


def body(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def submit(document: dict[str, Any]) -> str:
    """Accept an order; its number."""
    receipt = accept(database(), RawMessage(body(document), JSON, "test"))
    return receipt.orders[0].order_no


def lease(order_no: str, version: int = 1) -> Lease:
    return runs.take_lease(order_no, version, flow_run_id=None, worker="tester")


def generated(document: dict[str, Any]) -> tuple[str, Lease]:
    """An order whose work orders have been generated, unless it is held."""
    order_no = submit(document)
    held = lease(order_no)
    assert receive.fn(held) and decompose.fn(held)
    generate_work_orders.fn(held)
    return order_no, held


def waiting(document: dict[str, Any]) -> tuple[str, Lease]:
    """An order that waits for its work orders."""
    order_no, held = generated(document)
    assert not await_completion.fn(held)
    return order_no, held


def sealed(document: dict[str, Any]) -> str:
    """An order whose work orders are all completed, and whose outcome is sealed."""
    order_no, held = waiting(document)
    complete(order_no)
    assert await_completion.fn(held)
    return order_no


def report(work_order: WorkOrder, result: str = "completed", **more: Any) -> ReportAnswer:
    told = WorkOrderReport(work_order_id=work_order.id, result=Result(result), **more)
    return take_reports(database(), [told])[0]


def complete(*order_nos: str) -> None:
    """Report what is ready completed, until nothing is open."""
    while ready := [each for no in order_nos for each in work_orders(no) if is_ready(each)]:
        done = [WorkOrderReport(work_order_id=each.id, result=Result.COMPLETED) for each in ready]
        take_reports(database(), done)


def is_ready(work_order: WorkOrder) -> bool:
    return work_order.state == "acknowledged"


def work_orders(order_no: str) -> Sequence[WorkOrder]:
    with database().read() as session:
        wanted = select(WorkOrder).where(WorkOrder.order_no == order_no)
        return session.exec(wanted.order_by(col(WorkOrder.line_no), WorkOrder.id)).all()


def named(order_no: str, name: str, line_no: int = 1) -> WorkOrder:
    """The work order of that name on a line."""
    found = {(row.line_no, row.name): row for row in work_orders(order_no)}
    return found[line_no, name]


def states(order_no: str, line_no: int = 1) -> dict[str, str]:
    """The states of a line's work orders by name."""
    return {row.name: row.state for row in work_orders(order_no) if row.line_no == line_no}


def line_states(order_no: str) -> list[str]:
    with database().read() as session:
        wanted = select(OrderLine).where(OrderLine.order_no == order_no)
        return [row.state for row in session.exec(wanted.order_by(col(OrderLine.line_no)))]


def stored(order_no: str) -> ServiceOrder:
    with database().read() as session:
        return session.get_one(ServiceOrder, order_no)


def run_of(order_no: str, version: int = 1) -> OrderRun:
    with database().read() as session:
        return runs.run_of(session, order_no, version)


def plan_change(lines: int = 1, **more: Any) -> dict[str, Any]:
    """An order whose lines each become four work orders: one, then two at once, then one."""
    numbers = [f"86{next(NUMBERS)}" for _ in range(lines)]
    items = [
        item(str(n), product="plan-change", action="modify", msisdn=number, plan="5G-199")
        for n, number in enumerate(numbers, start=1)
    ]
    return order(*items, **more)
