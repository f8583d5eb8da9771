"""A line that comes to nothing is taken back before it ends, and what that means for its order."""

import json

import pytest
from sqlmodel import select

from ordercast.contracts.report import WorkOrderReport
from ordercast.domain.errors import Conflict
from ordercast.domain.work_order import Result
from ordercast.intake.reporting import take_reports
from ordercast.store import alerts, cancelling, outcomes, reopening
from ordercast.store.chunks import CHUNK
from ordercast.store.push_tables import PushEvent
from ordercast.store.tables import CompletionReport, WorkOrder
from tasks.broadcast import summary
from tasks.completion import await_completion
from tests.orders import (
    complete,
    item,
    lease,
    line_states,
    named,
    order,
    report,
    run_of,
    states,
    stored,
    waiting,
    work_orders,
)

# the port-in of the catalogue: port-request, port-confirmation, sim-binding, auc-key-load, …
EARLY = ("eligibility-check", "port-request", "port-confirmation", "sim-binding", "auc-key-load")


def port_in(lines=1):
    items = [
        item(
            str(n),
            product="number-porting",
            msisdn=f"86139{n:08}",
            iccid=f"8986{n:015}",
            **{"donor-operator": "other", "porting-code": "A1B2C3"},
        )
        for n in range(1, lines + 1)
    ]
    return order(*items)


def undo(order_no, line_no=1):
    """The work that undoes, by what it undoes: its name, state, and what comes before it."""
    return {
        row.undoes: (row.name, row.state, tuple(row.depends_on))
        for row in work_orders(order_no)
        if row.undoes and row.line_no == line_no and row.withdrawn_at is None
    }


def half_done(database):
    """A port-in of which the HLR refuses its part; nothing else is open then."""
    order_no, held = waiting(port_in())
    for name in EARLY:
        report(named(order_no, name))
    report(named(order_no, "hss-profile"))
    report(named(order_no, "billing-account"))
    report(named(order_no, "hlr-profile"), "failed", report_id="hlr-1", code="HLR-17")
    return order_no, held


def test_what_was_done_is_undone_in_reverse_before_the_line_ends(database):
    order_no, held = half_done(database)
    assert undo(order_no) == {
        "billing-account": ("billing-closure", "acknowledged", ()),
        "hss-profile": ("hss-removal", "acknowledged", ()),
        "auc-key-load": ("auc-key-removal", "pending", ("hss-removal",)),
        "sim-binding": ("sim-release", "pending", ("auc-key-removal",)),
        "port-request": ("port-cancellation", "pending", ("billing-closure", "sim-release")),
    }
    assert line_states(order_no) == ["inProgress"]
    assert run_of(order_no).wake_at is None
    assert not await_completion.fn(held)
    first, last = named(order_no, "hss-removal"), named(order_no, "port-cancellation")
    assert last.due_at > first.due_at
    complete(order_no)
    assert line_states(order_no) == ["failed"]
    assert run_of(order_no).wake_at
    assert await_completion.fn(held)
    assert stored(order_no).state == "failed"


def test_a_line_that_completes_or_has_done_nothing_has_nothing_to_undo(database):
    order_no, _ = waiting(port_in(lines=2))
    report(named(order_no, "eligibility-check", 2), "failed")
    for name in EARLY:
        report(named(order_no, name))
    complete(order_no)
    assert line_states(order_no) == ["completed", "failed"]
    assert undo(order_no) == undo(order_no, 2) == {}


def test_undoing_that_fails_is_shown_and_what_waits_for_it_is_not_done(database):
    order_no, held = half_done(database)
    report(named(order_no, "hss-removal"), "failed", code="HSS-9", text="no such profile")
    complete(order_no)
    assert line_states(order_no) == ["failed"]
    assert undo(order_no)["sim-binding"][1] == "cancelled"
    assert await_completion.fn(held)
    with database.read() as session:
        (line,) = outcomes.sealed(session, order_no, 1).summary["lines"]
        told = summary(outcomes.sealed(session, order_no, 1).summary)
    assert {each["code"] for each in line["failures"]} == {"HLR-17", "HSS-9"}
    assert {each["state"] for each in line["undo"]} == {"failed", "cancelled", "completed"}
    assert told["undo"] == {"completed": 1, "failed": 1, "cancelled": 3}
    with database.read() as session:
        events = session.exec(select(PushEvent).where(PushEvent.type == "work-order.failed")).all()
    assert [each.data.get("undoes") for each in events] == [None, "hss-profile"]


def test_undoing_that_failed_can_be_reopened_by_itself(database):
    order_no, held = half_done(database)
    failed = named(order_no, "hss-removal")
    report(failed, "failed")
    complete(order_no)
    assert await_completion.fn(held)
    with database.write() as session:
        reopening.reopen_failed(session, order_no, [failed.id])
    assert states(order_no)["hlr-profile"] == "failed"
    complete(order_no)
    assert {state for _, state, _ in undo(order_no).values()} == {"completed"}
    assert line_states(order_no) == ["failed"]
    assert await_completion.fn(lease(order_no, 2))
    assert (stored(order_no).state, stored(order_no).version) == ("failed", 2)


