"""Alerts are claimed by one relay at a time, and rest ever longer while nobody takes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.store.alert_sending import claim_alerts, mark_sent, rest_after
from ordercast.store.alerts import alert, unsent
from ordercast.store.clock import now
from ordercast.store.engine import database


def raise_some(*subjects, age=timedelta()):
    with database().write() as session:
        for subject in subjects:
            alert(session, "subscriber-failing", subject=subject, text="", at=now() - age)


def claim(*, after=timedelta(), limit=10):
    with database().write() as session:
        claimed = claim_alerts(session, now=now() + after, limit=limit)
        return [(each.subject, each.tries) for each in claimed]


@pytest.mark.parametrize("age", [timedelta(), timedelta(days=9)])
def test_what_one_relay_has_claimed_is_not_due_to_another_before_its_rest_is_over(home, age):
    raise_some("sub-a", "sub-b", age=age)
    assert claim() == [("sub-a", 1), ("sub-b", 1)]
    assert claim() == claim(after=timedelta(seconds=58)) == []
    assert claim(after=timedelta(seconds=61)) == [("sub-a", 2), ("sub-b", 2)]
    assert claim(after=timedelta(seconds=175)) == []
    assert claim(after=timedelta(seconds=185)) == [("sub-a", 3), ("sub-b", 3)]


def test_two_relays_that_claim_at_once_get_different_alerts(home):
    raise_some("sub-a", "sub-b", "sub-c")
    if database().is_sqlite:
        assert [claim(limit=2), claim(limit=2)] == [[("sub-a", 1), ("sub-b", 1)], [("sub-c", 1)]]
        return
    with database().write() as first, database().write() as second:
        assert len(claim_alerts(first, now=now(), limit=2)) == 2
        (other,) = claim_alerts(second, now=now(), limit=2)
        assert other.subject == "sub-c"


def test_what_somebody_was_told_of_is_claimed_no_more(home):
    raise_some("sub-a", "sub-b")
    with database().write() as session:
        mark_sent(session, unsent(session, limit=1), at=now())
    assert claim(after=timedelta(days=1)) == [("sub-b", 1)]


@given(st.integers(1, 10_000))
def test_rests_grow_from_a_minute_to_an_hour(tries):
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert rest_after(1) == minute
    assert minute <= rest_after(tries) <= rest_after(tries + 1) <= hour
    assert rest_after(tries + 6) == hour
