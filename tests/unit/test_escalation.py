"""Escalation: each step once, in its turn, and with the time that the policy gives."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.escalation import Escalation, Step

DUE = datetime(2026, 11, 22, tzinfo=UTC)
HOURS = st.integers(0, 100).map(lambda hours: timedelta(hours=hours))
policies = st.builds(Escalation, *[st.none() | HOURS] * 3)
looks = st.lists(HOURS, max_size=12).map(sorted)


def carry_out(policy, moments):
    """The steps that are taken by somebody who looks at these moments after the due time."""
    taken = {}
    for moment in moments:
        planned = policy.next_step(DUE, taken)
        if planned and planned[1] <= DUE + moment:
            assert planned[0] not in taken
            taken[planned[0]] = DUE + moment
    return taken


@given(policies, looks)
def test_no_step_is_taken_before_its_time_and_none_that_is_not_in_the_policy(policy, moments):
    for step, moment in carry_out(policy, moments).items():
        assert policy.after(step) is not None
        assert moment >= DUE + policy.after(step)


@given(policies, looks)
def test_between_two_steps_is_the_time_that_the_policy_gives(policy, moments):
    taken = sorted(carry_out(policy, moments).items(), key=lambda each: each[1])
    for (one, at_one), (other, at_other) in pairwise(taken):
        assert at_other - at_one >= policy.after(other) - policy.after(one)


@given(policies)
def test_whoever_looks_long_enough_takes_all_steps(policy):
    moments = [timedelta(hours=100 * n) for n in range(1, 5)]
    wanted = {step for step in Step if policy.after(step) is not None}
    assert carry_out(policy, moments).keys() == wanted


def test_nothing_fails_at_once_that_nobody_was_reminded_of():
    policy = Escalation(timedelta(), None, timedelta(hours=2))
    late = DUE + timedelta(days=9)
    assert policy.next_step(DUE, {}) == (Step.REMIND, DUE)
    assert policy.next_step(DUE, {Step.REMIND: late}) == (Step.FAIL, late + timedelta(hours=2))
