"""Exclusive claims: one order at a time works on a number or a card; the next is held."""

import pytest
from sqlmodel import select

from ordercast.store import cancelling
from ordercast.store.tables import ExclusiveClaim
from tasks.completion import await_completion
from tasks.work_orders import generate_work_orders
from tests.orders import (
    complete,
    generated,
    item,
    order,
    run_of,
    stored,
    waiting,
    work_orders,
)

MSISDN = "8613800138000"


def plan_change(*msisdns):
    items = [
        item(str(n), product="plan-change", action="modify", msisdn=each, plan="5G-199")
        for n, each in enumerate(msisdns or (MSISDN,), start=1)
    ]
    return order(*items)


def suspension(msisdn=MSISDN):
    return order(item(product="service-suspension", action="add", msisdn=msisdn))


def claims(database):
    with database.read() as session:
        return session.exec(select(ExclusiveClaim)).all()


def finish(order_no, held):
    complete(order_no)
    assert await_completion.fn(held)


def test_a_second_order_on_the_same_number_is_held_with_the_reason(database):
    first, _ = waiting(plan_change())
    second, _ = generated(suspension())
    assert stored(second).state == "held"
    run = run_of(second)
    assert (run.waiting_for, run.stage) == ("exclusive", "decomposed")
    assert run.waiting_reason == f"{first} works on msisdn:{MSISDN}"
    assert work_orders(second) == []


def test_it_is_woken_when_the_first_is_sealed_and_goes_on(database):
    first, held_first = waiting(plan_change())
    second, held_second = generated(suspension())
    assert not generate_work_orders.fn(held_second)
    assert run_of(second).wake_at is None
    finish(first, held_first)
    assert run_of(second).wake_at
    assert generate_work_orders.fn(held_second)
    assert stored(second).state == "inProgress"
    finish(second, held_second)
    assert claims(database) == []


def test_it_is_woken_when_the_first_is_cancelled(database):
    first, held_first = waiting(plan_change())
    second, _ = generated(suspension())
    with database.write() as session:
        cancelling.cancel(session, first)
    assert await_completion.fn(held_first)
    assert run_of(second).wake_at


def test_a_held_order_can_be_cancelled_and_holds_nobody_back(database):
    first, held_first = waiting(plan_change())
    second, held_second = generated(suspension())
    _, held_third = generated(suspension())
    with database.write() as session:
        cancelling.cancel(session, second)
    assert run_of(second).wake_at
    assert generate_work_orders.fn(held_second)
    assert await_completion.fn(held_second)
    assert stored(second).state == "cancelled"
    finish(first, held_first)
    assert generate_work_orders.fn(held_third)


def test_orders_queue_in_turn(database):
    queue = [generated(plan_change()) for _ in range(3)]
    states = [stored(order_no).state for order_no, _ in queue]
    assert states == ["inProgress", "held", "held"]
    finish(*queue[0])
    assert not generate_work_orders.fn(queue[2][1])
    assert generate_work_orders.fn(queue[1][1])
    finish(*queue[1])
    assert generate_work_orders.fn(queue[2][1])


def test_an_order_claims_all_it_needs_at_once_so_that_two_never_wait_for_each_other(database):
    one, two = "8613800138001", "8613800138002"
    first, held_first = generated(plan_change(one, two))
    second, _ = generated(plan_change(two, one))
    third, _ = generated(plan_change("8613800138003", one))
    assert [stored(each).state for each in (first, second, third)] == [
        "inProgress",
        "held",
        "held",
    ]
    finish(first, held_first)
    assert run_of(second).wake_at
    assert run_of(third).wake_at  # it may look again, and will find the second before it


def test_orders_on_other_numbers_and_cards_go_on(database):
    waiting(plan_change())
    other, _ = generated(plan_change("8613800138009"))
    assert stored(other).state == "inProgress"


def test_the_same_number_twice_in_one_order_is_one_claim(database):
    order_no, _ = generated(plan_change(MSISDN, MSISDN))
    assert stored(order_no).state == "inProgress"
    assert [each.resource for each in claims(database)] == [f"msisdn:{MSISDN}"]


def test_a_rejected_line_claims_nothing(database):
    rejected = order(item(product="plan-change", action="modify", msisdn=MSISDN))  # no plan
    generated(rejected)
    assert claims(database) == []
    other, _ = generated(plan_change())
    assert stored(other).state == "inProgress"


@pytest.mark.parametrize("tries", [2, 3])
def test_looking_again_while_held_changes_nothing(database, tries):
    waiting(plan_change())
    second, held = generated(suspension())
    for _ in range(tries):
        assert not generate_work_orders.fn(held)
    assert len(claims(database)) == 2
    assert run_of(second).waiting_for == "exclusive"
