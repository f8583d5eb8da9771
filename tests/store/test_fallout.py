"""Fallout: what has stopped, by its cause, and what is asked of all that it has stopped."""

from datetime import timedelta

import pytest

from ordercast.domain.errors import Conflict, NotFound
from ordercast.domain.fallout import Action, Cause, LeftOut, Trouble
from ordercast.store import cancelling, commands, fallout, fallout_acts, orders, relaying, runs
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind, CommandState
from tasks.completion import await_completion
from tests.orders import (
    complete,
    item,
    named,
    order,
    plan_change,
    report,
    run_of,
    sealed,
    submit,
    waiting,
    work_orders,
)
from tests.store.plans import noted, plan

FIRST = "contract-check"
DAY = timedelta(days=1)


def failed(code="E1", text=None, **more):
    """A sealed order whose first work order has failed."""
    order_no, held = waiting(plan_change(**more))
    report(named(order_no, FIRST), "failed", code=code, text=text)
    assert await_completion.fn(held)
    return order_no


def parked(reason="the platform: ConnectError"):
    order_no, held = waiting(plan_change())
    runs.park(held, reason)
    return order_no


def stuck(database, reason="PermanentFault: no such region"):
    order_no = sealed(plan_change())
    with database.write() as session:
        relaying.note_failure(session, run_of(order_no), reason)
    return order_no


def groups(database, **options):
    with database.read() as session:
        return fallout.groups(session, **options)


def of_kind(database, trouble):
    (found,) = [each for each in groups(database) if each.cause.trouble is trouble]
    return found


def begin(database, cause, action=Action.REOPEN, per_second=10.0):
    with database.write() as session:
        return fallout_acts.begin(
            session, cause, action, reason="mended", asked_by="ann", per_second=per_second
        )


def estimate(database, cause, action=Action.REOPEN):
    with database.read() as session:
        return fallout_acts.estimate(session, cause, action)


def finish_all(database):
    with database.write() as session:
        due = commands.lease_due(session, limit=100, lease_seconds=60)
        commands.finish_all(session, {each.id: (CommandState.DONE, "done") for each in due})
    return due


def test_failed_work_is_grouped_by_code_and_by_who_was_to_do_it(database):
    first, second, other = failed(), failed(), failed("E2")
    largest, smaller = groups(database)
    who = named(first, FIRST)
    assert largest.cause == Cause(Trouble.WORK_ORDER, "E1", who.system or who.team)
    assert (largest.count, largest.orders) == (2, 2)
    assert (smaller.cause.what, smaller.count) == ("E2", 1)
    with database.read() as session:
        total, page = fallout.stopped(session, largest.cause, offset=0, limit=1)
        assert total == 2 and [each.order_no for each in page] == [second]
        _, rest = fallout.stopped(session, largest.cause, offset=1, limit=5)
    assert [each.order_no for each in rest] == [first]
    assert other not in (first, second)


def test_work_that_failed_without_a_code_is_grouped_by_the_shape_of_its_text(database):
    failed(None, "msisdn 8613800138001 欠费"), failed(None, "msisdn 8613800138002 欠费")
    (group,) = groups(database)
    assert (group.cause.what, group.count) == ("msisdn … 欠费", 2)


def test_work_that_failed_without_code_and_text_is_a_group_too(database):
    order_no = failed(None)
    (group,) = groups(database)
    assert group.cause.what == ""
    with database.read() as session:
        _, page = fallout.stopped(session, group.cause, offset=0, limit=5)
    assert [each.order_no for each in page] == [order_no]


def test_products_and_agents_tell_groups_apart_when_asked(database):
    for agent in ("agent-x", "agent-y"):
        failed(relatedParty=[{"role": "agent", "name": agent, "id": agent}])
    assert len(groups(database)) == 1
    apart = groups(database, folded=("product",))
    assert {each.cause.agent for each in apart} == {"agent-x", "agent-y"}
    assert {each.cause.product for each in groups(database, folded=())} == {"plan-change"}
    with database.read() as session:
        cause = groups(database)[0].cause
        assert dict(fallout.shares(session, cause, "agent", limit=5)) == dict.fromkeys(
            ("agent-x", "agent-y"), 1
        )


def test_parked_orders_and_failed_runs_are_grouped_by_the_shape_of_their_reason(database):
    for ms in ("1.25", "2.5"):
        parked(f"the platform was away just now: timed out after {ms} s")
    one = stuck(database, "PermanentFault: order 8613800138001 unknown")
    group = of_kind(database, Trouble.PARKED)
    assert (group.cause.what, group.cause.who, group.count) == (
        "timed out after … s",
        "generated",
        2,
    )
    group = of_kind(database, Trouble.RUN)
    assert group.cause.what == "PermanentFault: order … unknown"
    assert group.cause.who == "sealed"
    with database.read() as session:
        _, (found,) = fallout.stopped(session, group.cause, offset=0, limit=5)
    assert (found.item, found.reason) == (f"{one}:1", "PermanentFault: order 8613800138001 unknown")


def test_what_goes_on_is_no_fallout_any_more(database):
    order_no, held = waiting(plan_change())
    runs.park(held, "the archive: 503")
    assert groups(database)
    complete(order_no)
    assert await_completion.fn(held)
    assert groups(database) == []


