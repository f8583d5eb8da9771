"""Commands: the pieces of work that a message itself asks for on a line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

FROM_MESSAGE = "from-message"
"""The work order of the catalogue that stands for all the commands of a line."""

MOST_COMMANDS = 1000
"""How many commands a line may carry."""


@dataclass(frozen=True)
class Command:
    """One command: what it is, who does it where that is said, and what comes before it.

    `ref` is what other commands call it by; `after` holds such refs, or names.
    """

    name: str | None
    ref: str | None = None
    team: str | None = None
    system: str | None = None
    after: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CommandFault:
    """What is wrong with a command (or with all of them), by its place from 0."""

    place: int | None
    attribute: str
    problem: str
    cure: str


def faults_of(commands: Sequence[Command]) -> Iterator[CommandFault]:
    """Why commands cannot become work orders."""
    if not commands:
        yield CommandFault(None, "", "names no work order", "give at least one")
    if len(commands) > MOST_COMMANDS:
        yield CommandFault(None, "", f"is more than {MOST_COMMANDS}", "use several lines")
        return
    for place, command in enumerate(commands):
        if not command.name:
            yield CommandFault(place, "name", "is missing", "name what is to be done")
    known = places_by_reference(commands)
    for place, command in enumerate(commands):
        if any(other not in known for other in command.after):
            problem = "waits for one that the line does not have"
            yield CommandFault(place, "after", problem, "name another one by its id or name")
    circle = _first_in_circle(commands)
    if circle is not None:
        yield CommandFault(circle, "after", "waits for itself in the end", "break the circle")


def places_by_reference(commands: Sequence[Command]) -> dict[str, list[int]]:
    """The places of the commands that a ref, or else a name, means."""
    by_name: dict[str, list[int]] = {}
    for place, command in enumerate(commands):
        if command.name:
            by_name.setdefault(command.name, []).append(place)
    return by_name | {each.ref: [place] for place, each in enumerate(commands) if each.ref}


def awaited_places(commands: Sequence[Command]) -> list[list[int]]:
    """For each command the places of those that come before it; unknown ones left out."""
    known = places_by_reference(commands)
    return [
        list(dict.fromkeys(place for other in each.after for place in known.get(other, ())))
        for each in commands
    ]


def _first_in_circle(commands: Sequence[Command]) -> int | None:
    try:
        TopologicalSorter(dict(enumerate(awaited_places(commands)))).prepare()
    except CycleError as error:
        return min(error.args[1])
    return None


def distinct_names(commands: Sequence[Command], taken: Sequence[str] = ()) -> list[str]:
    """A name of its own for each command: a second `SET-SERVICE` becomes `SET-SERVICE-2`."""
    used = {*taken, *(each.name for each in commands if each.name)}
    given, names = set(taken), []
    for command in commands:
        name, number = command.name or "", 1
        if name in given:
            while name in used:
                number += 1
                name = f"{command.name}-{number}"
        used.add(name)
        given.add(name)
        names.append(name)
    return names
