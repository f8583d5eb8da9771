"""What the relay finds: runs to launch and to wake, each leased to one relay at a time."""

from datetime import timedelta
from uuid import uuid4

import pytest

from ordercast.store import beats, commands, relaying, runs
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind, CommandState
from ordercast.store.runs import WaitingFor
from ordercast.store.tables import OrderRun, WorkerBeat
from tests.orders import complete, lease, order, plan_change, run_of, submit, waiting


def launches(database, limit=10):
    with database.write() as session:
        return relaying.lease_launches(session, limit=limit, lease_seconds=60)


def wakes(database, limit=10):
    with database.write() as session:
        return relaying.lease_wakes(session, limit=limit)


def launched(database, order_no, version=1):
    flow_run_id = uuid4()
    with database.write() as session:
        relaying.launched(session, {(order_no, version): flow_run_id})
    return flow_run_id


def change(database, order_no, **columns):
    with database.write() as session:
        run = session.get_one(OrderRun, (order_no, 1))
        for name, value in columns.items():
            setattr(run, name, value)


def test_urgent_orders_are_launched_first_then_those_that_came_first(database):
    numbers = [submit(order(priority=each)) for each in ("4", "1", "4", "0")]
    assert [each.order_no for each in launches(database, limit=2)] == [numbers[3], numbers[1]]
    assert [each.order_no for each in launches(database)] == [numbers[0], numbers[2]]


def test_a_launch_is_leased_to_one_relay_and_ends_when_it_is_noted(database):
    order_no = submit(order())
    (due,) = launches(database)
    assert (due.order_no, due.version, due.products) == (order_no, 1, ["iot-card"])
    assert launches(database) == []
    flow_run_id = launched(database, order_no)
    assert run_of(order_no).flow_run_id == flow_run_id
    assert run_of(order_no).launch_at is None


def test_a_launch_that_nobody_noted_comes_again_after_its_lease(database):
    order_no = submit(order())
    launches(database)
    change(database, order_no, launch_at=now() - timedelta(seconds=1))
    assert [each.order_no for each in launches(database)] == [order_no]


def test_a_run_is_woken_again_and_again_until_a_segment_ends_its_wait(database):
    order_no, _ = waiting(plan_change())
    launched(database, order_no)
    assert wakes(database) == []
    complete(order_no)
    (woken,) = wakes(database)
    assert (woken.order_no, woken.wake_tries) == (order_no, 1)
    assert wakes(database) == []
    with database.write() as session:
        relaying.wake_soon(session, [woken.flow_run_id])
    soon = run_of(order_no).wake_at
    assert soon <= now() + timedelta(seconds=1)
    change(database, order_no, wake_at=now())
    assert len(wakes(database)) == 1


def test_a_wait_that_has_ended_meanwhile_is_not_woken_again(database):
    order_no, held = waiting(plan_change())
    flow_run_id = launched(database, order_no)
    complete(order_no)
    wakes(database)
    with runs.working(held) as work:
        runs.go_on(work.run)
    with database.write() as session:
        relaying.wake_soon(session, [flow_run_id])
    assert run_of(order_no).wake_at is None


def segment(order_no, flow_run_id):
    """A segment that is over."""
    held = runs.take_lease(order_no, 1, flow_run_id=flow_run_id, worker="tester")
    runs.release_lease(held)


def artifacts(database, limit=10):
    with database.write() as session:
        return relaying.lease_artifacts(session, limit=limit)


def written(database, run, artifact_id):
    with database.write() as session:
        relaying.artifacts_written(session, [(run, artifact_id)])


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(runs, "SHOW_AFTER", timedelta(0))


def test_an_artifact_is_due_a_little_after_a_segment_unless_another_has_begun(
    database, monkeypatch
):
    monkeypatch.setattr(runs, "SHOW_AFTER", timedelta(minutes=1))
    order_no, flow_run_id = submit(order()), uuid4()
    segment(order_no, flow_run_id)
    assert artifacts(database) == []
    assert now() < run_of(order_no).artifact_at <= now() + runs.SHOW_AFTER
    runs.take_lease(order_no, 1, flow_run_id=flow_run_id, worker="tester")
    assert run_of(order_no).artifact_at is None


def test_an_artifact_is_leased_to_one_relay_and_remembered_once_it_is_written(database, at_once):
    order_no, flow_run_id, artifact_id = submit(order()), uuid4(), uuid4()
    segment(order_no, flow_run_id)
    (due,) = artifacts(database)
    assert (due.order_no, due.flow_run_id, due.artifact_id) == (order_no, flow_run_id, None)
    assert artifacts(database) == []
    written(database, due, artifact_id)
    run = run_of(order_no)
    assert (run.artifact_id, run.artifact_at) == (artifact_id, None)


