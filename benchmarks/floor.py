"""Carries runs of the floor flow: `python -m benchmarks.floor RUNS DIARY`.

It runs in the environment of a stack and makes the relay's calls, no others: runs are created
in bulk, resumed in bulk, and the worker is nudged. Prints the seconds from the first call to
the end of the last run.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

from prefect.client.orchestration import SyncPrefectClient, get_client

from benchmarks.floor_flow import ENDS, WAITS, floor
from benchmarks.telling import Counter
from benchmarks.waiting import Patience
from config.prefect_server import WORK_POOL
from ordercast.services.relay.prefect_api import (
    CREATE_LIMIT,
    SET_STATE_LIMIT,
    NewFlowRun,
    PrefectApi,
)
from ordercast.store.chunks import chunks
from ordercast.store.nudges import Topic, nudge

LOOK_SECONDS = 0.1


class FloorApi(PrefectApi):
    """The relay's client, for the floor's deployment."""

    def __init__(self, client: SyncPrefectClient) -> None:
        super().__init__(client)
        self._deployment = client.create_deployment(
            flow_id=client.create_flow(floor),
            name="floor",
            entrypoint="benchmarks.floor_flow.floor",
            work_pool_name=WORK_POOL,
            enforce_parameter_schema=False,
        )


class Diary:
    """What the runs have noted so far, by what it is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self, what: str) -> set[str]:
        if not self._path.exists():
            return set()
        notes = (line.split() for line in self._path.read_text().splitlines())
        return {note[1] for note in notes if note[0] == what}


def carry(api: PrefectApi, runs: int, path: Path) -> float:
    """Carry so many runs to their end; the seconds that it took."""
    tell, patience = Counter("floor", runs), Patience("floor")
    keys, diary = [uuid4().hex for _ in range(runs)], Diary(path)
    began, ids = time.monotonic(), {}
    for some in chunks(keys, CREATE_LIMIT):
        ids |= _created(api, some, path)
        nudge(Topic.CLAIM)
    resumed: set[str] = set()
    while (ended := len(diary.keys(ENDS))) < runs:
        resumed |= _resume(api, ids, diary.keys(WAITS) - resumed)
        tell(ended)
        patience.look_at(ended)
        time.sleep(LOOK_SECONDS)
    tell(runs)
    return time.monotonic() - began


def _created(api: PrefectApi, keys: Sequence[str], path: Path) -> dict[str, UUID]:
    wanted = [
        NewFlowRun(key=key, name=key, parameters={"key": key, "diary": str(path)}, tags=["floor"])
        for key in keys
    ]
    made = api.create_runs(wanted)
    return {key: flow_run_id for key, flow_run_id in made.items() if isinstance(flow_run_id, UUID)}


def _resume(api: PrefectApi, ids: dict[str, UUID], waiting: set[str]) -> set[str]:
    resumed: set[UUID] = set()
    for some in chunks(sorted(waiting), SET_STATE_LIMIT):
        resumed |= api.resume_suspended([ids[key] for key in some])
        nudge(Topic.CLAIM)
    return {key for key in waiting if ids[key] in resumed}


def main() -> None:
    """Carry the runs and print the seconds as JSON."""
    runs, path = int(sys.argv[1]), Path(sys.argv[2])
    with get_client(sync_client=True) as client:
        print(json.dumps(carry(FloorApi(client), runs, path)))


if __name__ == "__main__":
    main()
