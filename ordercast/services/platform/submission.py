"""A PUT as it came, checked: the outcome, its key, and the text that is kept of it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from ordercast.contracts.outcome import Outcome
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.services.platform.tables import as_utc

LARGEST_VERSION = 2**31 - 1
CURES = {"missing": "give it", "extra_forbidden": "leave it out"}


@dataclass(frozen=True)
class Submission:
    """An outcome that somebody asks to keep, under an idempotency key."""

    key: str
    outcome: Outcome

    @cached_property
    def document(self) -> str:
        """The outcome as JSON; the order of the sender's fields does not matter."""
        return self.outcome.document

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.document.encode()).hexdigest()

    @cached_property
    def summary(self) -> dict[str, Any]:
        return self.outcome.model_dump(mode="json", exclude={"lines"})


def read_submission(order_no: str, *, key: str, body: bytes) -> Submission:
    """The submission of a PUT to `/orders/{order_no}`; InvalidMessage names every field."""
    try:
        outcome = Outcome.model_validate_json(body)
    except ValidationError as error:
        raise InvalidMessage(problems_of(error.errors(include_url=False))) from None
    if problems := list(_contradictions(order_no, outcome)):
        raise InvalidMessage(problems)
    return Submission(key=key, outcome=outcome)


def _contradictions(order_no: str, outcome: Outcome) -> list[Problem]:
    problems = []
    if outcome.order_no != order_no:
        said = f"is {outcome.order_no!r}, but the path says {order_no!r}"
        problems.append(Problem("order_no", said, "send it to its own path"))
    if outcome.version > LARGEST_VERSION:
        problems.append(Problem("version", f"is over {LARGEST_VERSION}", "count from 1"))
    if not outcome.primary_tag:
        problems.append(Problem("primary_tag", "is empty", "it names the class of the order"))
    problems += [
        problem for name in ("ordered_at", "sealed_at") for problem in _time(outcome, name)
    ]
    return problems


def _time(outcome: Outcome, name: str) -> list[Problem]:
    try:
        as_utc(getattr(outcome, name))
    except ValueError as error:
        return [Problem(name, str(error), "mend it")]
    return []


def problems_of(errors: Any) -> list[Problem]:
    """What pydantic found, by field; the values sent are not repeated."""
    return [
        Problem(
            field=".".join(str(part) for part in error["loc"]) or "body",
            problem=error["msg"][:1].lower() + error["msg"][1:],
            cure=CURES.get(error["type"], "mend it"),
        )
        for error in errors
    ]