def test_an_artifact_that_nobody_noted_comes_again_after_its_lease(database, at_once):
    order_no = submit(order())
    segment(order_no, uuid4())
    artifacts(database)
    change(database, order_no, artifact_at=now() - timedelta(seconds=1))
    assert [each.order_no for each in artifacts(database)] == [order_no]


def test_an_order_that_goes_on_while_its_artifact_is_written_is_shown_again(database, at_once):
    order_no, flow_run_id, artifact_id = submit(order()), uuid4(), uuid4()
    segment(order_no, flow_run_id)
    (due,) = artifacts(database)
    segment(order_no, flow_run_id)
    written(database, due, artifact_id)
    (again,) = artifacts(database)
    assert (again.order_no, again.artifact_id) == (order_no, artifact_id)


def test_a_flow_run_never_shows_the_artifact_of_another(database, at_once):
    order_no, old_run, new_run = submit(order()), uuid4(), uuid4()
    segment(order_no, old_run)
    (due,) = artifacts(database)
    written(database, due, uuid4())
    segment(order_no, new_run)
    written(database, due, uuid4())  # by a relay that was slow
    (again,) = artifacts(database)
    assert (again.flow_run_id, again.artifact_id) == (new_run, None)


def test_a_run_of_a_silent_worker_is_an_orphan_and_one_of_a_living_worker_is_not(database):
    order_no = submit(order())
    lease(order_no)
    with database.write() as session:
        assert relaying.orphans(session, silent_seconds=30, limit=10) == []
        session.get_one(WorkerBeat, "tester").beat_at = now() - timedelta(seconds=31)
    with database.read() as session:
        (orphan,) = relaying.orphans(session, silent_seconds=30, limit=10)
    assert orphan.order_no == order_no
    beats.beat("tester")
    with database.read() as session:
        assert relaying.orphans(session, silent_seconds=30, limit=10) == []


def test_beats_of_the_long_dead_are_forgotten(database):
    beats.beat("alive")
    with database.write() as session:
        session.add(WorkerBeat(worker="dead", beat_at=now() - timedelta(days=2)))
    beats.forget_old()
    with database.read() as session:
        assert session.get(WorkerBeat, "dead") is None
        assert session.get(WorkerBeat, "alive")


def test_a_lost_flow_run_is_launched_again_once(database):
    order_no = submit(order())
    launches(database)
    segment(order_no, launched(database, order_no))
    change(database, order_no, artifact_id=uuid4())
    seen = run_of(order_no)
    with database.write() as session:
        relaying.launch_again(session, seen)
    assert (run_of(order_no).flow_run_id, run_of(order_no).artifact_id) == (None, None)
    launches(database)
    newer = launched(database, order_no)
    with database.write() as session:
        relaying.launch_again(session, seen)  # what was seen is no longer so
    assert run_of(order_no).flow_run_id == newer


def test_a_failure_is_noted_once_with_its_first_reason(database):
    order_no = submit(order())
    for reason in ("disk full", "later"):
        with database.write() as session:
            relaying.note_failure(session, runs.run_of(session, order_no, 1), reason)
    assert run_of(order_no).waiting_for == WaitingFor.OPERATOR
    assert run_of(order_no).waiting_reason == "disk full"
    assert run_of(order_no).artifact_at is not None


def ask(session, order_no, **more):
    kind = CommandKind.CANCEL
    return commands.ask(session, order_no, kind, reason="误下单", asked_by="李四", **more)


def test_commands_are_leased_in_the_order_asked_and_only_when_due(database):
    order_no = submit(order())
    with database.write() as session:
        first = ask(session, order_no)
        later = ask(session, order_no, due_at=now() + timedelta(hours=1))
        second = ask(session, order_no)
    with database.write() as session:
        due = commands.lease_due(session, limit=10, lease_seconds=60)
        assert [each.id for each in due] == [first.id, second.id]
        assert commands.lease_due(session, limit=10, lease_seconds=60) == []
        commands.finish(session, first.id, CommandState.DONE, "已取消")
    with database.read() as session:
        found = {each.id: each.state for each in commands.of_order(session, order_no)}
    assert found == {first.id: "done", later.id: "acknowledged", second.id: "acknowledged"}
