"""The verdict on a report: the first result wins, whatever comes after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.report import ANSWERS, Verdict, judge
from ordercast.domain.work_order import OPEN_STATES, Result, WorkOrderState

RESULTS = st.sampled_from(Result)
S, R = WorkOrderState, Result


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
@pytest.mark.parametrize("result", Result)
@pytest.mark.parametrize("corrects", [True, False])
def test_the_first_result_of_open_work_is_accepted(state, result, corrects):
    assert judge(state, result, corrects_accepted=corrects) is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("state", "result", "corrects", "verdict"),
    [
        (None, R.COMPLETED, False, Verdict.UNKNOWN),
        (S.COMPLETED, R.COMPLETED, False, Verdict.DUPLICATE),
        (S.COMPLETED, R.COMPLETED, True, Verdict.DUPLICATE),
        (S.FAILED, R.FAILED, False, Verdict.DUPLICATE),
        (S.COMPLETED, R.FAILED, False, Verdict.CONTRADICTING),
        (S.FAILED, R.COMPLETED, False, Verdict.CONTRADICTING),
        (S.COMPLETED, R.FAILED, True, Verdict.CORRECTED),
        (S.FAILED, R.COMPLETED, True, Verdict.CORRECTED),
        (S.CANCELLED, R.COMPLETED, False, Verdict.LATE),
        (S.CANCELLED, R.FAILED, True, Verdict.LATE),
    ],
)
def test_a_further_report_is_judged_by_what_stands(state, result, corrects, verdict):
    assert judge(state, result, corrects_accepted=corrects) is verdict


@given(st.one_of(st.none(), st.sampled_from(S)), RESULTS, st.booleans())
def test_only_open_or_corrected_work_changes(state, result, corrects):
    verdict = judge(state, result, corrects_accepted=corrects)
    changes = state is not None and (
        state.is_open or (corrects and state is not S.CANCELLED and state is not result.state)
    )
    assert verdict.has_effect == changes


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_answered_in_words(verdict):
    answer = ANSWERS[verdict].format(result="completed")
    assert answer
    assert "{" not in answer
