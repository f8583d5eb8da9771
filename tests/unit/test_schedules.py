from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.contracts.subscriber import ScheduleName
from ordercast.delivery.schedules import SCHEDULES, our_rest, parse_retry_after, rest

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
jitters = st.floats(-1, 1)
names = st.sampled_from(ScheduleName)


def seconds(schedule: ScheduleName) -> list[float]:
    return [each.total_seconds() for each in SCHEDULES[schedule]]


def test_standard_is_that_of_standard_webhooks():
    hours = [each * 3600 for each in (2, 5, 10, 14, 20, 24)]
    assert seconds(ScheduleName.STANDARD) == [5, 300, 1800, *hours]


def test_wechat_pay_takes_24_hours_and_4_minutes():
    rests = seconds(ScheduleName.WECHAT_PAY)
    assert rests[:7] == [15, 15, 30, 180, 600, 1200, 1800]
    assert len(rests) == 15
    assert sum(rests) == 24 * 3600 + 4 * 60


def test_alipay_notifies_eight_times():
    assert seconds(ScheduleName.ALIPAY) == [240, 600, 600, 3600, 7200, 21600, 54000]


@given(names, st.integers(1, 15), jitters)
def test_jitter_moves_a_rest_by_a_fifth_at_most(name, tries, jitter):
    rests = SCHEDULES[name]
    found = rest(name, tries, jitter=jitter)
    if tries > len(rests):
        assert found is None
    else:
        assert found is not None
        assert rests[tries - 1] * 0.8 <= found <= rests[tries - 1] * 1.2


@given(names, st.integers(1, 7), jitters, st.integers(0, 10**7))
def test_retry_after_is_honoured_up_to_a_day(name, tries, jitter, asked):
    found = rest(name, tries, jitter=jitter, retry_after=timedelta(seconds=asked))
    assert found is not None
    assert found >= timedelta(seconds=min(asked, 86400))
    assert found <= max(SCHEDULES[name][tries - 1] * 1.2, timedelta(hours=24))


@given(names, st.integers(1, 7), jitters)
def test_after_429_and_timeouts_a_rest_lasts_a_minute_at_least(name, tries, jitter):
    found = rest(name, tries, jitter=jitter, patient=True)
    assert found is not None
    assert found >= timedelta(seconds=60)


@given(st.integers(1, 10**6), jitters)
def test_faults_of_ours_rest_a_minute_up_to_an_hour(faults, jitter):
    found = our_rest(faults, jitter=jitter)
    assert timedelta(seconds=48) <= found <= timedelta(minutes=72)


@given(st.one_of(st.none(), st.text(max_size=40)))
def test_reading_retry_after_never_fails_and_never_goes_back(header):
    found = parse_retry_after(header, now=NOW)
    assert found is None or found >= timedelta()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta()),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), timedelta(minutes=5)),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), timedelta()),
        ("99999999999999999999", timedelta(hours=24)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header, expected):
    assert parse_retry_after(header, now=NOW) == expected
