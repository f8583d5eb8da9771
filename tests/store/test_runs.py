"""Runs: the newest segment alone may work on an order, and what waits is woken."""

import pytest
from sqlmodel import select

from config.settings import settings
from ordercast.domain.errors import LeaseLost, NotFound, PermanentFault
from ordercast.store import relaying, runs
from ordercast.store.alerts import unsent
from ordercast.store.clock import now
from ordercast.store.runs import Lease, WaitingFor, parking_time
from ordercast.store.tables import InboxMessage, OrderLine, OrderOutcome, WorkerBeat, WorkOrder
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders
from tests.orders import complete, generated, lease, order, plan_change, run_of, stored, submit

STEPS = (receive, decompose, generate_work_orders, await_completion)


def count(database, table):
    with database.read() as session:
        return len(session.exec(select(table)).all())


@pytest.mark.parametrize("done", range(len(STEPS)))
def test_a_segment_that_lost_its_lease_stops_without_effect(database, done):
    order_no = submit(plan_change())
    stolen = lease(order_no)
    for step in STEPS[:done]:
        step.fn(stolen)
    if done == 3:
        complete(order_no)
    thief = lease(order_no)
    before = (stored(order_no).model_dump(), run_of(order_no).model_dump())
    rows = [count(database, table) for table in (OrderLine, WorkOrder, OrderOutcome)]
    with pytest.raises(LeaseLost):
        STEPS[done].fn(stolen)
    assert (stored(order_no).model_dump(), run_of(order_no).model_dump()) == before
    assert rows == [count(database, table) for table in (OrderLine, WorkOrder, OrderOutcome)]
    assert STEPS[done].fn(thief)


def test_a_lease_that_is_given_back_late_takes_nothing_from_the_next_segment(database):
    order_no = submit(order())
    old, new = lease(order_no), lease(order_no)
    runs.release_lease(old)
    assert run_of(order_no).token == new.token
    runs.release_lease(new)
    assert run_of(order_no).token is None
    with pytest.raises(LeaseLost):
        receive.fn(new)


def test_a_lease_notes_the_worker_and_that_it_lives(database):
    order_no = submit(order())
    lease(order_no)
    assert run_of(order_no).worker == "tester"
    assert run_of(order_no).launch_at is None
    assert count(database, WorkerBeat) == 1


def test_a_step_that_fails_leaves_nothing_behind(database):
    order_no = submit(order())
    held = lease(order_no)
    with pytest.raises(ZeroDivisionError), runs.working(held) as work:
        work.order.title = "half done"
        raise ZeroDivisionError
    assert stored(order_no).title != "half done"


def test_a_message_that_was_tampered_with_is_not_carried_out(database):
    order_no = submit(order())
    with database.write() as session:
        session.exec(select(InboxMessage)).one().sha256 = "0" * 64
    with pytest.raises(PermanentFault, match="checksum"):
        receive.fn(lease(order_no))
    assert run_of(order_no).stage == "accepted"


def test_parking_rests_longer_each_time_and_keeps_its_reason(database):
    _, held = generated(plan_change())
    rests = []
    for _ in range(3):
        began = now()
        runs.park(held, "platform: refused")
        run = run_of(held.order_no)
        rests.append(round((run.wake_at - began).total_seconds()))
    assert rests == [60, 120, 240]
    assert (run.waiting_for, run.waiting_reason) == ("parked", "platform: refused")
    assert run.tries == 3


def test_what_goes_on_after_parking_starts_afresh(database):
    _, held = generated(plan_change())
    runs.park(held, "refused")
    complete(held.order_no)
    assert await_completion.fn(held)
    run = run_of(held.order_no)
    assert (run.waiting_for, run.wake_at, run.tries) == (None, None, 0)


def test_parking_ends_after_the_time_that_the_settings_allow(database, monkeypatch):
    monkeypatch.setenv("ORDERCAST_RELAY__PARK_GIVE_UP_HOURS", "0")
    settings.cache_clear()
    _, held = generated(plan_change())
    with pytest.raises(PermanentFault, match="refused"):
        runs.park(held, "refused")
    assert run_of(held.order_no).waiting_for == "parked"


def test_the_time_of_parking_is_doubled_up_to_its_limit():
    limits = {"shortest_seconds": 60, "longest_seconds": 3600}
    seconds = [parking_time(n, **limits).total_seconds() for n in (0, 1, 5, 6, 7, 10**6)]
    assert seconds == [60, 120, 1920, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("waiting_for", "is_woken"),
    [
        (WaitingFor.WORK_ORDERS, True),
        (WaitingFor.EXCLUSIVE, True),
        (WaitingFor.PARKED, True),
        (WaitingFor.OPERATOR, False),
        (None, False),
    ],
)
def test_only_a_run_that_the_relay_can_resume_is_woken(database, waiting_for, is_woken):
    order_no = submit(order())
    with database.write() as session:
        run = runs.run_of(session, order_no, 1, lock=True)
        if waiting_for:
            runs.wait(run, waiting_for, "a reason", until=None)
        runs.wake(run)
    assert bool(run_of(order_no).wake_at) == is_woken


def test_a_run_that_has_ended_is_not_woken(database):
    order_no = submit(order())
    with database.write() as session:
        run = runs.run_of(session, order_no, 1, lock=True)
        runs.wait(run, WaitingFor.WORK_ORDERS, "a reason", until=None)
        run.ended_at = now()
        runs.wake(run)
    assert run_of(order_no).wake_at is None


def test_there_is_no_run_of_an_unknown_order_or_version(database):
    order_no = submit(order())
    for key in (("ord-20261122-aaaaaa", 1), (order_no, 2)):
        with pytest.raises(NotFound):
            runs.take_lease(*key, flow_run_id=None, worker="tester")
    with pytest.raises(NotFound), runs.working(Lease("ord-20261122-aaaaaa", 1, "t")):
        pass


def test_people_are_told_each_time_that_a_run_begins_to_wait_for_them(database):
    order_no = submit(order())
    held = lease(order_no)
    for _ in range(2):
        runs.ask_operator(held, "disk full")
    with database.write() as session:
        relaying.note_failure(session, runs.run_of(session, order_no, 1), "as Prefect says")
    with runs.working(held) as work:
        runs.go_on(work.run)
    with database.write() as session:
        relaying.note_failure(session, runs.run_of(session, order_no, 1), "disk full again")
    with database.read() as session:
        told = unsent(session, limit=9)
    assert [(each.kind, each.subject) for each in told] == [("order-stuck", order_no)] * 2
    assert [each.text.rpartition("; ")[2] for each in told] == ["disk full", "disk full again"]
    assert f"ordercast orders retry {order_no}" in told[0].text
