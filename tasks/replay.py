"""Replaying from Prefect: asking for a replay, and waiting for the relay to carry it out."""

import time
from collections.abc import Mapping
from typing import Any

from ordercast.contracts.replay import NewReplay
from ordercast.intake.problems import validate
from ordercast.store import replays
from ordercast.store.engine import database
from tasks.step import step

LOOK_SECONDS = 0.5


@step(name="ask-for-replay")
def ask_for_replay(wanted: Mapping[str, Any], *, asked_by: str, key: str) -> str:
    """Ask for a replay, whatever it is called again with the same key; its id.

    InvalidMessage or NotFound, in words, if it cannot be had.
    """
    told = {name: value for name, value in wanted.items() if value not in (None, "", [])}
    wish = validate(NewReplay, told)
    with database().read() as session:
        expected = replays.estimate(session, wish).pushes
    with database().write() as session:
        return replays.ask(session, wish, expected=expected, asked_by=asked_by, key=key).id


@step(name="wait-for-replay")
def wait_for_replay(replay_id: str, *, seconds: float) -> bool:
    """Wait until a replay has ended, at most so long; whether it has."""
    deadline = time.monotonic() + seconds
    while True:
        with database().read() as session:
            if replays.replay(session, replay_id).state in replays.ENDED:
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
