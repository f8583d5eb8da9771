"""Beats: how the relay knows which workers are alive."""

from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import delete
from sqlmodel import Session, col

from ordercast.store.clock import now
from ordercast.store.engine import Database, database
from ordercast.store.tables import WorkerBeat
from ordercast.store.upserting import insert_for

KEPT = timedelta(days=1)
FRESH = timedelta(seconds=5)


def beat(worker: str) -> None:
    """Note that a worker is alive."""
    with database().write() as session:
        _note(session, worker, now())


def show_alive(session: Session, worker: str) -> None:
    """Note that a worker is alive unless it has beaten just now: its threads share the row."""
    last, at = _last_beats(database()).get(worker), now()
    if last is None or last < at - FRESH:
        _note(session, worker, at)


@lru_cache(maxsize=1)
def _last_beats(_database: Database) -> dict[str, datetime]:
    """When the workers of this process have last beaten in this database."""
    return {}


def _note(session: Session, worker: str, at: datetime) -> None:
    _last_beats(database())[worker] = at
    noted = insert_for(session, WorkerBeat).values(worker=worker, beat_at=at)
    session.execute(noted.on_conflict_do_update(index_elements=["worker"], set_={"beat_at": at}))


def forget_old() -> None:
    """Remove the beats of workers that have been dead for a day."""
    with database().write() as session:
        session.execute(delete(WorkerBeat).where(col(WorkerBeat.beat_at) < now() - KEPT))
