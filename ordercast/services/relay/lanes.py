"""Lanes: how a relay's slots are shared out, so that who is slow or silent holds up nobody.

A push that has waited for its answer for a second gives its slot back and goes on beside the
others. A subscriber gets one slot at first, and after each answer twice as many, up to its
budget; who does not answer in time starts again with one, and while all that is on its way
to somebody waits in vain it is given nothing more.
"""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

SLOW_SECONDS = 1.0


@dataclass(frozen=True)
class Room:
    """What may be leased at a moment: so many pushes, and of whom no more than a share."""

    free: int
    taken: Mapping[str, int]
    trust: Mapping[str, int]
    silent: Set[str]

    def share(self, subscriber_id: str, budget: int) -> int:
        """How many more pushes a subscriber may be given, of a budget for all at once."""
        if subscriber_id in self.silent:
            return 0
        allowed = min(budget, self.trust.get(subscriber_id, 1))
        return allowed - self.taken.get(subscriber_id, 0)


class Lanes:
    """The pushes on their way: at most `most`, slow ones included. Not for several threads."""

    def __init__(self, slots: int, *, most: int) -> None:
        self._slots, self._most = slots, most
        self._begun: dict[UUID, tuple[str, float]] = {}
        self._heard_at: dict[str, float] = {}
        self._trust: dict[str, int] = {}

    def begin(self, delivery_id: UUID, subscriber_id: str) -> None:
        """A push goes out."""
        self._begun[delivery_id] = subscriber_id, monotonic()

    def end(self, delivery_id: UUID, *, heard: bool) -> None:
        """A push has come back, with an answer or without one."""
        subscriber_id, _ = self._begun.pop(delivery_id)
        if heard:
            self._heard_at[subscriber_id] = monotonic()
            self._trust[subscriber_id] = min(2 * self._trust.get(subscriber_id, 1), self._slots)
        else:
            self._trust[subscriber_id] = 1

    def room(self) -> Room:
        """What may be leased now."""
        at = monotonic()
        slow = {key for key, (_, begun) in self._begun.items() if at - begun > SLOW_SECONDS}
        quick = len(self._begun) - len(slow)
        free = min(self._slots - quick, self._most - len(self._begun))
        taken = Counter(subscriber_id for subscriber_id, _ in self._begun.values())
        return Room(free, taken, dict(self._trust), self._silent(slow))

    def _silent(self, slow: Set[UUID]) -> Set[str]:
        """Those to whom something is on its way since a second, and who said nothing since."""
        waiting = (self._begun[key] for key in slow)
        return {each for each, begun in waiting if self._heard_at.get(each, 0) < begun}
