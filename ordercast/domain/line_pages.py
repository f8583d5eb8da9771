"""Lines in pages that a push can hold, however many and however long they are."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MOST_LINES = 100
MOST_BYTES = 10_000
"""The lines of a page as UTF-8 JSON: a push of 20 kB can hold them as a form as well."""

LINE_BYTES = 4_000
"""A longer line is shortened."""

TEXT_LENGTH = 200
NAME_LENGTH = 64
MOST_FAILURES = 3

Line = Mapping[str, Any]


def pages(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """The lines in their order, as many to a page as it holds, none left out."""
    page: list[Line] = []
    size = 0
    for line in map(fitted, lines):
        more = size_of(line) + 1
        if page and (len(page) == MOST_LINES or size + more > MOST_BYTES):
            yield page
            page, size = [], 0
        page.append(line)
        size += more
    if page:
        yield page


def fitted(line: Line) -> Line:
    """A line that is too long without its characteristics, then with short failures.

    `omitted` names what is missing or shortened.
    """
    short, omitted = dict(line), []
    if size_of(short) > LINE_BYTES and short.pop("characteristics", None):
        short["omitted"] = omitted = ["characteristics"]
    if size_of(short) > LINE_BYTES and short.get("failures"):
        short["failures"] = [shortened(each) for each in line["failures"][:MOST_FAILURES]]
        short["omitted"] = [*omitted, "failures"]
    return short


def shortened(failure: Mapping[str, str | None]) -> dict[str, str | None]:
    """A failure with the beginnings of its texts."""
    return {
        name: value and value[: TEXT_LENGTH if name == "text" else NAME_LENGTH]
        for name, value in failure.items()
    }


def size_of(document: Any) -> int:
    """The bytes of a document as compact JSON."""
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