def test_reopening_has_what_was_undone_done_again_and_a_second_failure_undone_again(database):
    order_no, held = half_done(database)
    complete(order_no)
    assert await_completion.fn(held)
    with database.write() as session:
        reopening.reopen_failed(session, order_no)
    assert undo(order_no) == {}
    assert states(order_no)["port-request"] == "acknowledged"
    assert states(order_no)["eligibility-check"] == "completed"
    assert states(order_no)["port-confirmation"] == "pending"  # it stood on what was undone
    report(named(order_no, "port-request"), "failed")
    complete(order_no)
    assert line_states(order_no) == ["failed"]
    assert undo(order_no) == {}  # of what could be undone nothing is done
    with database.write() as session:
        reopening.reopen_failed(session, order_no)
    report(named(order_no, "port-request"))
    report(named(order_no, "port-confirmation"))
    report(named(order_no, "sim-binding"), "failed")
    report(named(order_no, "billing-account"), "failed")
    assert undo(order_no) == {"port-request": ("port-cancellation-2", "acknowledged", ())}
    complete(order_no)
    with database.write() as session:
        reopening.reopen_failed(session, order_no)
    complete(order_no)
    assert line_states(order_no) == ["completed"]
    assert await_completion.fn(lease(order_no, 2))
    assert stored(order_no).state == "completed"
    with database.read() as session:
        (line,) = outcomes.sealed(session, order_no, 2).summary["lines"]
    assert line["failures"] == [] and "undo" not in line


def test_while_something_is_being_undone_nothing_is_reopened(database):
    order_no, _ = half_done(database)
    with database.write() as session, pytest.raises(Conflict, match="being undone"):
        reopening.reopen_failed(session, order_no)


def test_a_correction_in_time_withdraws_the_undoing_and_the_line_goes_on(database):
    order_no, held = half_done(database)
    asked_for = named(order_no, "hss-removal")
    told = report(named(order_no, "hlr-profile"), corrects="hlr-1")
    assert told.verdict == "corrected"
    assert undo(order_no) == {}
    assert states(order_no)["routing-update"] == "acknowledged"
    assert report(asked_for).verdict == "late"  # it was done nevertheless: somebody must look
    with database.read() as session:
        (alert,) = alerts.unsent(session, limit=9)
    assert (alert.kind, alert.subject) == ("undo-too-late", order_no)
    complete(order_no)
    assert await_completion.fn(held)
    assert stored(order_no).state == "completed"


def test_a_correction_that_comes_when_undoing_has_begun_is_refused_and_kept(database):
    order_no, _ = half_done(database)
    report(named(order_no, "hss-removal"))
    told = report(named(order_no, "hlr-profile"), corrects="hlr-1")
    assert told.verdict == "contradicting"
    assert "reopen" in told.message
    assert states(order_no)["hlr-profile"] == "failed"
    complete(order_no)
    assert line_states(order_no) == ["failed"]


def test_a_completed_order_that_is_corrected_to_failed_is_undone_in_the_next_version(database):
    order_no, held = waiting(port_in())
    complete(order_no)
    assert await_completion.fn(held)
    last = named(order_no, "activation-check")
    with database.read() as session:
        accepted = session.get_one(CompletionReport, last.report_key).report_id
    report(last, "failed", corrects=accepted)
    assert undo(order_no)["routing-update"][1] == "acknowledged"
    assert stored(order_no).version == 2
    assert not await_completion.fn(lease(order_no, 2))
    complete(order_no)
    assert await_completion.fn(lease(order_no, 2))
    assert stored(order_no).state == "failed"


def test_cancelling_undoes_what_was_done_and_does_not_cancel_undoing(database):
    order_no, held = waiting(port_in(lines=2))
    for name in EARLY:
        report(named(order_no, name))
    for _ in range(2):
        with database.write() as session:
            cancelling.cancel(session, order_no)
    assert line_states(order_no) == ["inProgress", "cancelled"]
    assert undo(order_no)["auc-key-load"] == ("auc-key-removal", "acknowledged", ())
    assert not await_completion.fn(held)
    complete(order_no)
    assert run_of(order_no).wake_at
    assert await_completion.fn(held)
    assert stored(order_no).state == "cancelled"


def test_a_bulk_that_fails_more_lines_than_a_chunk_holds_undoes_each_once(database):
    lines = CHUNK + 20
    order_no, held = waiting(port_in(lines))
    rows = [row for row in work_orders(order_no) if row.name in EARLY[:2]]
    done = [WorkOrderReport(work_order_id=row.id, result=Result.COMPLETED) for row in rows]
    bad = [
        WorkOrderReport(work_order_id=row.id, result=Result.FAILED)
        for row in work_orders(order_no)
        if row.name == "port-confirmation"
    ]
    take_reports(database, done + bad)
    undoing = [row for row in work_orders(order_no) if row.undoes]
    assert len(undoing) == lines
    assert {(row.name, row.state) for row in undoing} == {("port-cancellation", "acknowledged")}
    complete(order_no)
    assert await_completion.fn(held)
    with database.read() as session:
        mine = select(WorkOrder).where(WorkOrder.order_no == order_no)
        assert all(row.ended_at for row in session.exec(mine))
        told = outcomes.sealed(session, order_no, 1).summary
    assert json.dumps(told["lines"][0]["undo"])
    assert summary(told)["undo"] == {"completed": lines}
