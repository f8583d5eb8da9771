"""Accepting: of two reports that contradict each other an operator may choose the later one."""

import pytest

from ordercast.domain.errors import Conflict, NotFound
from ordercast.store import accepting, order_page
from ordercast.store.tables import CompletionReport
from tasks.completion import await_completion
from tests.orders import (
    complete,
    named,
    plan_change,
    report,
    run_of,
    sealed,
    states,
    stored,
    waiting,
)
from tests.store.test_reports import reports_of

FIRST = "contract-check"


def accept(database, work_order, report_id, key="cmd-1"):
    with database.write() as session:
        return accepting.accept(session, work_order.id, report_id, key=key)


def contradicted(order_no, name=FIRST):
    """A work order that was completed, of which somebody else then said that it failed."""
    report(named(order_no, name), report_id="r-1", reporter="system")
    answer = report(
        named(order_no, name), "failed", report_id="r-2", code="C-1", text="欠费", reporter="crew"
    )
    assert answer.verdict == "contradicting"
    return named(order_no, name)


def test_the_accepted_report_takes_the_place_of_the_standing_one(database):
    order_no, _ = waiting(plan_change())
    work_order = contradicted(order_no)
    assert accept(database, work_order, "r-2").verdict == "corrected"
    assert set(states(order_no).values()) == {"failed", "cancelled"}
    kept = reports_of(database, order_no)
    assert [each.verdict for each in kept] == ["accepted", "contradicting", "corrected"]
    assert (kept[-1].corrects, kept[-1].code, kept[-1].reporter) == ("r-1", "C-1", "crew")
    with database.read() as session:
        standing = session.get_one(CompletionReport, named(order_no, FIRST).report_key)
    assert standing.report_id == "cmd-1"


def test_after_the_seal_it_opens_the_next_version(database):
    order_no = sealed(plan_change())
    last = named(order_no, "customer-notice")
    report(last, "failed", report_id="r-9")
    assert accept(database, last, "r-9").verdict == "corrected"
    assert (stored(order_no).version, stored(order_no).state) == (2, "inProgress")
    assert run_of(order_no, 2).launch_at


def test_accepting_twice_has_one_effect(database):
    order_no, _ = waiting(plan_change())
    work_order = contradicted(order_no)
    accept(database, work_order, "r-2")
    with pytest.raises(Conflict, match="already"):
        accept(database, work_order, "r-2", key="cmd-2")
    assert len(reports_of(database, order_no)) == 3


def test_what_was_turned_around_can_be_turned_back(database):
    order_no, _ = waiting(plan_change())
    work_order = contradicted(order_no)
    accept(database, work_order, "r-2")
    assert report(work_order, report_id="r-3").verdict == "contradicting"
    assert accept(database, work_order, "r-3", key="cmd-2").verdict == "corrected"
    assert states(order_no)[FIRST] == "completed"


def test_only_a_contradicting_report_on_ended_work_can_be_accepted(database):
    order_no, _ = waiting(plan_change())
    work_order = contradicted(order_no)
    with pytest.raises(Conflict, match="nothing to accept"):
        accept(database, work_order, "r-1")
    with pytest.raises(NotFound):
        accept(database, work_order, "r-7")


def test_the_page_offers_only_what_can_be_accepted(database):
    order_no, held = waiting(plan_change())
    work_order = contradicted(order_no)
    with database.read() as session:
        first, second = order_page.reports(session, order_no)
    assert (first.report.report_id, first.can_be_accepted, first.stands) == ("r-2", True, False)
    assert (second.report.report_id, second.can_be_accepted, second.stands) == ("r-1", False, True)
    accept(database, work_order, "r-2")
    complete(order_no)
    assert await_completion.fn(held)
    with database.read() as session:
        assert not any(each.can_be_accepted for each in order_page.reports(session, order_no))
