"""Forecasts: when the open work of a line can be expected to have ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class OpenWork:
    """A work order that is open: when it is due, how long it takes, and what comes before it."""

    due_at: datetime
    service_time: timedelta = timedelta()
    after: Sequence[str] = ()


def expected_ends(work: Mapping[str, OpenWork], *, at: datetime) -> dict[str, datetime]:
    """When each open work order of a line is expected to have ended.

    That is its due time, or now where that has passed; but what waits for others takes its
    time after the last of them. What is not in `work` has ended. Needs to be free of circles.
    """
    ends: dict[str, datetime] = {}
    waiting = list(work)
    while waiting:
        name = waiting[-1]
        missing = [other for other in work[name].after if other in work and other not in ends]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if name not in ends:
            ends[name] = _end(work[name], ends, at)
    return ends


def _end(work: OpenWork, ends: Mapping[str, datetime], at: datetime) -> datetime:
    others = [ends[other] + work.service_time for other in work.after if other in ends]
    return max(work.due_at, at, *others)
