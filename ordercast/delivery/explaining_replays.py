"""Replays in words: what was asked for, how far it has come, and how long it will take."""

from math import ceil
from typing import Any

from sqlmodel import Session

from ordercast.contracts.replay import ReplayState
from ordercast.store.push_tables import PushReplay
from ordercast.store.replays import Estimate, came_to

FILTER = (
    "event_id",
    "order_no",
    "subscriber_id",
    "since",
    "until",
    "ended_since",
    "states",
    "verdict",
)


def explain_estimate(found: Estimate) -> dict[str, Any]:
    """What a replay would come to."""
    return {"pushes": found.pushes, "per_second": found.per_second, "seconds": found.seconds}


def explain_replay(session: Session, replay: PushReplay) -> dict[str, Any]:
    """A replay as the API and `--json` show it; times are UTC.

    `pushes` has the states, now, of those that went out for it and for no later replay.
    """
    row = replay.model_dump(mode="json")
    out = replay.put_back + replay.made
    return {
        "id": replay.id,
        "filter": {name: row[name] for name in FILTER if row[name] is not None},
        "per_second": replay.per_second,
        "reason": replay.reason,
        "asked_by": replay.asked_by,
        "asked_at": row["asked_at"],
        "state": replay.state,
        "expected": replay.expected,
        "put_back": replay.put_back,
        "made": replay.made,
        "pushes": dict(came_to(session, replay.id)),
        "seconds_left": _seconds_left(replay, out),
        "ended_at": row["ended_at"],
    }


def _seconds_left(replay: PushReplay, out: int) -> int | None:
    if replay.state not in (ReplayState.RUNNING, ReplayState.PAUSED):
        return None
    return ceil(max(0, replay.expected - out) / replay.per_second)
