"""Beats: how the relay knows which workers are alive."""

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col

from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.tables import WorkerBeat

KEPT = timedelta(days=1)


def beat(worker: str) -> None:
    """Note that a worker is alive."""
    with database().write() as session:
        session.merge(WorkerBeat(worker=worker, beat_at=now()))


def forget_old() -> None:
    """Remove the beats of workers that have been dead for a day."""
    with database().write() as session:
        session.execute(delete(WorkerBeat).where(col(WorkerBeat.beat_at) < now() - KEPT))
