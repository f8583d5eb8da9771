"""Budgets: rates are kept to over any length of time, whoever asks and how often."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.delivery.budgets import allowed_by_rate, default_concurrency, paced_after

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
rates = st.floats(0.1, 100)
asks = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 50)), max_size=40)


@pytest.mark.parametrize(("relays", "default"), [(1, 1), (4, 1), (8, 2), (32, 8)])
def test_the_default_is_a_quarter_of_the_relay_and_at_least_one(relays, default):
    assert default_concurrency(relays) == default


@given(st.none() | st.just(NOW), st.integers(0, 99))
def test_without_a_rate_everything_may_go(paced_until, wanted):
    assert allowed_by_rate(None, paced_until, now=NOW, wanted=wanted) == wanted


@given(rates, asks)
def test_no_more_are_sent_than_the_rate_allows_beside_the_burst(rate, wishes):
    moment, paced_until, sent = NOW, None, 0
    for rest, wanted in wishes:
        moment += timedelta(seconds=rest)
        allowed = allowed_by_rate(rate, paced_until, now=moment, wanted=wanted)
        assert 0 <= allowed <= wanted
        if allowed:
            paced_until = paced_after(rate, paced_until, now=moment, sent=allowed)
            sent += allowed
        seconds = (moment - NOW).total_seconds()
        assert sent <= rate * seconds + max(rate, 1 + rate / 2) + 0.01


@given(rates)
def test_after_a_rest_at_least_one_may_go(rate):
    used_up = paced_after(rate, None, now=NOW, sent=1)
    rested = used_up + timedelta(milliseconds=1)
    assert allowed_by_rate(rate, used_up, now=rested, wanted=1) == 1


@given(rates)
def test_who_always_has_something_to_send_gets_the_whole_rate(rate):
    moment, paced_until, sent = NOW, None, 0
    while moment < NOW + timedelta(seconds=20):
        allowed = allowed_by_rate(rate, paced_until, now=moment, wanted=1000)
        if allowed:
            paced_until = paced_after(rate, paced_until, now=moment, sent=allowed)
            sent += allowed
        moment += timedelta(seconds=0.5)
    assert sent >= rate * 19 - 1
