"""The life of an order as one flow run, on a real Prefect server."""

from typing import Any

import pytest
from sqlmodel import select

from flows import segment
from ordercast.domain.errors import PermanentFault, TransientFault
from ordercast.domain.order import Stage
from ordercast.store.engine import database
from ordercast.store.tables import ArchiveEntry, PlatformSync
from tasks import sync
from tasks.availability import Availability
from tests.flows.floor import Floor
from tests.flows.samples import plan_change, plan_change_of
from tests.plain_http import HTTP

SEVEN_STEPS = [
    "receive",
    "decompose",
    "generate-work-orders",
    "await-completion",
    "await-completion",
    "sync-to-platform",
    "archive-by-tag",
    "broadcast",
]


def test_an_order_goes_through_all_seven_steps_and_ends_completed(floor: Floor) -> None:
    order_no = floor.submit(plan_change(2, externalId="x-1"))
    assert floor.complete(order_no).state == "completed"
    assert (floor.state(order_no).type, floor.state(order_no).name) == ("COMPLETED", "Completed")
    assert floor.task_names(order_no, 8) == SEVEN_STEPS
    told = HTTP.get(f"{floor.platform_url}/orders/{order_no}").json()
    assert (told["state"], len(told["lines"])) == ("completed", 2)
    with database().read() as session:
        assert session.get(ArchiveEntry, (order_no, 1))
    assert [event.type for event in floor.events(order_no)][-1] == "order.completed"


def test_a_run_is_named_and_tagged_so_that_operators_find_it(floor: Floor) -> None:
    document = plan_change(relatedParty=[{"id": "agent-x", "role": "agent"}])
    order_no = floor.submit(document)
    floor.launch()
    run = floor.flow_run(order_no)
    assert run.name == f"{order_no} · plan-change modify"
    assert {"agent:agent-x", "product:plan-change"} <= set(run.tags)
    floor.complete(order_no)
    assert run.tags == floor.flow_run(order_no).tags


def test_while_work_orders_are_open_the_run_is_suspended_and_its_artifact_says_why(
    floor: Floor,
) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    assert floor.state(order_no).name == "Suspended"
    artifact = floor.artifact(order_no)
    assert "contract-check" in artifact and "4 work orders are open" in artifact
    assert "Waits for work orders since" in (floor.state(order_no).message or "")


def test_a_run_resumed_without_a_report_suspends_again(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    for _ in range(3):
        floor.api.resume_suspended([floor.flow_run(order_no).id])
        assert floor.work() == 1
        assert floor.state(order_no).name == "Suspended"
    assert floor.complete(order_no).state == "completed"


def test_the_last_report_wakes_the_order_even_if_it_comes_before_the_run_suspends(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_no = floor.submit(plan_change())
    propose = segment.propose_state_sync

    def report_first(*given: Any, **options: Any) -> Any:
        floor.report_all(order_no)
        floor.wake()  # the run is not suspended yet: it must be tried again
        return propose(*given, **options)

    monkeypatch.setattr(segment, "propose_state_sync", report_first)
    floor.launch()
    floor.work()
    monkeypatch.undo()
    assert floor.state(order_no).name == "Suspended"
    with database().write() as session:
        session.merge(floor.run(order_no)).wake_at = floor.run(order_no).start_at
    floor.wake()
    assert floor.go(order_no).state == "completed"


def test_a_failed_work_order_makes_the_order_fail_and_retrying_changes_nothing(
    floor: Floor,
) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.report(floor.ready(order_no)[0].id, "failed", code="E17", text="合约期内不可变更")
    floor.wake()
    assert floor.go(order_no).state == "failed"
    ended = floor.state(order_no)
    assert (ended.type, ended.name) == ("FAILED", "OrderFailed")
    assert f"ordercast orders reopen {order_no}" in (ended.message or "")
    assert "合约期内不可变更" in floor.artifact(order_no)
    floor.retry_as_the_ui_does(order_no)
    assert floor.work() == 1
    assert floor.state(order_no).name == "OrderFailed"


def test_some_lines_failed_is_partial_and_all_refused_is_rejected(floor: Floor) -> None:
    partly = floor.submit(plan_change(2))
    floor.go(partly)
    floor.report(floor.ready(partly)[0].id, "failed", code="E1", text="no")
    floor.report_all(partly)
    floor.wake()
    assert floor.go(partly).state == "partial"
    assert floor.state(partly).name == "Partial"
    assert "outcome:partial" in floor.flow_run(partly).tags
    unknown = plan_change()
    unknown["serviceOrderItem"][0]["service"]["serviceSpecification"] = {"id": "no-such-thing"}
    rejected = floor.submit(unknown)
    assert floor.go(rejected).state == "rejected"
    assert floor.state(rejected).name == "Rejected"


def test_an_order_of_no_change_is_completed_without_work(floor: Floor) -> None:
    document = plan_change()
    document["serviceOrderItem"][0]["action"] = "noChange"
    order_no = floor.submit(document)
    assert floor.go(order_no).state == "completed"


def test_a_platform_that_is_away_parks_the_order_and_it_ends_by_itself_afterwards(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise TransientFault("the platform at 127.0.0.1 refuses connections")

    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.report_all(order_no)
    with monkeypatch.context() as patch:
        patch.setattr(sync, "business_platform", away)
        patch.setattr(sync, "PLATFORM", Availability("the platform", rest_seconds=0))
        floor.wake()
        floor.work()
    run = floor.run(order_no)
    assert (run.waiting_for, floor.state(order_no).name) == ("parked", "Paused")
    assert "refuses connections" in floor.artifact(order_no)
    floor.wake()
    assert floor.go(order_no).state == "completed"
    assert floor.run(order_no).stage == Stage.BROADCAST


def test_a_refusal_fails_the_run_with_the_platforms_words_and_retry_goes_on_from_there(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise PermanentFault("the platform answered 422: region 99 is closed")

    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.report_all(order_no)
    with monkeypatch.context() as patch:
        patch.setattr(sync, "business_platform", refuse)
        floor.wake()
        floor.work()
    failed = floor.state(order_no)
    assert (failed.type, failed.name) == ("FAILED", "Failed")
    words = failed.message or ""
    assert words.index("then press Retry") < words.index("region 99 is closed")
    assert floor.run(order_no).waiting_for == "operator"
    floor.retry_as_the_ui_does(order_no)
    assert floor.go(order_no).state == "completed"
    assert floor.state(order_no).name == "Completed"
    with database().read() as session:
        assert len(session.exec(select(PlatformSync)).all()) == 1


def test_an_order_on_a_number_that_is_worked_on_is_held_until_the_first_has_ended(
    floor: Floor,
) -> None:
    first = floor.submit(plan_change_of("8613900000001"))
    floor.go(first)
    second = floor.submit(plan_change_of("8613900000001"))
    assert floor.go(second).state == "held"
    assert first in floor.artifact(second)
    floor.complete(first)
    floor.wake()
    assert floor.complete(second).state == "completed"
