"""Rollup: the state of a line from its work orders, the state of an order from its lines."""

from collections.abc import Iterable

from ordercast.domain.order import OrderState
from ordercast.domain.work_order import WorkOrderState


def line_state(
    work_orders: Iterable[WorkOrderState], undo: Iterable[WorkOrderState] = ()
) -> OrderState:
    """The state of a line whose work orders are in the given states.

    In progress while any is open, those that undo others (`undo`) included; then failed if any
    failed, cancelled if any was cancelled, else completed. What became of `undo` changes nothing
    about that. A line without work orders (`noChange`) is completed.
    """
    states = set(work_orders)
    if any(state.is_open for state in states) or any(state.is_open for state in undo):
        return OrderState.IN_PROGRESS
    if WorkOrderState.FAILED in states:
        return OrderState.FAILED
    if WorkOrderState.CANCELLED in states:
        return OrderState.CANCELLED
    return OrderState.COMPLETED


def order_state(lines: Iterable[OrderState]) -> OrderState:
    """The state of an order whose lines are in the given states.

    In progress while a line is open. Then all lines alike give their state to the order; a
    mix with a completed line is partial, a mix without one failed. Source: TMF641 v4.1.
    """
    states = set(lines)
    if not states or any(not state.is_final for state in states):
        return OrderState.IN_PROGRESS
    if len(states) == 1:
        return states.pop()
    return OrderState.PARTIAL if OrderState.COMPLETED in states else OrderState.FAILED
