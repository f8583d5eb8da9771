"""Completion reports: whenever and however often they come, each is answered and kept."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlmodel import col, select

from ordercast.contracts.report import WorkOrderReport
from ordercast.domain.errors import InvalidMessage
from ordercast.domain.work_order import Result
from ordercast.intake.reporting import parse_one_report, parse_reports, take_reports
from ordercast.store import cancelling, inbox, runs
from ordercast.store.push_tables import PushEvent
from ordercast.store.tables import CompletionReport, InboxMessage
from tasks.completion import await_completion
from tests.orders import (
    CSV,
    JSON,
    NDJSON,
    body,
    complete,
    generated,
    line_states,
    named,
    plan_change,
    report,
    run_of,
    sealed,
    states,
    stored,
    waiting,
    work_orders,
)

FIRST, LAST = "contract-check", "customer-notice"


def reports_of(database, order_no):
    with database.read() as session:
        wanted = select(CompletionReport).where(CompletionReport.order_no == order_no)
        return session.exec(wanted.order_by(col(CompletionReport.key))).all()


def events_of(database, order_no):
    with database.read() as session:
        wanted = select(PushEvent).where(PushEvent.order_no == order_no)
        return session.exec(wanted.order_by(col(PushEvent.sequence))).all()


def all_but_the_last(order_no):
    for name in (FIRST, "billing-plan", "policy-profile"):
        report(named(order_no, name))


def test_what_depends_on_completed_work_becomes_ready(database):
    order_no, _ = waiting(plan_change())
    assert report(named(order_no, FIRST)).verdict == "accepted"
    assert states(order_no) == {
        FIRST: "completed",
        "billing-plan": "acknowledged",
        "policy-profile": "acknowledged",
        LAST: "pending",
    }
    report(named(order_no, "billing-plan"))
    assert states(order_no)[LAST] == "pending"
    report(named(order_no, "policy-profile"))
    assert states(order_no)[LAST] == "acknowledged"


def test_what_can_no_longer_be_done_is_cancelled_and_the_line_fails(database):
    order_no, _ = waiting(plan_change(lines=2))
    report(named(order_no, FIRST))
    report(named(order_no, "billing-plan"), "failed", code="B-17", text="欠费", reporter="张三")
    assert states(order_no)[LAST] == "cancelled"
    assert line_states(order_no) == ["inProgress", "inProgress"]
    report(named(order_no, "policy-profile"))
    assert line_states(order_no) == ["failed", "inProgress"]
    failed = named(order_no, "billing-plan")
    assert (failed.code, failed.text) == ("B-17", "欠费")


def test_a_result_for_work_that_was_not_ready_yet_is_taken(database):
    order_no, _ = waiting(plan_change())
    assert report(named(order_no, "billing-plan")).verdict == "accepted"
    assert states(order_no)[FIRST] == "acknowledged"


def test_only_the_last_report_wakes_the_order(database):
    order_no, held = waiting(plan_change())
    all_but_the_last(order_no)
    assert run_of(order_no).wake_at is None
    report(named(order_no, LAST))
    assert run_of(order_no).wake_at
    assert await_completion.fn(held)
    assert run_of(order_no).wake_at is None
    assert stored(order_no).state == "completed"


def test_reports_that_come_before_the_order_waits_are_not_missed(database):
    order_no, held = generated(plan_change())
    complete(order_no)
    assert await_completion.fn(held)
    assert stored(order_no).state == "completed"


def test_an_order_that_waits_for_an_operator_is_not_resumed_by_a_report(database):
    order_no, held = waiting(plan_change())
    runs.ask_operator(held, "disk full")
    complete(order_no)
    assert run_of(order_no).wake_at is None
    assert run_of(order_no).waiting_for == "operator"


def test_the_same_report_twice_gets_the_same_answer_and_is_kept_once(database):
    order_no, _ = waiting(plan_change())
    first = report(named(order_no, FIRST), report_id="r-1", text="完成")
    assert report(named(order_no, FIRST), report_id="r-1", text="完成") == first
    assert len(reports_of(database, order_no)) == 1
    assert len(events_of(database, order_no)) == 1


def test_one_report_id_that_says_two_things_is_answered_and_both_are_kept(database):
    order_no, _ = waiting(plan_change())
    report(named(order_no, FIRST), report_id="r-1")
    answer = report(named(order_no, FIRST), "failed", report_id="r-1", text="不对")
    assert answer.verdict == "contradicting"
    assert "new report_id" in answer.message
    assert states(order_no)[FIRST] == "completed"
    with database.read() as session:
        (kept,) = inbox.messages(session, outcome="conflict")
    assert kept.order_no == order_no
    assert json.loads(inbox.plain_body(kept))["text"] == "不对"


def test_duplicate_contradicting_late_and_unknown_reports_are_told_apart_and_kept(database):
    order_no, _ = waiting(plan_change())
    report(named(order_no, FIRST), report_id="r-1")
    first = named(order_no, FIRST)
    assert report(first).verdict == "duplicate"
    assert report(first, "failed").verdict == "contradicting"
    report(named(order_no, "billing-plan"), "failed")
    assert report(named(order_no, LAST)).verdict == "late"
    unknown = WorkOrderReport(work_order_id="wo-none-1-1", result=Result.COMPLETED)
    assert take_reports(database, [unknown])[0].verdict == "unknown"
    verdicts = [each.verdict for each in reports_of(database, order_no)]
    assert verdicts == ["accepted", "duplicate", "contradicting", "accepted", "late"]
    assert [each.work_order_id for each in reports_of(database, None)] == ["wo-none-1-1"]
    assert states(order_no)[FIRST] == "completed"


def test_only_the_accepted_report_can_be_corrected(database):
    order_no, _ = waiting(plan_change())
    report(named(order_no, FIRST), report_id="r-1")
    first = named(order_no, FIRST)
    assert report(first, "failed", corrects="r-0").verdict == "contradicting"
    assert report(first, "failed", corrects="r-1", report_id="r-2").verdict == "corrected"
    assert set(states(order_no).values()) == {"failed", "cancelled"}
    assert report(first, "completed", corrects="r-1").verdict == "contradicting"
    assert report(first, "completed", corrects="r-2").verdict == "corrected"
    assert states(order_no)["billing-plan"] == "acknowledged"
    assert stored(order_no).version == 1


def test_a_correction_after_the_seal_opens_the_next_version(database):
    order_no = sealed(plan_change())
    last = named(order_no, LAST)
    with database.read() as session:
        accepted = session.get_one(CompletionReport, last.report_key)
    report(last, "failed", corrects=accepted.report_id, report_id="r-9")
    order = stored(order_no)
    assert (order.version, order.state, order.ended_at) == (2, "inProgress", None)
    assert run_of(order_no, 2).stage == "generated"
    assert run_of(order_no, 2).launch_at
    types = [(each.type, each.version) for each in events_of(database, order_no)][-2:]
    assert types == [("order.reopened", 2), ("work-order.failed", 2)]
    assert line_states(order_no) == ["failed"]


def test_a_work_order_can_be_corrected_twice_within_one_bulk(database):
    order_no, _ = waiting(plan_change())
    first = named(order_no, FIRST).id
    said = [("completed", "a", None), ("failed", "b", "a"), ("completed", "c", "b")]
    answers = take_reports(
        database,
        [
            WorkOrderReport(work_order_id=first, result=Result(r), report_id=i, corrects=c)
            for r, i, c in said
        ],
    )
    assert [each.verdict for each in answers] == ["accepted", "corrected", "corrected"]
    assert states(order_no)["billing-plan"] == "acknowledged"
    assert report(named(order_no, FIRST), "failed", corrects="c").verdict == "corrected"


def test_each_accepted_result_is_an_event_with_its_text(database):
    order_no, _ = waiting(plan_change())
    report(named(order_no, FIRST), "failed", code="7", text="合约未到期", reporter="李四")
    (event,) = events_of(database, order_no)
    assert (event.type, event.sequence) == ("work-order.failed", 1)
    assert event.data["text"] == "合约未到期"
    assert (event.data["name"], event.data["reporter"]) == (FIRST, "李四")


def test_a_bulk_is_answered_in_its_order_across_orders_and_by_id(database):
    one, two = waiting(plan_change())[0], waiting(plan_change())[0]
    ids = [named(two, FIRST).id, "wo-none-1-1", named(one, FIRST).id, named(two, LAST).id]
    reports = [WorkOrderReport(work_order_id=each, result=Result.COMPLETED) for each in ids]
    answers = take_reports(database, reports)
    assert [each.work_order_id for each in answers] == ids
    assert [each.report_id for each in answers] == [each.report_id for each in reports]
    assert [each.verdict for each in answers] == ["accepted", "unknown", "accepted", "accepted"]


def test_a_bulk_of_a_thousand_is_taken_whole_and_wakes_the_order_once_it_is_done(database):
    order_no, held = waiting(plan_change(lines=300))
    reports = [
        WorkOrderReport(work_order_id=row.id, result=Result.COMPLETED)
        for row in work_orders(order_no)
    ]
    answers = take_reports(database, reports)
    assert {each.verdict for each in answers} == {"accepted"}
    assert len(answers) == 1200
    assert run_of(order_no).wake_at
    assert await_completion.fn(held)


def test_two_who_report_the_last_two_work_orders_at_once_wake_the_order(database):
    for _ in range(10):
        order_no, held = waiting(plan_change())
        report(named(order_no, FIRST))
        report(named(order_no, LAST))  # ahead of its turn, so that two are left
        left = [named(order_no, "billing-plan"), named(order_no, "policy-profile")]
        barrier = Barrier(2)

        def at_once(row, barrier=barrier):
            barrier.wait(10)
            return report(row).verdict

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(at_once, left)) == ["accepted", "accepted"]
        assert run_of(order_no).wake_at
        assert await_completion.fn(held)


def test_a_report_and_a_segment_at_once_never_pass_each_other_by(database):
    for _ in range(15):
        order_no, held = waiting(plan_change())
        all_but_the_last(order_no)
        last = named(order_no, LAST)
        barrier = Barrier(2)

        def tell(row=last, barrier=barrier):
            barrier.wait(10)
            return report(row).verdict

        def look(held=held, barrier=barrier):
            barrier.wait(10)
            return await_completion.fn(held)

        with ThreadPoolExecutor(2) as pool:
            told, is_sealed = pool.submit(tell), pool.submit(look)
            assert told.result(20) == "accepted"
            assert is_sealed.result(20) or run_of(order_no).wake_at
        assert is_sealed.result() or await_completion.fn(held)
        assert stored(order_no).state == "completed"


def test_the_same_report_by_two_doors_at_once_is_kept_once(database):
    order_no, _ = waiting(plan_change())
    row, barrier = named(order_no, FIRST), Barrier(4)

    def at_once(_):
        barrier.wait(10)
        return report(row, report_id="r-1").verdict

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(at_once, range(4))) == {"accepted"}
    assert len(reports_of(database, order_no)) == 1


def test_a_report_after_cancelling_is_late_and_kept(database):
    order_no, _ = waiting(plan_change())
    with database.write() as session:
        cancelling.cancel(session, order_no)
    assert report(named(order_no, FIRST), text="已完成").verdict == "late"
    assert [each.text for each in reports_of(database, order_no)] == ["已完成"]


def test_a_report_says_what_is_wrong_with_it_and_is_kept(database):
    with pytest.raises(InvalidMessage) as refused:
        parse_one_report(database, b'{"result": "done", "extra": 1}', "wo-1")
    assert {each.field for each in refused.value.problems} == {"result", "extra"}
    with pytest.raises(InvalidMessage, match="work_order_id"):
        parse_one_report(database, b'{"result": "completed"}', "x" * 129)
    with database.read() as session:
        kept = session.exec(select(InboxMessage)).all()
    assert [(each.source, each.outcome) for each in kept] == [("report", "refused")] * 2


GOOD = {"work_order_id": "wo-1", "result": "failed", "text": "无法联系客户", "report_id": "7"}


@pytest.mark.parametrize(
    ("raw", "media_type"),
    [
        (body([GOOD]), JSON),
        (body(GOOD) + b"\n\n", NDJSON),
        (
            "\ufeffWork_Order_Id, result,text,report_id,code\n"
            "wo-1, failed,无法联系客户,7,\n,,,,\n".encode(),
            CSV,
        ),
    ],
)
def test_a_bulk_can_be_json_ndjson_or_csv(database, raw, media_type):
    (read,) = parse_reports(database, raw, media_type)
    assert read.model_dump(exclude_none=True) == GOOD


@pytest.mark.parametrize(
    ("raw", "media_type", "expected"),
    [
        (b'[{"result": "completed"}, 5, {}]', JSON, [1, 2, 3, 3]),
        (b'{"result": "x"}\n{bad\n\n{bad\n', NDJSON, [1, 1, 2, 4]),
        (
            b'work_order_id,result,text\n,completed,\nwo-1,x,\nwo-1,failed,a,b\n"x"y,,\n',
            CSV,
            [2, 3, 4, 5],
        ),
        (b"work_order_id,resultt\n", CSV, [1, 1]),
        (b"work_order_id,result,text\nwo-1,failed,\0\n", CSV, [None]),
        (b"work_order_id,result,text\nwo-1,failed," + b"x" * 140_000, CSV, [2]),
        (b"work_order_id,result\n", CSV, [None]),
        (b"[]", JSON, [None]),
        (b"{}", JSON, [None]),
        (b"", NDJSON, [None]),
        (b"", CSV, [1, 1]),
        (b"<a/>", "application/xml", [None]),
        (b"\xff", JSON, [None]),
    ],
)
def test_a_bulk_with_bad_reports_names_every_one_and_takes_none(
    database, raw, media_type, expected
):
    with pytest.raises(InvalidMessage) as refused:
        parse_reports(database, raw, media_type)
    assert [each.line for each in refused.value.problems] == expected
    assert refused.value.message_id
