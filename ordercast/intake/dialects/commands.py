"""Commands of a line: what each is called by, and which come before which."""

from collections.abc import Sequence
from itertools import pairwise

from config.dialect_shape import WorkOrdersShape
from ordercast.domain.commands import Command
from ordercast.intake.dialects.parts import Part
from ordercast.intake.dialects.values import label


def put_in_order(block: WorkOrdersShape, made: Sequence[Part], *, taken: Sequence[Part]) -> None:
    """Give the commands of a block their ids, and say what each comes after."""
    _give_ids(made, taken)
    if block.after is not None:
        for command in made:
            command.values["after_path"] = label(block.after)
    elif block.sequence:
        for before, command in pairwise(made):
            command.values["after"] = [before.values["id"]]
    elif block.step is not None:
        _by_step(made, label(block.step))


def _give_ids(made: Sequence[Part], taken: Sequence[Part]) -> None:
    """A command without an id of its own has its number in the line, or the next that is free."""
    used = {part.values["id"] for part in taken}
    used |= {part.values["id"] for part in made if "id" in part.values}
    given = {part.values["id"] for part in taken}
    for number, command in enumerate(made, start=len(taken) + 1):
        own = command.values.get("id")
        if own is None:
            while str(number) in used:
                number += 1
            command.values["id"] = str(number)
            used.add(str(number))
        elif own in given:
            command.wrong(".", "has the id of another command", "give each its own")
        given.add(command.values["id"])


def _by_step(made: Sequence[Part], path: str) -> None:
    """Commands of a step come after all those of the step before; those without one are first."""
    steps: dict[float, list[Part]] = {}
    for command in made:
        try:
            number = float(command.values.pop("step", "-inf"))
        except ValueError:
            command.wrong(path, "is not a number", "send digits")
            continue
        steps.setdefault(number, []).append(command)
    before: list[str] = []
    for number in sorted(steps):
        for command in steps[number]:
            if before:
                command.values["after"] = before
        before = [command.values["id"] for command in steps[number]]


def as_commands(parts: Sequence[Part]) -> list[Command]:
    """The commands that the parts of a line are."""
    return [
        Command(
            name=part.values.get("name"),
            ref=part.values.get("id"),
            after=tuple(part.values.get("after", ())),
        )
        for part in parts
    ]
