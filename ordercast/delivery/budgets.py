"""Budgets: how many pushes a subscriber may be given at once, and how many a second."""

from datetime import datetime, timedelta
from math import floor

SHARE_OF_ONE = 4
BURST_SECONDS = 1
LOOK_SECONDS = 0.5
"""A push may go out so much early: who looks twice a second must not lose what lies between."""


def default_concurrency(relay_concurrency: int) -> int:
    """What a subscriber without a budget of its own gets of a relay: a quarter, at least one."""
    return max(1, relay_concurrency // SHARE_OF_ONE)


def allowed_by_rate(
    rate_per_second: float | None, paced_until: datetime | None, *, now: datetime, wanted: int
) -> int:
    """How many of the `wanted` pushes may go out now.

    After a rest as many as the rate allows in a second go at once, at least one; after that
    each takes its time. Source: the generic cell rate algorithm of ATM.
    """
    if not rate_per_second:
        return wanted
    used = max((paced_until - now) / timedelta(seconds=1), 0.0) if paced_until else 0.0
    burst = max(BURST_SECONDS, 1 / rate_per_second + LOOK_SECONDS)
    return min(wanted, max(0, floor((burst - used) * rate_per_second + 1e-9)))


def paced_after(
    rate_per_second: float, paced_until: datetime | None, *, now: datetime, sent: int
) -> datetime:
    """How far the rate is used up once so many pushes were sent."""
    start = max(paced_until, now) if paced_until else now
    return start + timedelta(seconds=sent / rate_per_second)
