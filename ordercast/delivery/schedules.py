"""Schedules: when an attempt that failed is made again.

Sources: Standard Webhooks 1.0 (`standard`), WeChat Pay and Alipay notifications.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ordercast.contracts.subscriber import ScheduleName

JITTER = 0.2
PATIENCE = timedelta(seconds=60)
LONGEST_RETRY_AFTER = timedelta(hours=24)

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

SCHEDULES: Mapping[ScheduleName, Sequence[timedelta]] = {
    ScheduleName.STANDARD: (
        *(5 * _SECOND, 5 * _MINUTE, 30 * _MINUTE),
        *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24)),
    ),
    ScheduleName.WECHAT_PAY: (
        *(15 * _SECOND, 15 * _SECOND, 30 * _SECOND),
        *(minutes * _MINUTE for minutes in (3, 10, 20, 30, 30, 30, 60)),
        *(hours * _HOUR for hours in (3, 3, 3, 6, 6)),
    ),
    ScheduleName.ALIPAY: (
        *(minutes * _MINUTE for minutes in (4, 10, 10)),
        *(hours * _HOUR for hours in (1, 2, 6, 15)),
    ),
}
"""The rests between attempts; the first attempt is made at once."""


def rest(
    schedule: ScheduleName,
    tries: int,
    *,
    jitter: float,
    retry_after: timedelta | None = None,
    patient: bool = False,
) -> timedelta | None:
    """How long to rest after `tries` failed attempts; None when the schedule is at its end.

    `jitter` is from -1 to 1 and moves the rest by up to 20 %. `retry_after` is honoured up
    to a day; a `patient` rest (after 429 or a timeout) lasts at least 60 s.
    """
    rests = SCHEDULES[schedule]
    if tries > len(rests):
        return None
    shortest = max(PATIENCE if patient else timedelta(), retry_after or timedelta())
    jittered = rests[tries - 1] * (1 + JITTER * jitter)
    return max(jittered, min(shortest, LONGEST_RETRY_AFTER))


def our_rest(faults: int, *, jitter: float) -> timedelta:
    """How long to rest after that many faults of ours: a minute, doubled up to an hour."""
    return min(_MINUTE * 2 ** min(faults - 1, 10), _HOUR) * (1 + JITTER * jitter)


def parse_retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """The rest that a Retry-After header asks for, seconds or a date; None if unreadable.

    Source: RFC 9110, section 10.2.3.
    """
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:12]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError):
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return max(until - now, timedelta())
