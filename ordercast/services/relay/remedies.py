"""What to do about a flow run whose order is in flight, by what Prefect says of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MOST_RECOVERIES = 10
"""A segment that has brought down its worker so often waits for a person."""


class Remedy(StrEnum):
    """The cure for a run."""

    NONE = "all is well"
    LAUNCH_AGAIN = "the flow run is gone: launch another"
    SCHEDULE_AGAIN = "its worker has died on it: schedule it again"
    CANCEL = "it was cancelled in Prefect: cancel the order, then schedule it again"
    GIVE_UP = "it keeps bringing its worker down: a person must look at it"
    ASK_OPERATOR = "it has failed: a person must look at it"


@dataclass(frozen=True)
class FlowRunState:
    """What Prefect says of a flow run: the type and name of its state, since when, and why."""

    type: str
    name: str
    since: datetime
    message: str = ""


def remedy_for(
    state: FlowRunState | None,
    *,
    is_waiting: bool,
    is_held: bool,
    is_orphan: bool,
    is_sealed: bool,
    recoveries: int,
    stuck_after: timedelta,
    now: datetime,
) -> Remedy:
    """The remedy for a run in flight.

    `state` is None if Prefect knows no such run; `is_waiting` says that the order waits for
    something, `is_held` that a segment works on it, `is_orphan` that its worker is dead. On one
    that stays for longer than `stuck_after` between two states somebody must have died.
    """
    if state is None:
        return Remedy.LAUNCH_AGAIN
    long_since = now - state.since > stuck_after
    stuck = is_orphan or (long_since and not is_held)
    match state.type:
        case "CANCELLED":
            return Remedy.SCHEDULE_AGAIN if is_sealed else Remedy.CANCEL
        case "CRASHED" if recoveries >= MOST_RECOVERIES:
            return Remedy.ASK_OPERATOR
        case "CRASHED" | "COMPLETED":
            return Remedy.SCHEDULE_AGAIN
        case "FAILED":
            return Remedy.ASK_OPERATOR
        case "CANCELLING" if is_held and not is_orphan:
            return Remedy.NONE
        case "CANCELLING":
            return Remedy.SCHEDULE_AGAIN if is_sealed else Remedy.CANCEL
        case "PENDING" | "RUNNING" if stuck:
            return Remedy.GIVE_UP if recoveries >= MOST_RECOVERIES else Remedy.SCHEDULE_AGAIN
        case "PAUSED":
            return Remedy.SCHEDULE_AGAIN if long_since and not is_waiting else Remedy.NONE
        case _:
            return Remedy.NONE
