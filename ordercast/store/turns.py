"""Turns: of each kind of round one goes at a time, and one that comes too late does nothing.

Prefect's own limit would be held for good by a run whose worker and server died together; this
one is a row that nobody holds longer than it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from ordercast.store.rounds_tables import RoundTurn
from ordercast.store.upserting import insert_for


@dataclass(frozen=True)
class Refusal:
    """Why it is not somebody's turn."""

    reason: str


def take(
    session: Session, name: str, *, holder: str, due_at: datetime, at: datetime, lease: timedelta
) -> Refusal | None:
    """Take the turn of a kind of round; a refusal if another one has it, or has made this needless.

    `due_at` is when the round was to begin: another that began since then has done its work.
    """
    new = insert_for(session, RoundTurn).values(name=name, cursor={})
    session.execute(new.on_conflict_do_nothing(index_elements=["name"]))
    turn = session.get_one(RoundTurn, name, with_for_update=True, populate_existing=True)
    is_again = turn.holder == holder
    if turn.held_until and turn.held_until > at and not is_again:
        return Refusal(f"another {name} is under way")
    if turn.began_at and turn.began_at >= due_at and not is_again:
        return Refusal(f"another {name} has begun since this one was due")
    turn.holder, turn.held_until, turn.began_at = holder, at + lease, at
    return None


def end(session: Session, name: str, *, holder: str, at: datetime) -> None:
    """Give the turn back, unless somebody else has it by now."""
    turn = session.get_one(RoundTurn, name, with_for_update=True)
    if turn.holder == holder:
        turn.held_until, turn.ended_at = None, at


def cursor(session: Session, name: str) -> dict[str, Any]:
    """How far the round has come; empty if it begins anew."""
    turn = session.get(RoundTurn, name)
    return dict(turn.cursor) if turn else {}


def move_on(session: Session, name: str, cursor: Mapping[str, Any]) -> None:
    """Note how far the round has come; empty at its end."""
    values = {"name": name, "cursor": dict(cursor)}
    new = insert_for(session, RoundTurn).values(values)
    session.execute(
        new.on_conflict_do_update(index_elements=["name"], set_={"cursor": values["cursor"]})
    )
