"""The breaker's rules, whatever the attempts were."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.delivery.breaker import (
    FAILING,
    FEWEST_ATTEMPTS,
    IGNORED,
    OPEN_TIME,
    Breaker,
    Tally,
    failing_since,
    tally,
)
from ordercast.delivery.verdicts import Verdict

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LATER = NOW + OPEN_TIME
CLOSED = Breaker()

counts = st.integers(0, 200)
tallies = st.builds(Tally, counts, counts)
budgets = st.integers(1, 64)
breakers = st.just(CLOSED) | st.builds(
    Breaker, st.just(NOW) | st.just(LATER), recovery=st.integers(0, 70)
)
verdicts = st.lists(st.sampled_from(Verdict), max_size=30)


def answered(breaker, budget, times, now=LATER):
    for _ in range(times):
        breaker = breaker.after(Tally(answered=1), Tally(), budget, now=now)
    return breaker


@given(tallies, tallies, budgets)
def test_it_opens_only_when_enough_of_enough_attempts_failed_and_one_just_did(new, recent, budget):
    after = CLOSED.after(new, recent, budget, now=NOW)
    attempts = recent.answered + recent.failed
    shall_open = (
        new.failed > 0 and attempts >= FEWEST_ATTEMPTS and recent.failed * 10 >= attempts * 7
    )
    assert after == (Breaker(NOW + OPEN_TIME) if shall_open else CLOSED)


@given(budgets, st.floats(0, 29.9))
def test_while_it_is_open_nothing_is_sent_and_late_answers_change_nothing(budget, seconds):
    opened = Breaker(LATER)
    moment = NOW + timedelta(seconds=seconds)
    assert opened.slots(budget, now=moment) == 0
    assert opened.after(Tally(3, 9), Tally(3, 9), budget, now=moment) == opened


@given(budgets)
def test_when_the_time_is_over_one_push_goes_out_to_see(budget):
    assert Breaker(LATER).slots(budget, now=LATER) == 1


@given(budgets)
def test_a_canary_that_fails_opens_it_again_for_as_long(budget):
    again = Breaker(LATER).after(Tally(failed=1), Tally(failed=1), budget, now=LATER)
    assert again == Breaker(LATER + OPEN_TIME)


def test_after_each_round_of_answers_twice_as_many_go_out_until_the_budget_is_full():
    breaker, slots = Breaker(LATER), []
    while not breaker.is_closed:
        slots.append(breaker.slots(8, now=LATER))
        breaker = answered(breaker, 8, slots[-1])
    assert slots == [1, 2, 4]
    assert breaker.slots(8, now=LATER) == 8


@given(budgets)
def test_answers_alone_close_it_and_never_before_the_first(budget):
    assert answered(Breaker(LATER), budget, 2 * budget) == CLOSED
    assert not Breaker(LATER).is_closed


@given(breakers, tallies, tallies, budgets)
def test_slots_never_exceed_the_budget_and_failures_alone_never_give_more(
    breaker, new, recent, budget
):
    after = breaker.after(new, recent, budget, now=LATER)
    assert 0 <= after.slots(budget, now=LATER) <= budget
    failed = breaker.after(Tally(failed=new.failed), recent, budget, now=LATER)
    assert failed.slots(budget, now=LATER) <= breaker.slots(budget, now=LATER)
    assert after.recovery >= 0


@given(breakers, tallies, budgets)
def test_the_rules_are_the_same_for_every_relay(breaker, new, budget):
    one = breaker.after(new, new, budget, now=LATER)
    assert one == breaker.after(new, new, budget, now=LATER)


@given(verdicts)
def test_our_own_faults_count_neither_way(told):
    charged = [each for each in told if each not in IGNORED]
    assert tally(told) == tally(charged)
    counted = tally(told)
    assert counted.answered + counted.failed == len(charged)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_for_or_against_the_receiver_or_neither(verdict):
    expected = {
        Verdict.DELIVERED: Tally(1, 0),
        Verdict.REJECTED: Tally(1, 0),
        Verdict.RETRY: Tally(0, 1),
        Verdict.BLOCKED: Tally(0, 1),
        Verdict.GONE: Tally(0, 1),
        Verdict.OUR_FAULT: Tally(0, 0),
    }
    assert tally([verdict]) == expected[verdict]


@given(st.none() | st.just(NOW - timedelta(days=1)), verdicts)
def test_it_fails_since_the_first_failure_after_the_last_answer(before, told):
    attempts = [(NOW + timedelta(seconds=n), each) for n, each in enumerate(told)]
    since = failing_since(before, attempts)
    heard = [n for n, each in enumerate(told) if each not in FAILING | IGNORED]
    after_it = told[heard[-1] + 1 :] if heard else told
    failed = [each for each in after_it if each in FAILING]
    if before and not heard:
        assert since == before
    else:
        assert (since is None) == (not failed)
    if since and since != before:
        assert told[int((since - NOW).total_seconds())] in FAILING
