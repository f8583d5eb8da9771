"""Cancelling, reopening and correcting, on a real Prefect server."""

from datetime import timedelta

import httpx
import pytest
from prefect.states import Cancelled

from config.settings import settings
from ordercast.domain.errors import PermanentFault
from ordercast.services.relay.command import command
from ordercast.store import commands
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database
from ordercast.store.tables import ArchiveEntry, CompletionReport, OrderOutcome
from tasks import work_orders as work_orders_task
from tests.flows.floor import Floor
from tests.flows.samples import plan_change


def test_a_cancelled_order_cancels_what_is_open_and_tells_of_it(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.ask(order_no, CommandKind.CANCEL)
    floor.wake()
    assert floor.go(order_no).state == "cancelled"
    assert (floor.state(order_no).type, floor.state(order_no).name) == ("CANCELLED", "Cancelled")
    assert floor.events(order_no)[-1].type == "order.cancelled"


def test_a_line_that_was_done_before_the_cancellation_stays_done(floor: Floor) -> None:
    order_no = floor.submit(plan_change(2))
    floor.go(order_no)
    first = floor.ready(order_no)[0].line_no
    while mine := [row for row in floor.ready(order_no) if row.line_no == first]:
        floor.report(mine[0].id)
    floor.ask(order_no, CommandKind.CANCEL)
    floor.wake()
    assert floor.go(order_no).state == "partial"


def test_an_order_that_is_cancelled_before_its_time_ends_at_once(floor: Floor) -> None:
    tomorrow = (now() + timedelta(days=1)).isoformat()
    order_no = floor.submit(plan_change(requestedStartDate=tomorrow))
    floor.launch()
    scheduled = floor.state(order_no).state_details.scheduled_time
    assert scheduled and scheduled > now() + timedelta(hours=23)
    floor.ask(order_no, CommandKind.CANCEL)
    assert floor.go(order_no).state == "cancelled"


def test_cancelling_a_suspended_run_in_prefect_cancels_the_order(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.set_state(order_no, Cancelled(), force=False)
    floor.recover()
    assert floor.go(order_no).state == "cancelled"
    assert floor.state(order_no).name == "Cancelled"
    assert floor.events(order_no)[-1].type == "order.cancelled"


def test_cancelling_comes_too_late_once_the_outcome_is_sealed(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.complete(order_no)
    assert "stands" in floor.ask(order_no, CommandKind.CANCEL)
    assert floor.order(order_no).state == "completed"


def test_a_cancellation_that_prefect_did_not_hear_of_is_answered_as_done(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings().relay, "lease_seconds", 0)
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    with monkeypatch.context() as away, pytest.raises(httpx.ConnectError):
        away.setattr(floor.api, "states", _does_not_answer)
        floor.ask(order_no, CommandKind.CANCEL)
    floor.wake()
    assert floor.go(order_no).state == "cancelled"
    command(floor.api)
    with database().read() as session:
        (asked,) = commands.of_order(session, order_no)
    assert (asked.state, asked.answer) == ("done", "what was open is cancelled")


def _does_not_answer(_flow_runs: object) -> None:
    raise httpx.ConnectError("nobody there")


def test_a_reopened_order_gets_a_second_version_that_is_told_and_archived_too(
    floor: Floor,
) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.report(floor.ready(order_no)[0].id, "failed", code="E1", text="no contract")
    floor.wake()
    assert floor.go(order_no).state == "failed"
    floor.ask(order_no, CommandKind.REOPEN)
    assert floor.order(order_no).state == "inProgress"
    assert floor.complete(order_no).state == "completed"
    assert floor.state(order_no, 1).name == "OrderFailed"
    assert floor.state(order_no, 2).name == "Completed"
    told = [event.type for event in floor.events(order_no) if event.type.startswith("order.")]
    assert told == ["order.failed", "order.reopened", "order.completed"]
    with database().read() as session:
        assert session.get(OrderOutcome, (order_no, 1)).state == "failed"  # pyright: ignore
        assert session.get(ArchiveEntry, (order_no, 2))


def test_a_correction_after_the_end_opens_a_version_whose_outcome_is_the_corrected_one(
    floor: Floor,
) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    while ready := floor.ready(order_no):
        last = floor.report(ready[0].id)
    floor.wake()
    assert floor.go(order_no).state == "completed"
    contradicting = floor.report(last.work_order_id, "failed", code="E9")
    assert contradicting.verdict == "contradicting"
    assert floor.order(order_no).version == 1
    with database().read() as session:
        assert session.get(CompletionReport, 1)
    corrected = floor.report(last.work_order_id, "failed", code="E9", corrects=last.report_id)
    assert corrected.verdict == "corrected"
    assert floor.go(order_no).state == "failed"
    assert floor.order(order_no).version == 2
    assert floor.state(order_no, 2).name == "OrderFailed"


def test_a_failed_run_is_tried_again_on_command_and_cancelled_on_command(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_lease: object) -> None:
        raise PermanentFault("no such region")

    retried, cancelled = floor.submit(plan_change()), floor.submit(plan_change())
    with monkeypatch.context() as patch:
        patch.setattr(work_orders_task, "_is_held", refuse)
        floor.launch()
        floor.work()
    assert {floor.state(no).name for no in (retried, cancelled)} == {"Failed"}
    assert "tried again" in floor.ask(retried, CommandKind.RETRY)
    assert floor.complete(retried).state == "completed"
    floor.ask(cancelled, CommandKind.CANCEL)
    assert floor.go(cancelled).state == "cancelled"
