"""What a segment asks of Prefect: only what it cannot know."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prefect.client.base import PrefectHttpxSyncClient
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from ordercast.services.worker.segment_client import SegmentClient
from tests.flows.floor import Floor
from tests.flows.samples import plan_change


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The requests of the threads that run segments, by method and last word of the path."""
    counts: Counter[str] = Counter()
    send = PrefectHttpxSyncClient.send

    def counted(client: PrefectHttpxSyncClient, request: Any, *args: Any, **more: Any) -> Any:
        if threading.current_thread().name.startswith("segment"):
            words = request.url.path.split("/")
            counts[f"{request.method} {words[4] if len(words) > 4 and words[4] else words[2]}"] += 1
        return send(client, request, *args, **more)

    monkeypatch.setattr(PrefectHttpxSyncClient, "send", counted)
    return counts


@contextmanager
def once(asked: Counter[str]) -> Iterator[None]:
    """Count from here on; where results are kept is asked once by each thread."""
    asked.clear()
    yield
    del asked["GET admin"]


def test_a_segment_sets_one_state_and_asks_nothing(floor: Floor, asked: Counter[str]) -> None:
    floor.complete(floor.submit(plan_change()))  # blocks are read at the first use
    order_no = floor.submit(plan_change())
    floor.launch()
    with once(asked):
        floor.work()
    assert asked == {"POST set_state": 1}
    floor.report_all(order_no)
    floor.wake()
    with once(asked):
        floor.work()
    assert asked == {"POST set_state": 1}
    assert floor.order(order_no).state == "completed"


def test_what_the_client_knows_of_a_run_is_what_the_server_says(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[Any, Any]] = []  # at that moment: the engine goes on to change the run
    answer = SegmentClient.read_flow_run

    def compared(client: SegmentClient, flow_run_id: Any) -> FlowRun:
        known = answer(client, flow_run_id)
        real = SyncPrefectClient.read_flow_run(client, flow_run_id)
        read.append((_facts(known), _facts(real)))
        return known

    monkeypatch.setattr(SegmentClient, "read_flow_run", compared)
    floor.complete(floor.submit(plan_change()))
    assert len(read) == 2
    for known, real in read:
        assert known == real


def _facts(flow_run: FlowRun) -> dict[str, Any]:
    assert flow_run.state
    kept = {"id", "name", "deployment_id", "parameters", "tags", "run_count"}
    policy = flow_run.empirical_policy.model_dump(include={"pause_keys", "resuming"})
    state = {"state": (flow_run.state.id, flow_run.state.type, flow_run.state.name)}
    return flow_run.model_dump(include=kept) | policy | state
