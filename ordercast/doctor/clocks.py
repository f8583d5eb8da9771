"""The clocks of the others against this machine's: leases and beats compare them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from ordercast.doctor.findings import Finding
from ordercast.store.clock import now

MOST_SECONDS = 3
HTTP_GRAIN = timedelta(seconds=1)
"""A Date header leaves the parts of a second out. Source: RFC 9110, 5.6.7."""


@dataclass(frozen=True)
class Reading:
    """A clock that was read between two moments of ours; it stood from `earliest` to `latest`."""

    earliest: datetime
    latest: datetime
    asked: datetime
    answered: datetime

    @property
    def ahead_seconds(self) -> float:
        """How far that clock is ahead of ours for certain; negative if it is behind."""
        if self.earliest > self.answered:
            return (self.earliest - self.answered).total_seconds()
        if self.latest < self.asked:
            return (self.latest - self.asked).total_seconds()
        return 0


def of_response(response: httpx.Response) -> Reading | None:
    """The clock of a server that has just answered; None if it told no time."""
    answered = now()
    asked = answered - response.elapsed
    try:
        told = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return None
    return Reading(told, told + HTTP_GRAIN, asked, answered) if told.tzinfo else None


def compared(part: str, reading: Reading | None) -> Iterator[Finding]:
    """A finding if a clock is further from ours than leases and beats can bear."""
    ahead = reading.ahead_seconds if reading else 0
    if abs(ahead) > MOST_SECONDS:
        side = "ahead of" if ahead > 0 else "behind"
        found = f"its clock is {abs(ahead):.0f} s {side} this machine's"
        yield Finding(part, found, "set both by NTP: leases and beats compare clocks")
