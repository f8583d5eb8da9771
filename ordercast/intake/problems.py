"""What is wrong with a message, by field, with the cure; values are never quoted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ordercast.domain.errors import InvalidMessage, Problem

Model = TypeVar("Model", bound=BaseModel)

CURES = {
    "missing": "add it",
    "extra_forbidden": "leave it out",
    "string_type": "send a text",
    "list_type": "send an array",
    "model_type": "send an object",
    "model_attributes_type": "send an object",
    "dict_type": "send an object",
    "too_short": "give at least one",
    "enum": "use one of them",
    "string_too_long": "shorten it",
    "string_too_short": "fill it in",
    "datetime_from_date_parsing": "use ISO 8601, for instance 2026-11-22T09:00:00Z",
    "datetime_parsing": "use ISO 8601, for instance 2026-11-22T09:00:00Z",
}


def validate(
    model: type[Model], document: Any, *, forbidden: Sequence[str] = (), line: int | None = None
) -> Model:
    """The document as the model; InvalidMessage with all problems in one go."""
    problems = [
        Problem(name, "is set by Ordercast", "leave it out", line)
        for name in forbidden
        if isinstance(document, Mapping) and name in document
    ]
    try:
        valid = model.model_validate(document)
    except ValidationError as error:
        raise InvalidMessage(problems + problems_of(error, line)) from None
    if problems:
        raise InvalidMessage(problems)
    return valid


def problems_of(error: ValidationError, line: int | None = None) -> list[Problem]:
    """The faults that pydantic found, as problems."""
    return problems_of_faults(error.errors(include_input=False, include_url=False), line)


def problems_of_faults(
    faults: Iterable[Mapping[str, Any]], line: int | None = None
) -> list[Problem]:
    """Faults in pydantic's form, as problems."""
    return [_problem(fault, line) for fault in faults]


def _problem(fault: Mapping[str, Any], line: int | None) -> Problem:
    message = str(fault["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    cure = CURES.get(fault["type"], "mend it and send the message again")
    return Problem(path(fault["loc"]), message, cure, line)


def path(location: Sequence[str | int]) -> str:
    """The place in a document as people write it: `serviceOrderItem[0].action`."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return written.removeprefix(".") or "body"
