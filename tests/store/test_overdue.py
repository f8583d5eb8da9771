"""Overdue work: found, escalated step by step, each once, and told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlmodel import col, select

from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret
from ordercast.domain.escalation import Escalation
from ordercast.store import alerts, escalating, forecasts, orders, overdue, reopening, subscribers
from ordercast.store.clock import now
from ordercast.store.push_tables import PushEvent
from ordercast.store.rounds_tables import OrderForecast, OverdueWork
from ordercast.store.tables import CompletionReport, WorkOrder
from tasks.completion import await_completion
from tests.orders import (
    complete,
    named,
    plan_change,
    report,
    run_of,
    states,
    stored,
    waiting,
)

POLICY = Escalation(timedelta(), timedelta(hours=4), timedelta(hours=24))


@pytest.fixture(autouse=True)
def failing_policy(monkeypatch):
    monkeypatch.setattr(overdue.Policies, "of", lambda *_: POLICY)


def let_pass(database, order_no, hours):
    """As if the order had been generated so much earlier."""
    with database.write() as session:
        for row in session.exec(select(WorkOrder).where(WorkOrder.order_no == order_no)):
            row.due_at -= timedelta(hours=hours)
        forecast = session.get(OrderForecast, order_no)
        if forecast and forecast.promised_at:
            forecast.promised_at -= timedelta(hours=hours)


def find(database, at=None):
    with database.write() as session:
        return overdue.find(session, at=at or now(), limit=1000)


def escalate(database, at=None):
    at = at or now()
    with database.read() as session:
        due = overdue.due(session, at=at, limit=1000)
    with database.write() as session:
        return [(each.step, each.name) for each in escalating.escalate(session, due, at=at)]


def look(database, at=None):
    at = at or now()
    with database.read() as session:
        due = forecasts.due(session, at=at, limit=1000)
        ends = forecasts.Ends(session, due, at)
    with database.write() as session:
        return forecasts.look(session, ends, at=at)


def events(database, kind):
    with database.read() as session:
        return session.exec(select(PushEvent).where(PushEvent.type == kind)).all()


def late(database):
    order_no, held = waiting(plan_change())
    let_pass(database, order_no, 1)
    assert find(database) == 1
    return order_no, held


def test_what_can_be_done_and_is_late_is_found_once_and_what_is_blocked_is_not(database):
    order_no, _ = late(database)
    assert find(database) == 0
    report(named(order_no, "contract-check"))
    let_pass(database, order_no, 2)
    assert find(database) == 2  # what it had blocked


def test_each_step_is_taken_once_and_in_its_turn_however_late_the_sweep_is(database):
    order_no, _ = late(database)
    at = now() + timedelta(days=3)
    assert escalate(database, at) == [("remind", "contract-check")]
    assert escalate(database, at) == []
    assert escalate(database, at + timedelta(hours=4)) == [("alert", "contract-check")]
    assert escalate(database, at + timedelta(hours=23)) == []
    assert escalate(database, at + timedelta(hours=24)) == [("fail", "contract-check")]
    assert escalate(database, at + timedelta(days=9)) == []
    assert len(events(database, "work-order.overdue")) == 1
    with database.read() as session:
        (told,) = alerts.unsent(session, limit=9)
    assert (told.kind, told.subject) == ("work-overdue", order_no)


def test_work_that_nobody_reports_fails_with_a_code_of_its_own_and_the_order_goes_on(database):
    order_no, held = late(database)
    at = now()
    for hours in (0, 4, 24):
        escalate(database, at + timedelta(hours=hours))
    failed = named(order_no, "contract-check")
    assert (failed.state, failed.code) == ("failed", "OVERDUE")
    assert "nobody reported it" in failed.text
    assert run_of(order_no).wake_at
    assert await_completion.fn(held)
    assert stored(order_no).state == "failed"
    with database.read() as session:
        (kept,) = session.exec(select(CompletionReport)).all()
    assert kept.reporter == "ordercast sweep"


def test_work_that_is_reported_in_between_is_left_alone(database):
    order_no, _ = late(database)
    escalate(database)
    report(named(order_no, "contract-check"))
    assert escalate(database, now() + timedelta(days=9)) == []
    assert states(order_no)["contract-check"] == "completed"


def test_a_late_result_turns_the_failure_around_by_a_correction(database):
    order_no, _ = late(database)
    at = now()
    for hours in (0, 4, 24):
        escalate(database, at + timedelta(hours=hours))
    row = named(order_no, "contract-check")
    assert report(row).verdict == "contradicting"
    with database.read() as session:
        accepted = session.get_one(CompletionReport, row.report_key).report_id
    assert report(row, corrects=accepted).verdict == "corrected"
    assert states(order_no)["billing-plan"] == "acknowledged"


def test_reopened_work_has_its_time_anew_and_is_escalated_anew(database):
    order_no, held = late(database)
    at = now()
    for hours in (0, 4, 24):
        escalate(database, at + timedelta(hours=hours))
    assert await_completion.fn(held)
    with database.write() as session:
        reopening.reopen_failed(session, order_no)
    again = named(order_no, "contract-check")
    assert again.due_at > now() + timedelta(minutes=29)
    assert named(order_no, "billing-plan").due_at > again.due_at + timedelta(minutes=59)
    let_pass(database, order_no, 1)
    assert find(database) == 1
    assert escalate(database) == [("remind", "contract-check")]
    assert [each.version for each in events(database, "work-order.overdue")] == [1, 2]


def test_two_sweeps_at_once_take_each_step_once(database):
    for _ in range(5):
        late(database)
    barrier = Barrier(2)

    def at_once(_):
        barrier.wait(10)
        return escalate(database)

    with ThreadPoolExecutor(2) as pool:
        taken = [each for some in pool.map(at_once, range(2)) for each in some]
    assert len(taken) == 5
    assert len(events(database, "work-order.overdue")) == 5


def test_many_of_a_kind_are_one_alert(database):
    order_no, _ = waiting(plan_change(lines=30))
    let_pass(database, order_no, 1)
    find(database)
    at = now()
    assert len(escalate(database, at)) == 30
    assert len(escalate(database, at + timedelta(hours=4))) == 30
    with database.read() as session:
        (told,) = alerts.unsent(session, limit=9)
    assert "and 29 more" in told.text


def forecast_of(database, order_no):
    with database.read() as session:
        return session.get_one(OrderForecast, order_no)


def test_an_order_is_promised_for_the_last_due_time_unless_it_asks_for_another(database):
    order_no, _ = waiting(plan_change())
    made = forecast_of(database, order_no)
    assert made.promised_at == made.expected_at == named(order_no, "customer-notice").due_at
    asked, _ = waiting(plan_change(requestedCompletionDate="2026-11-22T08:00:00Z"))
    made = forecast_of(database, asked)
    assert f"{made.promised_at:%Y-%m-%d}" == "2026-11-22"
    (told,) = look(database)
    assert told.order_no == asked


def test_late_work_brings_the_order_into_jeopardy_which_is_told_once(database):
    order_no, _ = late(database)
    (told,) = look(database)
    assert (told.order_no, told.late_work_order) == (order_no, named(order_no, "contract-check").id)
    assert told.expected_at > now() + timedelta(hours=1)  # what follows takes its time
    assert look(database, now() + timedelta(minutes=6)) == []
    assert len(events(database, "order.jeopardy")) == 1
    with database.read() as session:
        assert forecasts.of_order(session, orders.order(session, order_no)).endangered_at


def test_an_order_that_catches_up_is_in_jeopardy_no_more(database):
    order_no, _ = waiting(plan_change(requestedCompletionDate="2036-11-22T08:00:00Z"))
    with database.write() as session:
        session.get_one(OrderForecast, order_no).promised_at = now() - timedelta(minutes=1)
        forecasts.look_again(session, [order_no], at=now())
    assert look(database)
    with database.write() as session:
        session.get_one(OrderForecast, order_no).promised_at = now() + timedelta(days=1)
    assert look(database, now() + timedelta(minutes=6)) == []
    assert forecast_of(database, order_no).endangered_at is None
    complete(order_no)
    assert forecast_of(database, order_no).look_at is None


def test_late_work_beside_the_longest_path_is_no_jeopardy_yet(database):
    order_no, _ = waiting(plan_change())
    report(named(order_no, "contract-check"))
    with database.write() as session:
        row = session.get_one(WorkOrder, named(order_no, "policy-profile").id)
        row.due_at = now() - timedelta(minutes=1)
    assert find(database) == 1
    assert look(database) == []
    assert forecast_of(database, order_no).look_at > now()


def test_only_those_who_ask_are_reminded(database):
    with database.write() as session:
        for name, kinds in (("team", ["work-order.overdue"]), ("crm", [])):
            wanted = NewSubscriber(
                kind="public", name=name, url="http://127.0.0.1:9/", event_types=kinds
            )
            subscribers.create(session, wanted, secret=new_secret())
    late(database)
    escalate(database)
    (event,) = events(database, "work-order.overdue")
    assert (event.data["name"], event.data["who"]) == ("contract-check", "crm")
    with database.read() as session:
        rows = session.exec(select(OverdueWork).order_by(col(OverdueWork.found_at))).all()
    assert rows[0].reminded_at
