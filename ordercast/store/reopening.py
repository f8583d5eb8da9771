"""Reopening: what has ended is worked on again, as the next version of the order."""

from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import Session, col, select

from ordercast.domain.errors import Conflict
from ordercast.domain.order import OrderState, Stage
from ordercast.domain.undoing import to_do_again
from ordercast.domain.work_order import WorkOrderState, reopen
from ordercast.store import claims, erasing, forecasts, orders, pushes, undoing, work_orders
from ordercast.store.clock import now
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.outcomes import sealed
from ordercast.store.pushes import NewEvent, known_by
from ordercast.store.runs import run_of
from ordercast.store.tables import ExclusiveClaim, OrderRun, ServiceOrder, WorkOrder
from ordercast.store.work_orders import LineWork


def reopen_failed(session: Session, order_no: str, work_order_ids: Sequence[str] = ()) -> int:
    """Reopen failed work orders of an order, all of them unless some are named.

    Those cancelled because of them wait again, and so does what was undone, with what stood on
    it. On a line
    where only undoing failed, that is tried again. Returns how many failed ones were reopened.
    Raises Conflict if there are none, if something is being undone still, or if another order
    works on the same number now.
    """
    order = orders.order(session, order_no, lock=True)
    failed = _failed(session, order_no, work_order_ids)
    if not failed:
        raise Conflict("{order_no} has no failed work order to reopen", order_no=order_no)
    if erasing.is_erased(session, order_no):
        raise Conflict(
            "the numbers and names of {order_no} are erased: send a new order", order_no=order_no
        )
    _must_be_free(session, order)
    names: dict[int, list[str]] = defaultdict(list)
    for row in failed:
        names[row.line_no].append(row.name)
    work = work_orders.lines_work(session, order_no, names)
    for line_no, line in work.items():
        again = _again(order_no, line_no, line, names[line_no])
        line.become(reopen(line.states, line.depends_on, again))
    undoing.take_back(session, order_no, work)
    work_orders.roll_up(session, order_no, work)
    open_next_version(session, order)
    return len(failed)


def _again(order_no: str, line_no: int, line: LineWork, names: Sequence[str]) -> Sequence[str]:
    """What of a line is to be done again, for the sake of its failed work of these names."""
    forward = [name for name in names if name in line.forward]
    if not forward or not line.undo:
        return forward or names
    if any(state.is_open for state in line.undo.values()):
        raise Conflict(
            "what was done of line {line_no} of {order_no} is being undone: reopen it when the"
            " undo work orders have ended",
            line_no=line_no,
            order_no=order_no,
        )
    undone = to_do_again(undoing.undone(line), line.forward, line.depends_on)
    undoing.withdraw(line)
    return [*forward, *sorted(undone)]


def _failed(session: Session, order_no: str, ids: Sequence[str]) -> Sequence[WorkOrder]:
    query = select(WorkOrder).where(
        WorkOrder.order_no == order_no,
        WorkOrder.state == WorkOrderState.FAILED,
        col(WorkOrder.withdrawn_at).is_(None),
    )
    if ids:
        query = query.where(col(WorkOrder.id).in_(ids))
    return session.exec(query).all()


def _must_be_free(session: Session, order: ServiceOrder) -> None:
    if other := _claim(session, order):
        raise Conflict(
            "{other} works on {resource} now; reopen {order_no} afterwards",
            other=other.order_no,
            resource=other.resource,
            order_no=order.order_no,
        )


def _claim(session: Session, order: ServiceOrder) -> ExclusiveClaim | None:
    needed = claims.resources(orders.lines(session, order.order_no))
    return claims.claim(session, order.order_no, needed)


def open_next_version(session: Session, order: ServiceOrder) -> None:
    """Open the next version of an order whose current one is sealed, else do nothing.

    The caller holds the order's row. The relay launches the new run, which goes on at the wait.
    What the order works on is its own again: orders that come later are held behind it.
    """
    current = run_of(session, order.order_no, order.version, lock=True)
    if Stage(current.stage).is_before(Stage.SEALED):
        return
    _claim(session, order)
    at = now()
    order.version += 1
    order.state, order.ended_at, order.cancel_requested_at = OrderState.IN_PROGRESS, None, None
    session.add(
        OrderRun(
            order_no=order.order_no,
            version=order.version,
            stage=Stage.GENERATED,
            priority=order.priority,
            start_at=at,
            launch_at=at,
        )
    )
    nudge_after_commit(session, Topic.LAUNCH)
    event = NewEvent(type="order.reopened", version=order.version, data=known_by(order))
    forecasts.look_again(session, [order.order_no], at=at)
    told = sealed(session, order.order_no, order.version - 1)
    pushes.add_events(session, order, [event], tags=told.tags)
