import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.contracts.subscriber import Acknowledgement, ScheduleName
from ordercast.delivery.answers import Answer
from ordercast.delivery.classifying import classify
from ordercast.delivery.next_steps import History, next_step
from ordercast.delivery.schedules import SCHEDULES
from ordercast.delivery.verdicts import Reason, Verdict
from ordercast.store.pushes import DeliveryState

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
NEW = History(ScheduleName.STANDARD)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained_with_a_remedy_in_english_and_chinese(reason):
    for text in (reason.meaning, reason.remedy):
        assert text.en.isascii()
        assert text.en.endswith(".")
        assert text.zh.endswith("。")


@given(st.integers(100, 599), st.text(max_size=50), st.sampled_from(Acknowledgement))
def test_every_answer_gets_a_verdict_and_only_2xx_can_be_delivered(status, body, rule):
    reason = classify(Answer(1, status=status, body=body), rule)
    assert reason.verdict is not Verdict.DELIVERED or 200 <= status < 300


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (302, Verdict.RETRY),
        (400, Verdict.REJECTED),
        (401, Verdict.RETRY),
        (404, Verdict.RETRY),
        (407, Verdict.OUR_FAULT),
        (410, Verdict.GONE),
        (422, Verdict.REJECTED),
        (429, Verdict.RETRY),
        (500, Verdict.RETRY),
        (503, Verdict.RETRY),
    ],
)
def test_a_status_has_its_verdict(status, verdict):
    assert classify(Answer(1, status=status)).verdict is verdict


@pytest.mark.parametrize(
    ("rule", "body", "reason"),
    [
        (Acknowledgement.ERRCODE_ZERO, {"errcode": 0, "errmsg": "ok"}, Reason.ACKNOWLEDGED),
        (Acknowledgement.ERRCODE_ZERO, {"errcode": "0"}, Reason.ACKNOWLEDGED),
        (Acknowledgement.ERRCODE_ZERO, {"errcode": 40001}, Reason.BUSINESS_REFUSED),
        (Acknowledgement.ERRCODE_ZERO, {"errcode": 45009}, Reason.BUSINESS_BUSY),
        (Acknowledgement.ERRCODE_ZERO, {"errcode": False}, Reason.NOT_ACKNOWLEDGED),
        (Acknowledgement.ERRCODE_ZERO, {"code": 0}, Reason.NOT_ACKNOWLEDGED),
        (Acknowledgement.ERRCODE_ZERO, [0], Reason.NOT_ACKNOWLEDGED),
        (Acknowledgement.CODE_ZERO, {"code": 0}, Reason.ACKNOWLEDGED),
        (Acknowledgement.CODE_ZERO, {"code": 19024}, Reason.BUSINESS_REFUSED),
        (Acknowledgement.BODY_SUCCESS, "success", Reason.ACKNOWLEDGED),
        (Acknowledgement.BODY_SUCCESS, "fail", Reason.NOT_ACKNOWLEDGED),
        (Acknowledgement.STATUS, {"errcode": 40001}, Reason.ACKNOWLEDGED),
    ],
)
def test_a_200_is_a_success_only_if_the_body_says_so_under_the_rule(rule, body, reason):
    assert classify(Answer(1, status=200, body=json.dumps(body)), rule) is reason


def test_a_page_in_place_of_the_acknowledgement_is_not_one():
    answer = Answer(1, status=200, body="<html>Welcome to the proxy</html>")
    assert classify(answer, Acknowledgement.ERRCODE_ZERO) is Reason.NOT_ACKNOWLEDGED


def test_a_failed_attempt_is_made_again_and_counts():
    step = next_step(Reason.SERVER_ERROR, NEW, now=NOW, jitter=0)
    assert (step.state, step.due_at) == (DeliveryState.PENDING, NOW + timedelta(seconds=5))
    assert step.charged


@pytest.mark.parametrize("reason", [Reason.BUSY, Reason.TIMEOUT])
def test_429_and_timeouts_rest_for_a_minute(reason):
    step = next_step(reason, NEW, now=NOW, jitter=0)
    assert step.due_at == NOW + timedelta(seconds=60)


def test_a_schedule_at_its_end_gives_up():
    tries = len(SCHEDULES[ScheduleName.STANDARD])
    history = History(ScheduleName.STANDARD, attempts=tries, tries=tries)
    step = next_step(Reason.TIMEOUT, history, now=NOW, jitter=0)
    assert (step.state, step.due_at) == (DeliveryState.GAVE_UP, None)


def test_faults_of_ours_are_never_charged_to_the_subscriber():
    history = History(ScheduleName.STANDARD, attempts=500, tries=9)
    step = next_step(Reason.NO_KEY, history, now=NOW, jitter=0)
    assert step.state is DeliveryState.PENDING
    assert step.due_at == NOW + timedelta(hours=1)
    assert not step.charged


@pytest.mark.parametrize("reason", list(Reason))
def test_only_what_is_tried_again_has_a_next_time(reason):
    step = next_step(reason, NEW, now=NOW, jitter=0)
    assert (step.due_at is None) == (step.state is not DeliveryState.PENDING)


@given(st.text(max_size=3000))
def test_what_is_kept_of_an_answer_is_1_kb_at_most_and_fit_for_a_database(body):
    kept = Answer(1, body=body).kept
    assert len(kept.encode()) <= 1024 + 3 * kept.count("\N{REPLACEMENT CHARACTER}")
    assert "\x00" not in kept
