"""Listeners: which are alive, and how each stands with its broker."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import delete
from sqlmodel import Session, col, select

from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.tables import ListenerBeat

KEPT = timedelta(days=1)
SILENT = timedelta(seconds=60)
"""A listener shows itself every few seconds, and at least before each pause of half a minute."""


class ListenerState(StrEnum):
    """How a listener stands with its broker."""

    CONNECTING = "connecting"
    LISTENING = "listening"
    WAITING = "waiting"


def show(listener: str, *, broker: str, state: ListenerState, reason: str = "") -> None:
    """Note that a listener is alive, and since when it stands as it does."""
    at = now()
    with database().write() as session:
        session.execute(delete(ListenerBeat).where(col(ListenerBeat.beat_at) < at - KEPT))
        row = session.get(ListenerBeat, listener)
        if row is None:
            row = ListenerBeat(listener=listener, broker=broker, state="", since=at, beat_at=at)
        if row.state != state:
            row.since = at
        row.state, row.reason, row.beat_at = state, reason[:1000], at
        session.add(row)


def forget(listener: str) -> None:
    """A listener has ended in order."""
    with database().write() as session:
        session.execute(delete(ListenerBeat).where(col(ListenerBeat.listener) == listener))


def listeners(session: Session) -> Sequence[ListenerBeat]:
    """The listeners that have not ended in order, the one heard of last first."""
    return session.exec(select(ListenerBeat).order_by(col(ListenerBeat.beat_at).desc())).all()


def how_it_stands(row: ListenerBeat) -> str:
    """The state of a listener in words; `silent` if it has not been heard of for a minute."""
    if row.beat_at < now() - SILENT:
        return f"silent since {row.beat_at:%Y-%m-%d %H:%M:%S} UTC"
    return row.state
