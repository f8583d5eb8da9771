"""Cancelling: what is open is cancelled, what is done stays done, and the order goes on to tell."""

import pytest

from ordercast.domain.errors import Conflict, NotFound
from ordercast.store import cancelling, runs
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders
from tests.orders import (
    complete,
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
    submit,
    waiting,
    work_orders,
)


def cancel(database, order_no):
    with database.write() as session:
        cancelling.cancel(session, order_no)


def test_open_work_is_cancelled_and_the_order_is_woken(database):
    order_no, held = waiting(plan_change())
    report(named(order_no, "contract-check"))
    cancel(database, order_no)
    assert states(order_no) == {
        "contract-check": "completed",
        "billing-plan": "cancelled",
        "policy-profile": "cancelled",
        "customer-notice": "cancelled",
    }
    assert line_states(order_no) == ["cancelled"]
    assert run_of(order_no).wake_at
    assert await_completion.fn(held)
    assert stored(order_no).state == "cancelled"


def test_lines_that_are_done_stay_done_and_make_the_order_partial(database):
    order_no, held = waiting(plan_change(lines=2))
    for row in work_orders(order_no):
        if row.line_no == 1:
            report(row)
    cancel(database, order_no)
    assert line_states(order_no) == ["completed", "cancelled"]
    assert await_completion.fn(held)
    assert stored(order_no).state == "partial"


@pytest.mark.parametrize("steps", [(), (receive,), (receive, decompose)])
def test_an_order_can_be_cancelled_before_it_has_any_work(database, steps):
    order_no = submit(order(item(), item("2", product="no-such-product")))
    held = lease(order_no)
    for step in steps:
        assert step.fn(held)
    cancel(database, order_no)
    for step in (receive, decompose, generate_work_orders, await_completion)[len(steps) :]:
        assert step.fn(held)
    assert line_states(order_no) == ["cancelled", "rejected"]
    assert work_orders(order_no) == []
    assert stored(order_no).state == "failed"


def test_an_order_that_is_scheduled_for_later_starts_at_once_to_end(database):
    order_no = submit(order(requestedStartDate="2100-01-01T00:00:00Z"))
    cancel(database, order_no)
    assert run_of(order_no).start_at.year < 2100


def test_cancelling_twice_is_cancelling_once(database):
    order_no, held = waiting(plan_change())
    cancel(database, order_no)
    asked = stored(order_no).cancel_requested_at
    cancel(database, order_no)
    assert stored(order_no).cancel_requested_at == asked
    assert await_completion.fn(held)


def test_a_sealed_outcome_stands(database):
    order_no = sealed(plan_change())
    with pytest.raises(Conflict, match="sealed and stands"):
        cancel(database, order_no)
    assert stored(order_no).state == "completed"


def test_an_order_that_failed_technically_is_cancelled_but_not_resumed_by_it(database):
    order_no, held = waiting(plan_change())
    runs.ask_operator(held, "disk full")
    cancel(database, order_no)
    assert run_of(order_no).waiting_for == "operator"
    assert run_of(order_no).wake_at is None
    complete(order_no)
    assert await_completion.fn(held)
    assert stored(order_no).state == "cancelled"


def test_an_unknown_order_is_not_found(database):
    with pytest.raises(NotFound):
        cancel(database, "ord-20261122-aaaaaa")
