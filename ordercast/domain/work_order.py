"""A work order: its states, and what a result means for the others of its line."""

from collections.abc import Collection, Mapping
from enum import StrEnum


class WorkOrderState(StrEnum):
    """The state of a work order. Source: TMF697 v4; blocked is pending, ready acknowledged."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "inProgress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in OPEN_STATES


OPEN_STATES = frozenset(
    {WorkOrderState.PENDING, WorkOrderState.ACKNOWLEDGED, WorkOrderState.IN_PROGRESS}
)

_PENDING, _READY, _STARTED = (
    WorkOrderState.PENDING,
    WorkOrderState.ACKNOWLEDGED,
    WorkOrderState.IN_PROGRESS,
)
_COMPLETED, _FAILED, _CANCELLED = (
    WorkOrderState.COMPLETED,
    WorkOrderState.FAILED,
    WorkOrderState.CANCELLED,
)

MOVES: Mapping[WorkOrderState, frozenset[WorkOrderState]] = {
    _PENDING: frozenset({_READY, _COMPLETED, _FAILED, _CANCELLED}),
    _READY: frozenset({_STARTED, _COMPLETED, _FAILED, _CANCELLED}),
    _STARTED: frozenset({_READY, _COMPLETED, _FAILED, _CANCELLED}),
    _COMPLETED: frozenset({_FAILED, _PENDING}),
    _FAILED: frozenset({_COMPLETED, _PENDING}),
    _CANCELLED: frozenset({_PENDING}),
}
"""Every move that there is: a result ends what is open, a correction turns a result
around, reopening leads back to pending, from where the dependencies decide; of completed work
only that which was undone, and what stood on it."""

States = dict[str, WorkOrderState]
Dependencies = Mapping[str, Collection[str]]


class Result(StrEnum):
    """What a completion report says of a work order."""

    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def state(self) -> WorkOrderState:
        return WorkOrderState(self.value)


def settle(states: Mapping[str, WorkOrderState], depends_on: Dependencies) -> States:
    """The states of a line's work orders after the dependencies have had their say.

    `states` maps each work order of one line to its state, `depends_on` to those it waits
    for. A blocked one becomes ready when all that it waits for are completed; an open one is
    cancelled when any of them failed or was cancelled. What has ended stays as it is.
    """
    settled = dict(states)
    moved = True
    while moved:
        moved = False
        for name, state in settled.items():
            after = _after(state, [settled[other] for other in depends_on.get(name, ())])
            if after is not state:
                settled[name], moved = after, True
    return settled


def _after(state: WorkOrderState, awaited: Collection[WorkOrderState]) -> WorkOrderState:
    if state.is_open and any(other in (_FAILED, _CANCELLED) for other in awaited):
        return _CANCELLED
    if state is _PENDING and all(other is _COMPLETED for other in awaited):
        return _READY
    return state


def reopen(
    states: Mapping[str, WorkOrderState], depends_on: Dependencies, names: Collection[str]
) -> States:
    """The states of a line after `names` are to be done again.

    What was cancelled because one of them failed waits again too; what is still barred by
    another failure is cancelled again. Other completed work stays so.
    """
    reopened = dict(states)
    pending = set(names)
    while pending:
        name = pending.pop()
        reopened[name] = _PENDING
        pending |= {
            other
            for other, awaited in depends_on.items()
            if name in awaited and reopened[other] is _CANCELLED
        }
    return settle(reopened, depends_on)
