"""A round's turn: one of its kind at a time, and none that comes too late to be of use."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from prefect import State
from prefect.runtime import flow_run
from prefect.states import Cancelled

from ordercast.store import turns
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.turns import Refusal

LEASE = timedelta(minutes=10)
"""A round that has died holds its turn no longer. Rounds end well before."""


@contextmanager
def turn(name: str, *, lease: timedelta = LEASE) -> Iterator[Refusal | None]:
    """Hold the turn of a kind of round; gives why not, if it is not this run's."""
    holder, at = str(flow_run.id or uuid4()), now()
    due_at = flow_run.scheduled_start_time if flow_run.id else at
    with database().write() as session:
        refusal = turns.take(session, name, holder=holder, due_at=due_at, at=at, lease=lease)
    try:
        yield refusal
    finally:
        if refusal is None:
            with database().write() as session:
                turns.end(session, name, holder=holder, at=now())


def skipped(refusal: Refusal) -> State:
    """How a run ends that had nothing to do."""
    return Cancelled(name="Skipped", message=f"{refusal.reason}: nothing was left to do")
