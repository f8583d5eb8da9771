"""The sweep's tasks: a part of what is overdue at a time, each part in a short transaction."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from ordercast.store import escalating, forecasts, overdue
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.forecasts import Endangered, Ends
from ordercast.store.telling_overdue import Taken
from tasks.step import step

AT_ONCE = 100
"""So many work orders, or orders, share a transaction: reports come in between."""

Key = TypeVar("Key")
Done = TypeVar("Done")


@step(name="find-overdue")
def find_overdue(*, limit: int) -> int:
    """Note the work that has become overdue; how much there was."""
    with database().write() as session:
        return overdue.find(session, at=now(), limit=limit)


@step(name="escalate")
def escalate(*, limit: int, seconds: float) -> list[Taken]:
    """Remind, alert or fail, as the catalogue has it for each piece of overdue work."""
    with database().read() as session:
        due = overdue.due(session, at=now(), limit=limit)

    def some_of(keys: Sequence[tuple[str, datetime]]) -> list[Taken]:
        with database().write() as session:
            return escalating.escalate(session, keys, at=now())

    return _while_there_is_time(due, some_of, seconds=seconds)


@step(name="forecast")
def forecast(*, limit: int, seconds: float) -> list[Endangered]:
    """Make forecasts anew; the orders that have come into jeopardy."""
    with database().read() as session:
        due = forecasts.due(session, at=now(), limit=limit)

    def some_of(order_nos: Sequence[str]) -> list[Endangered]:
        with database().read() as session:
            ends = Ends(session, order_nos, now())
        with database().write() as session:
            return forecasts.look(session, ends, at=now())

    return _while_there_is_time(due, some_of, seconds=seconds)


def _while_there_is_time(
    keys: Sequence[Key], some_of: Callable[[Sequence[Key]], list[Done]], *, seconds: float
) -> list[Done]:
    """Do a part after the other until the time is up; the rest is for the next round."""
    deadline, done = time.monotonic() + seconds, list[Done]()
    for some in chunks(keys, AT_ONCE):
        if time.monotonic() > deadline:
            break
        done += some_of(some)
    return done
