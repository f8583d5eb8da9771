"""Redeliver on a real Prefect server: on demand, and when a subscriber answers again."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    DeploymentFilter,
    DeploymentFilterId,
)
from prefect.client.schemas.objects import FlowRun

from flows.redeliver import redeliver
from ordercast.services.relay.recovered import tell_recovered
from ordercast.services.relay.replay import replay
from ordercast.services.worker import claiming
from ordercast.store import replays
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.push_tables import Subscriber
from tests.flows.floor import Floor
from tests.store.test_replays import deliveries, end, subscribe, tell
from tests.waiting import wait_for

DEPLOYMENT = "redeliver/redeliver"


def runs(floor: Floor, subscriber_id: str) -> list[FlowRun]:
    deployment = floor.client.read_deployment_by_name(DEPLOYMENT)
    only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    found = floor.client.read_flow_runs(deployment_filter=only)
    return [run for run in found if run.parameters.get("subscriber_id") == subscriber_id]


def recover(subscriber_id: str) -> None:
    """As the breaker does when it closes."""
    with database().write() as session:
        session.get_one(Subscriber, subscriber_id).recovered_at = now()


def work(floor: Floor, run: FlowRun) -> Any:
    """Run a run as the worker does; its state."""
    body = claiming.request([run], claiming.RUNNING)
    answer = floor.client.request("POST", claiming.BULK_SET_STATE, json=body)
    for each in claiming.claimed([run], answer.json()):
        floor.threads.submit(redeliver, each).result(120)
    return floor.client.read_flow_run(run.id).state


def asked() -> list[Any]:
    with database().read() as session:
        return list(replays.listing(session, limit=99)[1])


def artifact(floor: Floor, key: str) -> str:
    of_key = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=[key]))
    return str(floor.client.read_latest_artifacts(artifact_filter=of_key)[0].data)


OLD = timedelta(days=15)
"""So long before it is given up a push's event may have happened: a replay begins it anew."""


def given_up(count: int, name: str = "crm") -> str:
    subscriber = subscribe(database(), name)
    for number in range(count):
        tell(database(), f"ord-{name}-{number}", at=now() - OLD)
    end(database(), "gave-up", "retry", at=now())
    return subscriber


def test_a_subscriber_that_answers_again_gets_a_run_with_its_id_which_asks_for_a_replay(
    floor: Floor,
) -> None:
    subscriber, silent = given_up(3), subscribe(database(), "silent")
    recover(subscriber)
    tell_recovered(floor.api)
    (run,) = wait_for(lambda: runs(floor, subscriber), what="no run was started", seconds=60)
    assert (run.parameters["states"], run.parameters["ended_since"]) == (["gave-up"], "14d")
    assert work(floor, run).is_completed()
    (made,) = asked()
    assert (made.subscriber_id, made.states, made.expected) == (subscriber, ["gave-up"], 3)
    assert made.reason == "crm answers again"
    replay(floor.api)
    assert Counter(each.state for each in deliveries(database())) == {"pending": 3}
    tell_recovered(floor.api)  # it is told already
    assert len(runs(floor, subscriber)) == 1
    assert runs(floor, silent) == []


def test_a_run_that_is_tried_again_asks_for_nothing_new(floor: Floor) -> None:
    subscriber = given_up(1)
    deployment = floor.client.read_deployment_by_name(DEPLOYMENT)
    run = floor.client.create_flow_run_from_deployment(
        deployment.id, parameters={"subscriber_id": subscriber}
    )
    assert work(floor, run).is_completed()
    floor.api.schedule([run.id], "AwaitingRetry")
    assert work(floor, floor.client.read_flow_run(run.id)).is_completed()
    (made,) = asked()
    assert made.asked_by == f"prefect: {run.name}"
    assert "0 of 1 pushes are out" in artifact(floor, made.id)


def test_who_waits_reads_in_the_artifact_what_came_of_it(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber = given_up(2)
    monkeypatch.setattr("tasks.replay.time.sleep", lambda _: (replay(floor.api), end(database())))
    made = redeliver(subscriber_id=subscriber, states=["gave-up"], wait_seconds=60)
    told = artifact(floor, made)
    assert "· done" in told and "2 of 2 pushes are out" in told and "| delivered now | 2 |" in told


def test_a_wish_that_says_nothing_or_nonsense_fails_in_words(floor: Floor) -> None:
    for wanted, words in (({}, "say which"), ({"since": "soon"}, "is no time")):
        state = redeliver(**wanted, return_state=True)
        assert state.is_failed() and words in (state.message or "")
    assert asked() == []
