"""One order's page: how it stands, and what happened to it, in the order of its life."""

import pytest

from ordercast.domain.errors import NotFound
from ordercast.domain.order_actions import Action, WhyNot, possibilities
from ordercast.store import commands, order_page, order_timeline, runs
from ordercast.store.commands import CommandKind
from tasks.completion import await_completion
from tests.orders import (
    complete,
    generated,
    is_ready,
    item,
    named,
    order,
    plan_change,
    report,
    sealed,
    submit,
    waiting,
    work_orders,
)

FIRST = "contract-check"


def head_of(database, order_no):
    with database.read() as session:
        return order_page.head(session, order_no)


def timeline_of(database, order_no):
    with database.read() as session:
        head = order_page.head(session, order_no)
        versions = order_page.versions(session, order_no)
        told = order_timeline.timeline(session, head, versions)
    assert [each.at for each in told] == sorted((each.at for each in told), reverse=True)
    return [each.kind.value for each in told][::-1]


def possible(database, order_no):
    found = possibilities(head_of(database, order_no).standing)
    return {action.value for action, why_not in found.items() if why_not is None}


def test_an_order_that_there_is_not_has_no_page(database):
    with pytest.raises(NotFound):
        head_of(database, "ord-20261128-nnnnnn")


def test_an_order_that_was_only_received_has_a_page(database):
    order_no = submit(order())
    head = head_of(database, order_no)
    assert (head.line_counts, head.open_work_orders) == ({}, 0)
    assert timeline_of(database, order_no) == ["received"]
    assert possible(database, order_no) == {"cancel"}


def test_the_timeline_goes_from_receipt_to_the_seal(database):
    order_no = sealed(order(item(iccid="89860012345678901234")))
    kinds = timeline_of(database, order_no)
    assert kinds == ["received", "started", "generated", *["reported"] * 3, "sealed"]


def test_the_timeline_tells_what_it_waits_for_and_what_was_asked(database):
    order_no, held = waiting(plan_change())
    runs.park(held, "the archive is away")
    with database.write() as session:
        commands.ask(session, order_no, CommandKind.RETRY, reason="mended", asked_by="ann")
    assert timeline_of(database, order_no)[-2:] == ["waits", "asked"]


def test_many_reports_are_told_in_sums(database):
    order_no, _ = waiting(order(*(item(str(n)) for n in range(1, 20))))
    complete(order_no)
    assert timeline_of(database, order_no).count("reports") == 1


def test_what_can_be_asked_follows_from_how_the_order_stands(database):
    order_no, held = waiting(plan_change())
    assert possible(database, order_no) == {"cancel"}
    report(named(order_no, FIRST), "failed")
    assert possible(database, order_no) == {"cancel", "reopen", "replay"}
    runs.park(held, "the archive is away")
    assert possible(database, order_no) == {"cancel", "reopen", "replay", "retry"}
    with database.write() as session:
        commands.ask(session, order_no, CommandKind.RETRY, reason="mended", asked_by="ann")
    standing = head_of(database, order_no).standing
    assert possibilities(standing)[Action.RETRY] is WhyNot.ASKED
    assert await_completion.fn(held)
    assert possible(database, order_no) == {"reopen", "replay"}


def test_the_line_that_needs_a_look_is_shown_first(database):
    order_no, _ = generated(plan_change(lines=3))
    assert line_shown(database, order_no) == 1
    report(named(order_no, FIRST, 3), "failed")
    assert line_shown(database, order_no) == 3
    with database.read() as session:
        work = order_page.work_of_line(session, order_no, 3)
    assert work[0].name == FIRST
    assert [row.state for row in work] == ["failed", "cancelled", "cancelled", "cancelled"]


def test_of_lines_without_failures_one_that_is_in_progress_is_shown_first(database):
    order_no, _ = waiting(order(item("1"), item("2")))
    while ready := [row for row in work_orders(order_no) if row.line_no == 1 and is_ready(row)]:
        report(ready[0])
    assert line_shown(database, order_no) == 2


def line_shown(database, order_no):
    with database.read() as session:
        return order_page.line_to_look_at(session, order_page.head(session, order_no))


def test_lines_are_paged_and_chosen_by_state(database):
    order_no, _ = waiting(plan_change(lines=5))
    for name in (FIRST, "policy-profile", "billing-plan"):
        report(named(order_no, name, 2), "failed")
    with database.read() as session:
        page = order_page.lines(session, order_no, state=None, offset=2, limit=2)
        failed = order_page.lines(session, order_no, state="failed", offset=0, limit=9)
    assert [row.line_no for row in page] == [3, 4]
    assert [row.line_no for row in failed] == [2]


def test_versions_tell_how_far_each_outcome_has_come(database):
    order_no = sealed(plan_change())
    with database.read() as session:
        (only,) = order_page.versions(session, order_no)
    assert (only.state, only.sync, only.archived, only.manifest) == ("completed", None, None, None)
    assert only.tags
