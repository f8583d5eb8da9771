"""What a message becomes before it is an order: parts with what was found, and what is wrong."""

from dataclasses import dataclass, field
from typing import Any

from ordercast.domain.errors import Problem
from ordercast.intake.dialects.values import Scope, ValueFault


@dataclass
class Part:
    """An order, a line or a command, as found at one place of a message.

    `values` has its attributes, `named` its characteristics or parameters, `secret` the
    names of those that readers may not see, `parts` the lines or commands in it.
    """

    scope: Scope
    values: dict[str, Any] = field(default_factory=dict)
    named: dict[str, Any] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)
    parties: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    parts: list["Part"] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with it, or with what is in it."""
        return not self.problems and all(part.is_good for part in self.parts)

    def wrong(self, path: str, problem: str, cure: str) -> None:
        """Note what is wrong, once, at a path as the partner would say it."""
        where, line = self.scope.document.place(self.scope.node, path)
        found = Problem(where, problem, cure, line)
        if found not in self.problems:
            self.problems.append(found)

    def catch(self, fault: ValueFault) -> None:
        self.wrong(fault.path, fault.problem, fault.cure)

    def all_problems(self) -> list[Problem]:
        """What is wrong with it and with what is in it."""
        return [*self.problems, *(each for part in self.parts for each in part.all_problems())]