def test_trends_count_by_the_hour(database):
    failed(), failed(), parked()
    since = now() - DAY
    found = groups(database)
    with database.read() as session:
        hours = fallout.trends(
            session, [each.cause for each in found], since=since, folded=fallout.FOLDABLE
        )
        nothing = fallout.trends(
            session, [each.cause for each in found], since=now() + DAY, folded=fallout.FOLDABLE
        )
    assert [sum(hours[each.cause].values()) for each in found] == [2, 1]
    assert set(hours[found[0].cause]) <= set(fallout.hours_since(since, now()))
    assert not any(nothing.values())
    assert len(fallout.hours_since(since, now())) == 25


def test_a_dry_run_counts_and_writes_nothing(database):
    failed(), failed()
    (group,) = groups(database)
    assert estimate(database, group.cause).asked == 2
    with database.read() as session:
        assert fallout_acts.listing(session, offset=0, limit=5) == (0, [])


def test_an_act_asks_every_order_once_and_only_for_the_work_of_its_cause(database):
    order_no, held = waiting(plan_change(lines=2))
    for line_no, code in ((1, "E1"), (2, "E2")):
        report(named(order_no, FIRST, line_no), "failed", code=code)
    assert await_completion.fn(held)
    cause = groups(database)[0].cause
    act = begin(database, cause)
    with database.read() as session:
        total, (asked,) = fallout_acts.items(session, act.id, state=None, offset=0, limit=5)
        (work_order,) = [each for each in work_orders(order_no) if each.cause == cause.what]
        assert (total, asked.order_no, asked.kind) == (1, order_no, CommandKind.REOPEN)
        assert asked.details == {"work_orders": [work_order.id]}
        assert fallout_acts.cause_of(act) == cause


def test_what_is_open_is_not_asked_again_and_may_be_once_it_has_ended(database):
    failed(), failed()
    (group,) = groups(database)
    begin(database, group.cause, per_second=1000)
    assert estimate(database, group.cause).left_out == {LeftOut.ASKED: 2}
    with pytest.raises(Conflict, match="no order"):
        begin(database, group.cause)
    finish_all(database)
    assert estimate(database, group.cause).asked == 2


def test_who_is_left_out_is_counted_by_the_reason(database):
    cancelled, _ = failed(), failed()
    with database.write() as session:
        orders.order(session, cancelled, lock=True).cancel_requested_at = now()
    (group,) = groups(database)
    found = estimate(database, group.cause)
    assert (found.asked, found.left_out) == (1, {LeftOut.CANCELLED: 1})
    act = begin(database, group.cause)
    assert (act.asked, act.left_out) == (1, {"cancelled": 1})


def test_an_action_that_does_not_fit_is_refused_with_those_that_do(database):
    parked()
    cause = of_kind(database, Trouble.PARKED).cause
    with pytest.raises(Conflict, match="use retry or cancel"):
        estimate(database, cause, Action.REOPEN)
    assert estimate(database, cause, Action.CANCEL).asked == 1


def test_a_sealed_outcome_is_not_cancelled(database):
    stuck(database)
    cause = of_kind(database, Trouble.RUN).cause
    assert estimate(database, cause, Action.CANCEL).left_out == {LeftOut.SEALED: 1}
    assert estimate(database, cause, Action.RETRY).asked == 1


def test_an_act_comes_due_at_its_rate_behind_what_is_asked_of_single_orders(database):
    for _ in range(3):
        failed()
    single = submit(order(item()))
    begin(database, groups(database)[0].cause, per_second=0.01)
    with database.write() as session:
        commands.ask(session, single, CommandKind.CANCEL, reason="x", asked_by="ann")
    with database.write() as session:
        due = commands.lease_due(session, limit=100, lease_seconds=60)
    assert sorted(each.kind for each in due) == ["cancel", "reopen"]
    with database.write() as session:
        kept = commands.lease_due(session, limit=1, lease_seconds=60)
    assert kept == []


def test_an_act_is_stopped_before_the_turn_of_the_rest(database):
    for _ in range(3):
        failed()
    act = begin(database, groups(database)[0].cause, per_second=0.01)
    finish_all(database)
    with database.write() as session:
        assert fallout_acts.stop(session, act.id, by="bob") == 2
    with database.read() as session:
        assert fallout_acts.act(session, act.id).stopped_by == "bob"
        assert fallout_acts.progress(session, act.id) == {
            CommandState.DONE: 1,
            CommandState.TERMINATED_WITH_ERROR: 2,
        }
        state = CommandState.TERMINATED_WITH_ERROR
        total, rows = fallout_acts.items(session, act.id, state=state, offset=0, limit=1)
        assert (total, len(rows), rows[0].answer) == (2, 1, "stopped by bob before its turn")
    with pytest.raises(Conflict, match="nothing left"), database.write() as session:
        fallout_acts.stop(session, act.id, by="bob")
    with pytest.raises(NotFound), database.read() as session:
        fallout_acts.act(session, "act-unknown")


def test_what_has_stopped_is_read_from_its_index(database):
    failed(), parked()
    with noted(database) as statements:
        groups(database)
    used = "\n".join(plan(database, *each) for each in statements if "count" in each[0])
    assert "ix_work_order_failed" in used or "ix_work_order_state" in used
    assert "ix_order_run_stuck" in used


def test_a_cancelled_order_leaves_the_parked_ones(database):
    order_no = parked()
    with database.write() as session:
        cancelling.cancel(session, order_no)
    cause = of_kind(database, Trouble.PARKED).cause
    assert estimate(database, cause, Action.CANCEL).left_out == {LeftOut.CANCELLED: 1}
