"""Reopening: what has failed is done again, as the next version of the order."""

import pytest
from sqlmodel import select

from ordercast.domain.errors import Conflict, NotFound
from ordercast.store import reopening
from ordercast.store.outcomes import sealed as outcome_of
from ordercast.store.tables import ExclusiveClaim, OrderOutcome
from tasks.completion import await_completion
from tests.orders import (
    complete,
    generated,
    item,
    lease,
    line_states,
    named,
    order,
    plan_change,
    report,
    run_of,
    sealed,
    states,
    stored,
    waiting,
)

FIRST = "contract-check"


def reopen(database, order_no, *ids):
    with database.write() as session:
        return reopening.reopen_failed(session, order_no, ids)


def failed(document=None, lines=1):
    """A sealed order of which the first line has failed at its first work order."""
    order_no, held = waiting(document or plan_change(lines=lines))
    report(named(order_no, FIRST), "failed", text="欠费")
    complete(order_no)
    assert await_completion.fn(held)
    return order_no


def test_failed_work_and_what_was_cancelled_with_it_is_open_again(database):
    order_no = failed()
    assert stored(order_no).state == "failed"
    assert reopen(database, order_no) == 1
    assert states(order_no) == {
        FIRST: "acknowledged",
        "billing-plan": "pending",
        "policy-profile": "pending",
        "customer-notice": "pending",
    }
    again = named(order_no, FIRST)
    assert (again.text, again.ended_at, again.report_key) == (None, None, None)


def test_the_next_version_is_launched_and_ends_by_itself(database):
    order_no = failed(lines=2)
    assert stored(order_no).state == "partial"
    reopen(database, order_no)
    assert (stored(order_no).version, stored(order_no).state) == (2, "inProgress")
    assert line_states(order_no) == ["inProgress", "completed"]
    assert run_of(order_no, 2).launch_at
    held = lease(order_no, 2)
    assert not await_completion.fn(held)
    complete(order_no)
    assert run_of(order_no, 2).wake_at
    assert await_completion.fn(held)
    with database.read() as session:
        assert outcome_of(session, order_no, 1).state == "partial"
        assert outcome_of(session, order_no, 2).state == "completed"


def test_only_the_named_work_orders_are_reopened(database):
    order_no, held = waiting(plan_change(lines=2))
    for line_no in (1, 2):
        report(named(order_no, FIRST, line_no), "failed")
    assert await_completion.fn(held)
    assert reopen(database, order_no, named(order_no, FIRST, 2).id) == 1
    assert line_states(order_no) == ["failed", "inProgress"]


def test_before_the_seal_the_same_version_goes_on(database):
    order_no, held = waiting(plan_change())
    report(named(order_no, FIRST), "failed")
    reopen(database, order_no)
    assert stored(order_no).version == 1
    assert not await_completion.fn(held)
    complete(order_no)
    assert await_completion.fn(held)
    assert stored(order_no).state == "completed"


def test_there_must_be_something_that_failed(database):
    completed, open_one = sealed(plan_change()), waiting(plan_change())[0]
    for order_no in (completed, open_one):
        with pytest.raises(Conflict, match="no failed work order"):
            reopen(database, order_no)
    with pytest.raises(NotFound):
        reopen(database, "ord-20261122-aaaaaa")


def test_a_number_that_another_order_works_on_cannot_be_reopened(database):
    order_no = failed(plan_change_of("8613800138000"))
    other, _ = waiting(plan_change_of("8613800138000"))
    with pytest.raises(Conflict, match=f"{other} works on msisdn:8613800138000"):
        reopen(database, order_no)
    assert stored(order_no).version == 1


def test_a_reopened_order_holds_back_those_that_come_later(database):
    order_no = failed(plan_change_of("8613800138001"))
    reopen(database, order_no)
    later, _ = generated(plan_change_of("8613800138001"))
    assert stored(later).state == "held"
    held = lease(order_no, 2)
    complete(order_no)
    assert await_completion.fn(held)
    assert run_of(later).wake_at


def test_a_corrected_order_holds_back_those_that_come_later(database):
    order_no, held = waiting(plan_change_of("8613800138002"))
    report(named(order_no, FIRST), "failed", report_id="r-1")
    assert await_completion.fn(held)
    report(named(order_no, FIRST), corrects="r-1")
    assert states(order_no)["billing-plan"] == "acknowledged"
    later, _ = generated(plan_change_of("8613800138002"))
    assert stored(later).state == "held"
    with database.read() as session:
        claims = session.exec(select(ExclusiveClaim.order_no)).all()
    assert sorted(claims) == sorted([order_no, later])


def test_each_version_is_sealed_once(database):
    order_no = failed()
    for version in (2, 3):
        reopen(database, order_no)
        report(named(order_no, FIRST), "failed")
        assert await_completion.fn(lease(order_no, version))
    with database.read() as session:
        versions = session.exec(select(OrderOutcome.version)).all()
    assert sorted(versions) == [1, 2, 3]


def plan_change_of(msisdn):
    return order(item(product="plan-change", action="modify", msisdn=msisdn, plan="5G-199"))
