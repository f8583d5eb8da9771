"""Completion reports over HTTP: each has its status, its verdict and its words."""

import pytest

from ordercast.store import cancelling
from tests.gateway import gateway
from tests.keys import keyed
from tests.orders import CSV, NDJSON, body, named, plan_change, run_of, states, waiting, work_orders

FIRST = "contract-check"


@pytest.fixture
def http(database):
    with keyed(gateway(), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def order_no(database):
    return waiting(plan_change())[0]


def tell(http, work_order_id, **report):
    answer = http.post(f"/work-orders/{work_order_id}/report", json=report)
    return answer.status_code, answer.json().get("verdict")


def test_every_verdict_has_its_status(http, order_no, database):
    first, second = named(order_no, FIRST).id, named(order_no, "billing-plan").id
    assert tell(http, first, result="completed", report_id="1") == (201, "accepted")
    assert tell(http, first, result="completed", report_id="1") == (201, "accepted")
    assert tell(http, first, result="completed", report_id="2") == (200, "duplicate")
    assert tell(http, first, result="failed", report_id="3") == (409, "contradicting")
    assert tell(http, first, result="failed", report_id="1") == (409, "contradicting")
    assert tell(http, first, result="failed", corrects="1", report_id="4") == (201, "corrected")
    assert tell(http, second, result="completed") == (409, "late")
    assert tell(http, "wo-nothing-1-1", result="completed") == (404, "unknown")


def test_a_report_carries_code_text_reporter_and_id(http, order_no):
    first = named(order_no, FIRST).id
    report = {
        "result": "failed",
        "code": 7,
        "text": "合约未到期",
        "reporter": "张三",
        "report_id": 1,
    }
    answer = http.post(f"/work-orders/{first}/report", json=report)
    assert answer.status_code == 201
    assert answer.json()["report_id"] == "1"
    assert answer.json()["message"] == "the work order is failed"
    shown = http.get(f"/work-orders/{first}").json()
    assert (shown["state"], shown["code"], shown["text"]) == ("failed", "7", "合约未到期")


@pytest.mark.parametrize(
    ("report", "fields"),
    [
        ({}, ["result"]),
        ({"result": "done"}, ["result"]),
        ({"result": "failed", "text": "x" * 2001, "code": "x" * 65}, ["code", "text"]),
        ({"result": "failed", "report_id": ""}, ["report_id"]),
        ({"result": "failed", "work_order_id": "wo-1"}, ["work_order_id"]),
        ([], ["body"]),
    ],
)
def test_a_report_that_cannot_be_read_says_why_and_is_kept(http, order_no, report, fields):
    answer = http.post(f"/work-orders/{named(order_no, FIRST).id}/report", json=report)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["problems"]] == fields
    kept = http.get(f"/inbox/{answer.json()['messageId']}").json()
    assert (kept["source"], kept["outcome"]) == ("report", "refused")


def test_a_bulk_is_answered_one_by_one_with_counts(http, order_no):
    reports = [
        {"work_order_id": row.id, "result": "completed", "report_id": f"r-{n}"}
        for n, row in enumerate(work_orders(order_no))
    ]
    answer = http.post("/work-orders/reports", json=[*reports, reports[0]])
    assert answer.status_code == 200
    assert answer.json()["counts"] == {"accepted": 5}
    assert [each["report_id"] for each in answer.json()["reports"]] == [
        "r-0",
        "r-1",
        "r-2",
        "r-3",
        "r-0",
    ]
    assert set(states(order_no).values()) == {"completed"}
    assert run_of(order_no).wake_at


@pytest.mark.parametrize("media_type", [NDJSON, f"{CSV}; charset=utf-8"])
def test_a_bulk_comes_as_lines_too(http, order_no, media_type):
    first = named(order_no, FIRST).id
    said = {"work_order_id": first, "result": "failed", "text": "客户拒绝"}
    raw = body(said) if media_type == NDJSON else _csv(said)
    answer = http.post("/work-orders/reports", content=raw, headers={"Content-Type": media_type})
    assert answer.json()["counts"] == {"accepted": 1}
    assert named(order_no, FIRST).text == "客户拒绝"


def _csv(row):
    return f"{','.join(row)}\n{','.join(row.values())}\n".encode()


def test_a_bulk_with_a_bad_report_takes_none_and_names_every_bad_one(http, order_no):
    first = named(order_no, FIRST).id
    reports = [{"work_order_id": first, "result": "completed"}, {"result": "done"}, 5]
    answer = http.post("/work-orders/reports", json=reports)
    assert answer.status_code == 400
    assert [(each["line"], each["field"]) for each in answer.json()["problems"]] == [
        (2, "result"),
        (2, "work_order_id"),
        (3, "body"),
    ]
    assert states(order_no)[FIRST] == "acknowledged"


def test_a_report_after_cancelling_is_late_but_answered(http, order_no, database):
    with database.write() as session:
        cancelling.cancel(session, order_no)
    assert tell(http, named(order_no, FIRST).id, result="completed") == (409, "late")
