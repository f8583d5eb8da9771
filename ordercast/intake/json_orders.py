"""Orders as TMF641 JSON: one object, an array of them, or one a line (NDJSON)."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from ordercast.contracts.service_order import SET_BY_US, ServiceOrderCreate
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.intake.drafts import Draft, Parsed
from ordercast.intake.problems import validate

JSON = "application/json"
NDJSON = "application/x-ndjson"

_SPACE = re.compile(r"[ \t\r\n]*")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_SEPARATOR = re.compile(r"[ \t\r\n,]*")


def parse_json(body: bytes) -> Parsed:
    """The order, or the array of orders, that the body holds."""
    try:
        text = decode(body)
        document = load_json(text)
    except InvalidMessage as refused:
        return Parsed(problems=refused.problems)
    if not isinstance(document, list):
        return _parsed([(None, text)])
    if not document:
        return Parsed(problems=[Problem("body", "is an empty array", "send at least one order")])
    return _parsed(enumerate(_elements(text), start=1))


def parse_ndjson(body: bytes) -> Parsed:
    """The orders of a file that has one a line; empty lines are skipped."""
    try:
        text = decode(body)
    except InvalidMessage as refused:
        return Parsed(problems=refused.problems)
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        return Parsed(problems=[Problem("body", "is empty", "send at least one order")])
    return _parsed(lines)


def _parsed(parts: Any) -> Parsed:
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for line, text in parts:
        try:
            drafts.append(_draft(text, line))
        except InvalidMessage as refused:
            problems.extend(refused.problems)
    return Parsed(drafts, problems)


def _draft(text: str, line: int | None) -> Draft:
    document = load_json(text, line)
    order = validate(ServiceOrderCreate, document, forbidden=SET_BY_US, line=line)
    return Draft(text.encode(), JSON, document, order, line)


def decode(body: bytes) -> str:
    """The body as text; InvalidMessage if it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fault = Problem("body", f"is not UTF-8 at byte {error.start}", "save it as UTF-8")
        raise InvalidMessage([fault]) from None


def load_json(text: str, line: int | None = None) -> Any:
    """The JSON value of a text; InvalidMessage names the place of what is wrong."""

    def refuse(problem: str, cure: str) -> NoReturn:
        raise InvalidMessage([Problem("body", problem, cure, line)]) from None

    try:
        value = json.loads(text, parse_constant=_no_constant)
        spelled = json.dumps(value, ensure_ascii=False)
        spelled.encode()
    except json.JSONDecodeError as error:
        refuse(f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})", "mend it")
    except UnicodeEncodeError:
        refuse("holds half of a character (a lone surrogate)", "send whole characters")
    except RecursionError:
        refuse("is nested too deeply", "flatten it")
    except ValueError as error:
        refuse(f"holds a number that cannot be read ({error})", "send a finite, shorter one")
    if _NUL.search(spelled):
        refuse("holds a NUL character", "leave it out")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _elements(text: str) -> Iterator[str]:
    """The exact text of each element of a JSON array that is known to be valid."""
    decoder = json.JSONDecoder()
    place = _SPACE.match(text).end() + 1  # pyright: ignore[reportOptionalMemberAccess]
    while True:
        place = _SEPARATOR.match(text, place).end()  # pyright: ignore[reportOptionalMemberAccess]
        if text[place] == "]":
            return
        end = decoder.raw_decode(text, place)[1]
        yield text[place:end]
        place = end
