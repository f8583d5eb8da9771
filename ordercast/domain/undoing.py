"""Undoing: what of a line that comes to nothing is taken back, and in which order."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from ordercast.domain.order import OrderState
from ordercast.domain.rollup import line_state
from ordercast.domain.work_order import Dependencies, WorkOrderState

COME_TO_NOTHING = frozenset({OrderState.FAILED, OrderState.CANCELLED})


def comes_to_nothing(states: Mapping[str, WorkOrderState]) -> bool:
    """Whether the work of a line has ended without completing it, some of it being completed."""
    was_any_done = WorkOrderState.COMPLETED in states.values()
    return was_any_done and line_state(states.values()) in COME_TO_NOTHING


def to_take_back(
    states: Mapping[str, WorkOrderState], depends_on: Dependencies, can_be: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The completed work of a line that is to be taken back, the last done first.

    Each with what must be taken back before it: of all that came after it, the nearest. Empty
    unless the line comes to nothing.
    """
    if not comes_to_nothing(states):
        return {}
    behind: dict[str, list[str]] = defaultdict(list)
    for name, awaited in depends_on.items():
        for other in awaited:
            behind[other].append(name)
    done = [
        name
        for name, state in states.items()
        if state is WorkOrderState.COMPLETED and name in can_be
    ]
    nearest = {name: _nearest(name, behind, set(done)) for name in done}
    return {name: nearest[name] for name in _last_first(done, nearest)}


def to_do_again(
    undone: Collection[str], states: Mapping[str, WorkOrderState], depends_on: Dependencies
) -> set[str]:
    """What is to be done again because it was undone: with it all completed work that stood on it.

    `states` and `depends_on` are those of the work that the line asks for.
    """
    again, grew = set(undone), True
    while grew:
        behind = {
            name
            for name, state in states.items()
            if state is WorkOrderState.COMPLETED and not again.isdisjoint(depends_on.get(name, ()))
        }
        grew = not behind <= again
        again |= behind
    return again


def _nearest(name: str, behind: Mapping[str, Sequence[str]], done: set[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    seen, waiting = {name}, list(behind.get(name, ()))
    while waiting:
        other = waiting.pop()
        if other in seen:
            continue
        seen.add(other)
        if other in done:
            found[other] = None
        else:
            waiting += behind.get(other, ())
    return tuple(sorted(found))


def _last_first(names: Sequence[str], before: Mapping[str, Sequence[str]]) -> list[str]:
    ordered: dict[str, None] = {}
    for name in reversed(names):
        waiting = [name]
        while waiting:
            missing = [other for other in before[waiting[-1]] if other not in ordered]
            if missing:
                waiting += missing
            else:
                ordered[waiting.pop()] = None
    return list(ordered)
