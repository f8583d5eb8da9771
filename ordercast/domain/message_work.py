"""Work orders: what kinds there are of them, and how the commands of a message become some."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from heapq import heapify, heappop, heappush
from typing import Any

from ordercast.domain.commands import FROM_MESSAGE, Command, awaited_places, distinct_names
from ordercast.domain.escalation import DEFAULT, Escalation


@dataclass(frozen=True)
class WorkOrderType:
    """One piece of work on a line, done by a team's people or by a system.

    `undo` is the name of the work that takes it back.
    """

    name: str
    service_time: timedelta
    team: str | None = None
    system: str | None = None
    after: tuple[str, ...] = ()
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    undo: str | None = None
    escalation: Escalation = DEFAULT


def in_working_order(kinds: Mapping[str, WorkOrderType]) -> dict[str, WorkOrderType]:
    """Each after all that it waits for, otherwise as given; needs to be free of circles."""
    places = {name: place for place, name in enumerate(kinds)}
    names, behind = list(kinds), defaultdict(list)
    for name, kind in kinds.items():
        for other in kind.after:
            behind[other].append(name)
    missing = {name: len(kind.after) for name, kind in kinds.items()}
    ready = [places[name] for name, count in missing.items() if not count]
    heapify(ready)
    ordered: dict[str, WorkOrderType] = {}
    while ready:
        name = names[heappop(ready)]
        ordered[name] = kinds[name]
        for other in behind[name]:
            missing[other] -= 1
            if not missing[other]:
                heappush(ready, places[other])
    return ordered


@dataclass(frozen=True)
class MessageWork:
    """How the commands of a line become work orders, where its action takes them.

    `kinds` says who does commands of a name (in small letters) and how long it takes; with
    `sequence`, commands that say nothing of what comes before them follow one another.
    """

    sequence: bool = False
    kinds: Mapping[str, WorkOrderType] = field(default_factory=dict)


def with_commands(
    work_orders: Mapping[str, WorkOrderType], commands: Sequence[Command], work: MessageWork
) -> dict[str, WorkOrderType]:
    """The work orders with the commands in the place of `from-message`, each under its own name."""
    default = work_orders[FROM_MESSAGE]
    own = [name for name in work_orders if name != FROM_MESSAGE]
    made = _made_of(commands, distinct_names(commands, own), default, work)
    awaited = {name for kind in made.values() for name in kind.after}
    last = tuple(name for name in made if name not in awaited)
    expanded: dict[str, WorkOrderType] = {}
    for name, kind in work_orders.items():
        if name == FROM_MESSAGE:
            expanded |= made
        elif FROM_MESSAGE in kind.after:
            others = tuple(other for other in kind.after if other != FROM_MESSAGE)
            expanded[name] = replace(kind, after=(*others, *last))
        else:
            expanded[name] = kind
    return in_working_order(expanded)


def _made_of(
    commands: Sequence[Command],
    names: Sequence[str],
    default: WorkOrderType,
    work: MessageWork,
) -> dict[str, WorkOrderType]:
    """The work order of each command; one with nothing before it comes after what all wait for."""
    before = awaited_places(commands)
    if work.sequence and not any(before):
        before = [[place - 1] if place else [] for place in range(len(commands))]
    made: dict[str, WorkOrderType] = {}
    for name, command, places in zip(names, commands, before, strict=True):
        kind = work.kinds.get((command.name or "").casefold(), default)
        is_assigned = bool(command.system or command.team)
        made[name] = WorkOrderType(
            name=name,
            service_time=kind.service_time,
            team=(None if command.system else command.team) if is_assigned else kind.team,
            system=command.system if is_assigned else kind.system,
            after=tuple(names[place] for place in places) or default.after,
            description=kind.description,
            parameters=command.parameters,
            escalation=kind.escalation,
        )
    return made
