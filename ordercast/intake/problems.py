"""What is wrong with a message, by field, with the cure; values are never quoted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.said import Said

Model = TypeVar("Model", bound=BaseModel)

MEND = "mend it and send the message again"
A_TIME = "use ISO 8601, for instance 2026-11-22T09:00:00Z"

FAULTS: Mapping[str, tuple[str, str]] = {
    "missing": ("field required", "add it"),
    "extra_forbidden": ("extra inputs are not permitted", "leave it out"),
    "string_type": ("input should be a valid string", "send a text"),
    "list_type": ("input should be a valid list", "send an array"),
    "dict_type": ("input should be an object", "send an object"),
    "model_type": ("input should be an object", "send an object"),
    "model_attributes_type": ("input should be an object", "send an object"),
    "enum": ("input should be {expected}", "use one of them"),
    "literal_error": ("input should be {expected}", "use one of them"),
    "too_short": ("has too few entries", "give at least one"),
    "too_long": ("has more than {max_length} entries", "shorten it"),
    "string_too_short": ("is empty or too short", "fill it in"),
    "string_too_long": ("is longer than {max_length} characters", "shorten it"),
    "greater_than": ("input should be greater than {gt}", MEND),
    "greater_than_equal": ("input should be greater than or equal to {ge}", MEND),
    "less_than_equal": ("input should be less than or equal to {le}", MEND),
    "int_type": ("input should be a whole number", MEND),
    "int_from_float": ("input should be a whole number", MEND),
    "int_parsing": ("input should be a whole number", MEND),
    "float_type": ("input should be a number", MEND),
    "float_parsing": ("input should be a number", MEND),
    "finite_number": ("input should be a number", MEND),
    "datetime_parsing": ("input should be a time", A_TIME),
    "datetime_from_date_parsing": ("input should be a time", A_TIME),
}
"""What is said of pydantic's kinds of faults, and the cure; of others, pydantic's own words."""


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
    where, context = path(fault["loc"]), fault.get("ctx", {})
    if known := FAULTS.get(fault["type"]):
        pattern, cure = known
        return Problem(where, Said(pattern, **context), cure, line)
    message = str(fault["msg"]).removeprefix("Value error, ")
    return Problem(where, message[:1].lower() + message[1:], MEND, line)


def path(location: Sequence[str | int]) -> str:
    """The place in a document as people write it: `serviceOrderItem[0].action`."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return written.removeprefix(".") or "body"
