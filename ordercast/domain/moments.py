"""Moments as people write them: a date, a time, or how long ago."""

import re
from datetime import UTC, datetime, timedelta

AGO = re.compile(r"(\d{1,5})(m|h|d|w)")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
CURE = "write 2026-11-22, 2026-11-22T08:00, or how long ago: 30m, 24h, 7d, 2w"


def parse_moment(text: str, *, at: datetime) -> datetime:
    """A time by ISO 8601, UTC unless it says otherwise, or as how long before `at`: 30m, 24h, 7d.

    ValueError, with the cure, for anything else.
    """
    ago = AGO.fullmatch(text.strip())
    if ago:
        return at - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        time = datetime.fromisoformat(text.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time; {CURE}") from None
