"""What an order waits for, in words: what is to be done first, then why."""

from typing import assert_never

from config.prefect_server import PARKED, SUSPENDED
from flows.templates import utc
from ordercast.store.runs import WaitingFor
from ordercast.store.tables import OrderRun


def waits_for(run: OrderRun) -> str:
    """What a run waits for and what a person can do about it; empty if it waits for nothing."""
    if run.waiting_for is None:
        return ""
    reason, since = run.waiting_reason, utc(run.waiting_since)
    waiting_for = WaitingFor(run.waiting_for)
    match waiting_for:
        case WaitingFor.WORK_ORDERS:
            return f"Waits for work orders since {since}: {reason}."
        case WaitingFor.EXCLUSIVE:
            return f"Held since {since}: {reason}. Nothing to do: it goes on by itself afterwards."
        case WaitingFor.PARKED:
            return (
                f"Parked since {since}, next try {utc(run.wake_at)}. Nothing to do, or to try now: "
                f"ordercast orders retry {run.order_no}. Why: {reason}"
            )
        case WaitingFor.OPERATOR:
            return f"Waits for a person since {since}: mend the cause, then press Retry. {reason}"
        case _:
            assert_never(waiting_for)


def state_name(run: OrderRun) -> str:
    """The name of a suspended run's state: a list of runs tells by it who waits for work."""
    return PARKED if run.waiting_for == WaitingFor.PARKED else SUSPENDED
