"""What can go wrong, said in the words of the field.

OrdercastError
├── Refused                 the sender must mend something
│   ├── InvalidMessage      fields that are missing or wrong, each with its cure
│   ├── TooLarge            a body over the documented limit
│   ├── Forbidden           a link that was changed or has expired, what is another agent's
│   ├── TooSoon             the same again, before its time
│   ├── NotFound            no such order, work order, subscriber …
│   └── Conflict            the state of things does not allow it
├── TransientFault          will pass by itself: the order is parked and tried again
├── PermanentFault          will not pass by itself: the run fails and waits for a person
│   └── CredentialsRefused  the key or its rights: read anew, for it may have been changed
├── StepFailed              a step of an order's life, in words for the person it waits for
├── PushNotMade             a push dialect does not fit an event: our fault, not the receiver's
├── LeaseLost               another segment works on this order: stop without effect
└── ConfigurationError      a file or setting is wrong: file, line and cure
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ordercast.domain.said import Said


def _said(text: str) -> Said:
    return text if isinstance(text, Said) else Said(text)


class OrdercastError(Exception):
    """Any fault that Ordercast raises on purpose."""


class Refused(OrdercastError):
    """A request that cannot be carried out as it was sent."""

    @property
    def said(self) -> Sequence[Said]:
        """Why, one text for each thing that is wrong."""
        return [_said(self.args[0])]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a message: the field, what is wrong, and the cure.

    `line` is the line of the file, or the position in an array, from 1.
    """

    field: str
    problem: str
    cure: str
    line: int | None = None

    def __str__(self) -> str:
        return str(self.said)

    @property
    def said(self) -> Said:
        """All of it as one text."""
        told = {"field": self.field, "problem": _said(self.problem), "cure": _said(self.cure)}
        if self.line is None:
            return Said("{field}: {problem}; {cure}", **told)
        return Said("line {line}: {field}: {problem}; {cure}", line=self.line, **told)

    def as_dict(self) -> dict[str, Any]:
        row: dict[str, Any] = {"field": self.field, "problem": self.problem, "cure": self.cure}
        return row if self.line is None else {"line": self.line, **row}


class InvalidMessage(Refused):
    """A message with one or more problems; all are told in one go."""

    def __init__(self, problems: Sequence[Problem], message_id: str | None = None) -> None:
        self.problems = tuple(problems)
        self.message_id = message_id
        super().__init__("; ".join(str(problem) for problem in self.problems))

    @property
    def said(self) -> Sequence[Said]:
        return [problem.said for problem in self.problems]


class TooLarge(Refused):
    """A body over the limit that the settings allow, in bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(Said("the body is over {n} bytes; send it in parts", n=limit_bytes))


class Forbidden(Refused):
    """What the request shows gives no right to what it asks for."""


class TooSoon(Refused):
    """Asked for again before its time; how many seconds are left."""

    def __init__(self, message: str, *, retry_after_seconds: int, **given: Any) -> None:
        self.retry_after_seconds = retry_after_seconds
        told = {"message": Said(message, **given), "seconds": retry_after_seconds}
        super().__init__(Said("{message}; try again in {seconds} s", **told))


class NotFound(Refused):
    """Nothing of that kind has that id."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind, self.key = kind, key
        super().__init__(Said("there is no {kind} {key!r}", kind=Said(kind), key=key))


class Conflict(Refused):
    """What stands does not allow the request; `fields` names what differs, where known.

    `message_id` is the kept message's, where one was kept.
    """

    def __init__(self, message: str, fields: Sequence[str] = (), **given: Any) -> None:
        self.fields = tuple(fields)
        self.message_id: str | None = None
        super().__init__(Said(message, **given))


class TransientFault(OrdercastError):
    """A fault of somebody else's that passes: refused connections, timeouts, 5xx."""


class PermanentFault(OrdercastError):
    """A refusal that stands until a person acts; the text says what was answered."""


class CredentialsRefused(PermanentFault):
    """The key, its secret or its rights were refused; whoever holds a copy reads it anew once."""


class StepFailed(OrdercastError):
    """A step that waits for a person: what to do, where it failed, and why."""

    def __init__(self, step: str, *, cure: str, reason: str) -> None:
        self.step, self.cure, self.reason = step, cure, reason
        super().__init__(f"{cure}; then press Retry. {step} failed: {reason}")


class PushNotMade(OrdercastError):
    """A push that cannot be made of an event, by the fault of a dialect, a template or a key."""


class PushTooLong(PushNotMade):
    """A push dialect makes more of an event than a push may hold."""


class LeaseLost(OrdercastError):
    """The segment's token is no longer the order's: another segment has taken over."""


class ConfigurationError(OrdercastError):
    """A configuration file that cannot be used: where, what is wrong, and the cure.

    `also` holds the further faults of the same file; the text tells all, one a line.
    """

    def __init__(
        self, where: str, problem: str, cure: str, also: Sequence["ConfigurationError"] = ()
    ) -> None:
        self.where, self.problem, self.cure = where, problem, cure
        self.also = tuple(also)
        super().__init__("\n".join([f"{where}: {problem}; {cure}", *map(str, self.also)]))


def in_words(fault: BaseException) -> str:
    """Why something failed: our own words, else the kind of the fault and its first line.

    A database's error quotes the values of the statement: only its cause is told.
    """
    if isinstance(fault, OrdercastError):
        return str(fault)
    lines = str(getattr(fault, "orig", None) or fault).strip().splitlines()
    return f"{type(fault).__name__}: {lines[0]}" if lines else type(fault).__name__
