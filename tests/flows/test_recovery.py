"""What the relay mends: dead workers, deleted runs, crashed runs, a wiped Prefect."""

from datetime import timedelta

import pytest
from prefect.states import Crashed, Running

from config.settings import settings
from ordercast.domain.order import Stage
from ordercast.services.relay.remedies import MOST_RECOVERIES
from ordercast.store import runs
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database
from ordercast.store.runs import WaitingFor
from ordercast.store.tables import WorkerBeat
from tests.flows.floor import Floor
from tests.flows.samples import plan_change


def test_the_order_of_a_dead_worker_goes_on_elsewhere(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.set_state(order_no, Running())
    runs.take_lease(order_no, 1, flow_run_id=None, worker="dead")
    with database().write() as session:
        session.merge(WorkerBeat(worker="dead", beat_at=now() - timedelta(minutes=1)))
    floor.recover()
    assert floor.run(order_no).token is None
    assert floor.complete(order_no).state == "completed"


def test_an_order_that_keeps_bringing_its_worker_down_fails_in_words_until_a_person_retries_it(
    floor: Floor,
) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    for _ in range(MOST_RECOVERIES + 1):
        floor.set_state(order_no, Running())
        runs.take_lease(order_no, 1, flow_run_id=None, worker="dead")
        with database().write() as session:
            session.merge(WorkerBeat(worker="dead", beat_at=now() - timedelta(minutes=1)))
        floor.recover()
    assert floor.state(order_no).name == "Failed"
    assert "why they end" in (floor.state(order_no).message or "")
    floor.recover()
    assert floor.run(order_no).waiting_for == WaitingFor.OPERATOR
    assert "tried again" in floor.ask(order_no, CommandKind.RETRY)
    assert floor.complete(order_no).state == "completed"
    assert floor.run(order_no).recoveries == 0


def test_the_order_of_a_live_worker_is_left_alone(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.set_state(order_no, Running())
    lease = runs.take_lease(order_no, 1, flow_run_id=None, worker="alive")
    floor.recover()
    assert floor.run(order_no).token == lease.token
    assert floor.state(order_no).name == "Running"


def test_a_crashed_run_goes_on_where_it_was(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.report_all(order_no)
    floor.set_state(order_no, Crashed())
    floor.recover()
    assert floor.go(order_no).state == "completed"


def test_a_run_that_is_deleted_in_prefect_gets_a_new_one(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    deleted = floor.flow_run(order_no).id
    floor.client.delete_flow_run(deleted)
    floor.recover()
    floor.go(order_no)
    assert floor.flow_run(order_no).id != deleted
    assert floor.complete(order_no).state == "completed"


@pytest.mark.parametrize("stage", list(Stage)[1:-1])
def test_a_worker_that_dies_after_any_step_loses_and_doubles_nothing(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    monkeypatch.setattr(settings().relay, "stuck_seconds", 0)
    order_no = floor.submit(plan_change())
    reach = runs.Work.reach

    def die_after(work: runs.Work, reached: Stage) -> None:
        reach(work, reached)
        if reached == stage:
            work.session.commit()
            raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(runs.Work, "reach", die_after)
        floor.launch()
        _work_until_killed(floor)
        floor.report_all(order_no)
        floor.wake()
        _work_until_killed(floor)
    assert floor.run(order_no).stage == stage
    floor.recover()
    assert floor.complete(order_no).state == "completed"
    kinds = [event.type for event in floor.events(order_no)]
    assert kinds.count("order.completed") == 1
    assert len(set(kinds)) == 2 and kinds.count("work-order.completed") == 4


def _work_until_killed(floor: Floor) -> None:
    try:
        floor.work()
    except SystemExit:
        return
