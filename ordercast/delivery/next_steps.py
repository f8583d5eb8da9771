"""What follows from a verdict: an end, or another attempt and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from ordercast.contracts.subscriber import ScheduleName
from ordercast.delivery.schedules import our_rest, rest
from ordercast.delivery.verdicts import Reason, Verdict
from ordercast.store.pushes import DeliveryState

PATIENT = frozenset({Reason.BUSY, Reason.TIMEOUT, Reason.BUSINESS_BUSY})


@dataclass(frozen=True)
class NextStep:
    """The state of the delivery; when it is tried again; whether the attempt counts."""

    state: DeliveryState
    due_at: datetime | None = None
    charged: bool = True


@dataclass(frozen=True)
class History:
    """The attempts of a delivery before this one, and how many of them counted."""

    schedule: ScheduleName
    attempts: int = 0
    tries: int = 0


def next_step(
    reason: Reason,
    history: History,
    *,
    now: datetime,
    jitter: float,
    retry_after: timedelta | None = None,
) -> NextStep:
    """What becomes of a delivery after an attempt that ended with this reason."""
    match reason.verdict:
        case Verdict.DELIVERED:
            return NextStep(DeliveryState.DELIVERED)
        case Verdict.REJECTED:
            return NextStep(DeliveryState.REJECTED)
        case Verdict.GONE:
            return NextStep(DeliveryState.GONE)
        case Verdict.OUR_FAULT:
            return _ours(reason, history, now=now, jitter=jitter)
        case Verdict.RETRY | Verdict.BLOCKED:
            pause = rest(
                history.schedule,
                history.tries + 1,
                jitter=jitter,
                retry_after=retry_after,
                patient=reason in PATIENT,
            )
            if pause is None:
                return NextStep(DeliveryState.GAVE_UP)
            return NextStep(DeliveryState.PENDING, now + pause)
    assert_never(reason.verdict)


def _ours(reason: Reason, history: History, *, now: datetime, jitter: float) -> NextStep:
    """Another attempt, at once if only the relay stopped; the subscriber is not charged."""
    faults = history.attempts - history.tries + 1
    pause = timedelta() if reason is Reason.STOPPED else our_rest(faults, jitter=jitter)
    return NextStep(DeliveryState.PENDING, now + pause, charged=False)
