"""The breaker of a subscriber: pure rules over what its stored attempts came to.

It opens when most of the recent attempts failed, and nothing is sent for half a minute; then
one push goes out to see, and after each success twice as many, until the budget is full. Only
what the receiver is to blame for counts. After the circuit breaker of Convoy.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ordercast.delivery.verdicts import Verdict

WINDOW = timedelta(minutes=5)
FEWEST_ATTEMPTS = 10
MOST_ATTEMPTS = 100
"""Of the window the last attempts decide: so that a look at it costs the same for everybody."""

OPENING_SHARE = 0.7
OPEN_TIME = timedelta(seconds=30)

IGNORED = frozenset({Verdict.OUR_FAULT})
FAILING = frozenset({Verdict.RETRY, Verdict.BLOCKED, Verdict.GONE})
"""Verdicts against the receiver. One that rejects a push is alive and well."""


@dataclass(frozen=True)
class Tally:
    """How many attempts were answered and how many failed."""

    answered: int = 0
    failed: int = 0

    @property
    def is_damning(self) -> bool:
        """Whether enough were made, and most of them failed."""
        attempts = self.answered + self.failed
        return attempts >= FEWEST_ATTEMPTS and self.failed >= OPENING_SHARE * attempts


@dataclass(frozen=True)
class Breaker:
    """Closed without `open_until`; else open until then, and afterwards on trial.

    `recovery` counts the attempts on trial that were answered, less those that failed.
    """

    open_until: datetime | None = None
    recovery: int = 0

    @property
    def is_closed(self) -> bool:
        return self.open_until is None

    def slots(self, budget: int, *, now: datetime) -> int:
        """How many pushes may be on their way at once: 0 while open, then 1, 2, 4 … budget."""
        if self.open_until is None:
            return budget
        return 0 if now < self.open_until else min(budget, _ramp(self.recovery))

    def after(self, new: Tally, recent: Tally, budget: int, *, now: datetime) -> "Breaker":
        """The breaker once the `new` attempts, which are among the `recent`, have come in."""
        if self.open_until is None:
            return Breaker(now + OPEN_TIME) if new.failed and recent.is_damning else self
        if now < self.open_until:
            return self  # these were on their way when it opened
        recovery = self.recovery + new.answered - new.failed
        if recovery < 0:
            return Breaker(now + OPEN_TIME)
        is_full = recovery > 0 and _ramp(recovery) >= budget
        return Breaker() if is_full else Breaker(self.open_until, recovery)


def _ramp(recovery: int) -> int:
    """The greatest power of two that the recovery has earned."""
    return 1 << ((recovery + 1).bit_length() - 1)


def tally(verdicts: Iterable[Verdict]) -> Tally:
    """The verdicts of attempts, counted."""
    counted = [verdict in FAILING for verdict in verdicts if verdict not in IGNORED]
    return Tally(answered=counted.count(False), failed=counted.count(True))


def failing_since(
    before: datetime | None, attempts: Iterable[tuple[datetime, Verdict]]
) -> datetime | None:
    """The first failure since the receiver answered last; attempts by the time of their end."""
    since = before
    for ended_at, verdict in attempts:
        if verdict in FAILING:
            since = since or ended_at
        elif verdict not in IGNORED:
            since = None
    return since
