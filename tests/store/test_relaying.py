"""What the relay finds: runs to launch and to wake, each leased to one relay at a time."""

from datetime import timedelta
from uuid import uuid4

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
    launched(database, order_no)
    seen = run_of(order_no)
    with database.write() as session:
        relaying.launch_again(session, seen)
    assert run_of(order_no).flow_run_id is None
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
