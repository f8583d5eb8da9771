"""The floor: a flow of the shape of an order's life, whose tasks do nothing.

The same seven names and the same suspension in the middle. It notes in a diary when it waits
and when it has ended; what it remembers lives in the warm worker's process.
"""

import os
from uuid import uuid4

from prefect import State, flow, suspend_flow_run
from prefect.states import Completed

from flows.order import STEPS
from tasks.step import step

WAITS, ENDS = "waits", "ends"
_suspended: set[str] = set()


def _empty(name: str):
    @step(name=name)
    def nothing(key: str) -> bool:
        return bool(key)

    return nothing


TASKS = {each.name: _empty(each.name) for each, _ in STEPS}


@flow(name="floor", validate_parameters=False, persist_result=False)
def floor(key: str, diary: str) -> State:
    """Four empty tasks, a suspension, four empty tasks: as the segments of an order have them."""
    before, wait, after = list(TASKS.values())[:3], TASKS["await-completion"], list(TASKS)[4:]
    if key not in _suspended:
        for task in [*before, wait]:
            task(key)
        _suspended.add(key)
        _note(diary, WAITS, key)
        suspend_flow_run(key=str(uuid4()), timeout=None)
    for name in ["await-completion", *after]:
        TASKS[name](key)
    _note(diary, ENDS, key)
    return Completed(message=key)


def _note(diary: str, what: str, key: str) -> None:
    handle = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, f"{what} {key}\n".encode())
    finally:
        os.close(handle)
