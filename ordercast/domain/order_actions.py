"""What a person can ask of an order as it stands, and why the rest is not possible now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ordercast.domain.order import Stage


class Action(StrEnum):
    """What can be asked of an order."""

    RETRY = "retry"
    REOPEN = "reopen"
    CANCEL = "cancel"
    REPLAY = "replay"


class WhyNot(StrEnum):
    """Why an action is not possible now."""

    ASKED = "asked"
    NOTHING_WAITS = "nothing-waits"
    NOTHING_FAILED = "nothing-failed"
    SEALED = "sealed"
    CANCELLED = "cancelled"
    NOTHING_TOLD = "nothing-told"


@dataclass(frozen=True)
class Standing:
    """How an order stands, as far as it decides what can be asked.

    `waiting_for` is what its run waits for, `asked` the kinds of commands not carried out yet.
    """

    stage: Stage
    waiting_for: str | None = None
    is_cancelling: bool = False
    failed_work_orders: int = 0
    events: int = 0
    asked: Collection[str] = ()


STUCK = ("parked", "operator")
"""What a retry helps: a run that rests after a fault, or that waits for a person."""


def possibilities(standing: Standing) -> Mapping[Action, WhyNot | None]:
    """For each action why it is not possible; None if it is."""
    return {
        each: WhyNot.ASKED if each in standing.asked else _why_not(each, standing)
        for each in Action
    }


def _why_not(action: Action, standing: Standing) -> WhyNot | None:
    match action:
        case Action.RETRY:
            return None if standing.waiting_for in STUCK else WhyNot.NOTHING_WAITS
        case Action.REOPEN:
            return None if standing.failed_work_orders else WhyNot.NOTHING_FAILED
        case Action.CANCEL if not standing.stage.is_before(Stage.SEALED):
            return WhyNot.SEALED
        case Action.CANCEL:
            return WhyNot.CANCELLED if standing.is_cancelling else None
        case Action.REPLAY:
            return None if standing.events else WhyNot.NOTHING_TOLD
