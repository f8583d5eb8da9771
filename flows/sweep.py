"""Sweep: each minute, what is overdue and which orders are in jeopardy, and what is done of it."""

from prefect import State, flow
from prefect.states import Completed

from flows.rounds_artifacts import publish_sweep
from flows.turn import skipped, turn
from tasks.sweep import escalate, find_overdue, forecast


@flow(name="sweep", persist_result=False)
def sweep(limit: int = 2000, seconds: float = 15) -> State:
    """Find overdue work, escalate it by the catalogue's policy, and see which orders that delays.

    A round takes at most `limit` work orders and orders, and `seconds` for each part; the next
    one goes on with the rest.
    """
    with turn("sweep") as refusal:
        if refusal:
            return skipped(refusal)
        found = find_overdue(limit=limit)
        taken = escalate(limit=limit, seconds=seconds)
        endangered = forecast(limit=limit, seconds=seconds)
        if taken or endangered:
            publish_sweep(taken, endangered)
    done = f"{found} newly overdue, {len(taken)} escalated, {len(endangered)} orders in jeopardy"
    return Completed(message=done)
