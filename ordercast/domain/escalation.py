"""Escalation: what is done about work that is not reported by its due time, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Step(StrEnum):
    """What is done about overdue work, ever more."""

    REMIND = "remind"
    ALERT = "alert"
    FAIL = "fail"


@dataclass(frozen=True)
class Escalation:
    """How long after the due time each step is taken; one that is None never is.

    `remind` tells those who subscribe to it, `alert` the operators, `fail` reports it failed.
    """

    remind: timedelta | None = timedelta()
    alert: timedelta | None = timedelta(hours=4)
    fail: timedelta | None = None

    def after(self, step: Step) -> timedelta | None:
        return {Step.REMIND: self.remind, Step.ALERT: self.alert, Step.FAIL: self.fail}[step]

    def next_step(
        self, due_at: datetime, taken: Mapping[Step, datetime]
    ) -> tuple[Step, datetime] | None:
        """The first step that was not taken, and when it is to be; None if there is none left.

        The time between two steps is kept, however late the first one was taken: whoever was
        reminded has the time that the policy gives. Steps of the same time are taken in turn.
        """
        past: tuple[timedelta, datetime] | None = None
        for after, step in self._in_turn():
            if step in taken:
                past = (after, taken[step])
                continue
            planned = due_at + after
            return step, max(planned, past[1] + (after - past[0])) if past else planned
        return None

    def _in_turn(self) -> list[tuple[timedelta, Step]]:
        given = [(after, step) for step in Step if (after := self.after(step)) is not None]
        return sorted(given, key=lambda each: each[0])


DEFAULT = Escalation()
"""What holds where the catalogue says nothing."""
