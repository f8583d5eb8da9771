"""Orders as TMF641 JSON: one object, an array of them, or one a line (NDJSON)."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NoReturn

from ordercast.contracts.nesting import MOST_LEVELS, is_deeper
from ordercast.contracts.service_order import SET_BY_US, ServiceOrderCreate
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.intake.drafts import Draft, Parsed
from ordercast.intake.problems import validate

JSON = "application/json"
NDJSON = "application/x-ndjson"

_SPACE = re.compile(r"[ \t\r\n]*")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_FLATTEN = f"use at most {MOST_LEVELS} levels"
_SEPARATOR = re.compile(r"[ \t\r\n,]*")


def parse_json(body: bytes) -> Parsed:
    """The order, or the array of orders, that the body holds."""
    try:
        text = decode(body)
        document = load_json(text)
        if not isinstance(document, list):
            return Parsed([_draft(body, document)])
    except InvalidMessage as refused:
        return Parsed(problems=refused.problems)
    if not document:
        return Parsed(problems=[Problem("body", "is an empty array", "send at least one order")])
    elements = zip(_elements(text), document, strict=True)
    return _parsed(
        partial(_draft, element.encode(), each, place)
        for place, (element, each) in enumerate(elements, start=1)
    )


def parse_ndjson(body: bytes) -> Parsed:
    """The orders of a file that has one a line; empty lines are skipped."""
    try:
        text = decode(body)
    except InvalidMessage as refused:
        return Parsed(problems=refused.problems)
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        return Parsed(problems=[Problem("body", "is empty", "send at least one order")])
    return _parsed(partial(_draft_of_line, line, n) for n, line in lines)


def _parsed(readers: Iterable[Callable[[], Draft]]) -> Parsed:
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for read in readers:
        try:
            drafts.append(read())
        except InvalidMessage as refused:
            problems.extend(refused.problems)
    return Parsed(drafts, problems)


def _draft_of_line(text: str, line: int) -> Draft:
    return _draft(text.encode(), load_json(text, line), line)


def _draft(raw: bytes, document: Any, line: int | None = None) -> Draft:
    order = validate(ServiceOrderCreate, document, forbidden=SET_BY_US, line=line)
    return Draft(raw, JSON, document, order, line)


def decode(body: bytes) -> str:
    """The body as text; InvalidMessage if it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fault = Problem("body", f"is not UTF-8 at byte {error.start}", "save it as UTF-8")
        raise InvalidMessage([fault]) from None


def load_json(text: str, line: int | None = None) -> Any:
    """The JSON value of a text; InvalidMessage names the place of what is wrong."""

    def refuse(problem: str, cure: str, field: str = "body") -> NoReturn:
        raise InvalidMessage([Problem(field, problem, cure, line)]) from None

    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
        spelled = json.dumps(value, ensure_ascii=False, allow_nan=False)
        spelled.encode()
    except json.JSONDecodeError as error:
        refuse(f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})", "mend it")
    except UnicodeEncodeError:
        refuse("holds half of a character (a lone surrogate)", "send whole characters")
    except RecursionError:
        refuse("is nested too deeply", _FLATTEN)
    except _GivenTwice as error:
        refuse("is given twice in one object", "give it once", str(error))
    except ValueError:
        refuse("holds a number that is not finite or too long", "send a finite, shorter one")
    if _NUL.search(spelled):
        refuse("holds a NUL character", "leave it out")
    if is_deeper(value):
        refuse("is nested too deeply", _FLATTEN)
    return value


def plain_type(media_type: str) -> str:
    """The media type without its parameters; `application/…+json` counts as JSON."""
    plain = media_type.partition(";")[0].strip().lower()
    return JSON if plain.endswith("+json") else plain


class _GivenTwice(ValueError):
    """An attribute that an object has twice; which one counts would be a guess."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise _GivenTwice(twice[:100] if twice.isprintable() else "body")
    return document


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
