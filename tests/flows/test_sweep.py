"""The sweep on a real Prefect server: one at a time, and no pile of late runs."""

from datetime import timedelta
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.states import Scheduled

from flows.sweep import sweep
from ordercast.services.worker import claiming
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.rounds_tables import RoundTurn
from ordercast.store.tables import WorkOrder
from tests.flows.floor import Floor
from tests.flows.test_redeliver import artifact
from tests.orders import named, plan_change, waiting


def due_run(floor: Floor, minutes_ago: float = 0) -> FlowRun:
    deployment = floor.client.read_deployment_by_name("sweep/sweep")
    at = now() - timedelta(minutes=minutes_ago)
    return floor.client.create_flow_run_from_deployment(
        deployment.id, state=Scheduled(scheduled_time=at)
    )


def work(floor: Floor, *runs: FlowRun) -> list[Any]:
    """Run runs as the worker does; their states."""
    body = claiming.request(runs, claiming.RUNNING)
    answer = floor.client.request("POST", claiming.BULK_SET_STATE, json=body)
    for each in claiming.claimed(runs, answer.json()):
        floor.threads.submit(sweep, each).result(120)
    return [floor.client.read_flow_run(run.id).state for run in runs]


def late_order() -> str:
    order_no, _ = waiting(plan_change(requestedCompletionDate="2026-11-22T08:00:00Z"))
    with database().write() as session:
        row = session.get_one(WorkOrder, named(order_no, "contract-check").id)
        row.due_at = now() - timedelta(hours=1)
    return order_no


def test_a_run_finds_what_is_late_does_what_is_due_and_shows_it(floor: Floor) -> None:
    order_no = late_order()
    (state,) = work(floor, due_run(floor))
    assert state.message == "1 newly overdue, 1 escalated, 1 orders in jeopardy"
    shown = artifact(floor, "sweep")
    assert "1 × remind" in shown and order_no in shown
    with database().read() as session:
        assert session.get_one(RoundTurn, "sweep").held_until is None


def test_of_the_runs_that_piled_up_one_sweeps_and_the_others_are_skipped(floor: Floor) -> None:
    late_order()
    states = work(floor, *[due_run(floor, minutes) for minutes in (5, 4, 3, 2, 1)])
    assert [state.name for state in states] == ["Completed", *["Skipped"] * 4]
    assert all(state.is_cancelled() for state in states[1:])


def test_while_one_is_under_way_another_does_nothing_and_a_dead_one_holds_nobody_up(
    floor: Floor,
) -> None:
    late_order()
    with database().write() as session:
        session.add(
            RoundTurn(name="sweep", holder="another", held_until=now() + timedelta(minutes=10))
        )
    (state,) = work(floor, due_run(floor))
    assert state.name == "Skipped"
    with database().write() as session:
        session.get_one(RoundTurn, "sweep").held_until = now() - timedelta(seconds=1)
    (state,) = work(floor, due_run(floor))
    assert state.name == "Completed"
