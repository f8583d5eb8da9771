"""Fallout: where orders have come to a stop, and what a person may ask for many of them at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ordercast.domain.order import Stage


class Trouble(StrEnum):
    """How an order came to a stop: work failed, its run failed technically, or it is parked."""

    WORK_ORDER = "work-order"
    RUN = "run"
    PARKED = "parked"


class Action(StrEnum):
    """What is asked of each order that is affected, once the cause is mended."""

    REOPEN = "reopen"
    RETRY = "retry"
    CANCEL = "cancel"


FITTING: Mapping[Trouble, Sequence[Action]] = {
    Trouble.WORK_ORDER: (Action.REOPEN, Action.CANCEL),
    Trouble.RUN: (Action.RETRY, Action.CANCEL),
    Trouble.PARKED: (Action.RETRY, Action.CANCEL),
}
"""The actions that fit a trouble, the usual one first."""


class LeftOut(StrEnum):
    """Why an affected order is not asked."""

    ASKED = "asked-already"
    CANCELLED = "cancelled"
    SEALED = "sealed"
    FOLLOWED = "followed"
    TOO_MANY = "too-many"


@dataclass(frozen=True)
class Cause:
    """What orders have in common that came to a stop; None: whatever it is.

    `what` is a code or the shape of a reason; `who` a system, a team, or the stage that a run
    has reached. Empty: none is given.
    """

    trouble: Trouble
    what: str | None = None
    who: str | None = None
    product: str | None = None
    agent: str | None = None


@dataclass(frozen=True)
class Standing:
    """How an affected order stands: its stage, and what was asked of it already."""

    stage: Stage
    is_latest_version: bool = True
    is_cancelled: bool = False
    is_asked: bool = False


def left_out(action: Action, order: Standing) -> LeftOut | None:
    """Why this is not asked of an order; None if it is."""
    if order.is_asked:
        return LeftOut.ASKED
    if not order.is_latest_version:
        return LeftOut.FOLLOWED
    if action is Action.CANCEL and not order.stage.is_before(Stage.SEALED):
        return LeftOut.SEALED
    if action is not Action.RETRY and order.is_cancelled:
        return LeftOut.CANCELLED
    return None


STEP_AFTER: Mapping[str, str] = {
    Stage.ACCEPTED: "receive",
    Stage.RECEIVED: "decompose",
    Stage.DECOMPOSED: "generate-work-orders",
    Stage.GENERATED: "await-completion",
    Stage.SEALED: "sync-to-platform",
    Stage.SYNCED: "archive-by-tag",
    Stage.ARCHIVED: "broadcast",
}
"""The step that a run which has reached a stage has come to a stop at."""
