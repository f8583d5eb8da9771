"""Cancelling: what is open of an order is cancelled, and its run goes on to tell of it."""

from sqlmodel import Session

from ordercast.domain.errors import Conflict
from ordercast.domain.order import OrderState, Stage
from ordercast.domain.work_order import WorkOrderState
from ordercast.store import line_ends, orders, undoing, work_orders
from ordercast.store.clock import now
from ordercast.store.line_ends import EndedLine
from ordercast.store.runs import run_of, wake
from ordercast.store.tables import OrderRun, ServiceOrder
from ordercast.store.work_orders import LineWork


def cancel(session: Session, order_no: str) -> OrderRun:
    """Cancel what is open of an order and have its run woken; returns the run.

    Completed work stays completed: the rollup decides what the order is in the end. Raises
    Conflict once the outcome is sealed: it stands.
    """
    order = orders.order(session, order_no, lock=True)
    run = run_of(session, order_no, order.version, lock=True)
    if not Stage(run.stage).is_before(Stage.SEALED):
        raise Conflict(
            "{order_no} is {state}: its outcome is sealed and stands",
            order_no=order_no,
            state=order.state,
        )
    order.cancel_requested_at = order.cancel_requested_at or now()
    cancel_open_work(session, order)
    run.start_at = now()
    wake(run)
    return run


def cancel_open_work(session: Session, order: ServiceOrder) -> None:
    """Cancel the open work orders of an order, and the lines that have none yet.

    What was completed of a line is undone; what undoes it is not cancelled.
    """
    work = work_orders.lines_work(session, order.order_no)
    touched: dict[int, LineWork] = {}
    for line_no, line in work.items():
        open_ones = {name for name, state in line.forward.items() if state.is_open}
        if open_ones:
            line.become(dict.fromkeys(open_ones, WorkOrderState.CANCELLED))
            touched[line_no] = line
    undoing.take_back(session, order.order_no, touched)
    ended = {line_no: line_ends.ended_by_work(line) for line_no, line in touched.items()}
    work_orders.roll_up(session, order.order_no, work)
    for line in orders.lines(session, order.order_no):
        if line.line_no not in work and not OrderState(line.state).is_final:
            line.state = OrderState.CANCELLED
            ended[line.line_no] = EndedLine(OrderState.CANCELLED)
    line_ends.note(session, order, {line_no: line for line_no, line in ended.items() if line})
