"""A batch as CSV: one order, one row a line.

Columns: `msisdn`, `iccid`, `product`, `action`, in any order; `product` and `action` must be
filled in. Every other column is a characteristic of that name; empty cells are left out.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ordercast.contracts.service_order import ServiceOrderCreate
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.order import ItemAction
from ordercast.intake.drafts import Draft, Parsed
from ordercast.intake.json_orders import decode
from ordercast.intake.problems import validate

CSV = "text/csv"
REQUIRED = ("product", "action")
FORMS = {
    "msisdn": (re.compile(r"\+?\d{5,15}"), "give 5 to 15 digits"),
    "iccid": (re.compile(r"\d{18,20}[A-Fa-f]?"), "give 18 to 20 digits"),
}
_ACTIONS = ", ".join(ItemAction)


def parse_csv(body: bytes) -> Parsed:
    """The one order that the rows make, with the problems of every bad row by line number."""
    try:
        rows = _rows(decode(body))
        items, problems = _items(rows)
        if not items:
            return Parsed(problems=problems or [Problem("body", "has no rows", "add some")])
        document = {"category": "batch", "serviceOrderItem": items}
        order = validate(ServiceOrderCreate, document)
    except InvalidMessage as refused:
        return Parsed(problems=refused.problems)
    return Parsed([Draft(body, CSV, document, order)], problems)


def _rows(text: str) -> Iterator[tuple[int, dict[str | None, Any]]]:
    if "\0" in text:
        raise InvalidMessage([Problem("body", "holds a NUL character", "leave it out")])
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    _check_header([name.strip() for name in _named(reader)])
    reader.fieldnames = [name.strip().lower() for name in _named(reader)]
    return _numbered(reader)


def _named(reader: "csv.DictReader[str]") -> list[str]:
    return list(reader.fieldnames or [])


def _check_header(names: list[str]) -> None:
    lower = [name.lower() for name in names]
    missing = [Problem(name, "is missing", "add the column", 1) for name in REQUIRED]
    problems = [problem for problem in missing if problem.field not in lower]
    if len(set(lower)) < len(lower) or not all(lower):
        problems.append(Problem("header", "has a column twice or unnamed", "name each once", 1))
    if problems:
        raise InvalidMessage(problems)


def _numbered(reader: Any) -> Iterator[tuple[int, dict[str | None, Any]]]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fault = Problem("row", f"is not CSV ({error})", "mend its quotes", reader.line_num)
            raise InvalidMessage([fault]) from None
        yield reader.line_num, row


def _items(
    rows: Iterator[tuple[int, dict[str | None, Any]]],
) -> tuple[list[dict[str, Any]], list[Problem]]:
    items: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for line, row in rows:
        extra = row.pop(None, None)
        cells = {str(name): (cell or "").strip() for name, cell in row.items()}
        bad = _bad_cells(cells, line)
        if extra:
            bad.append(Problem("row", "has more cells than the header", "quote commas", line))
        problems.extend(bad)
        if not bad:
            items.append(_item(cells, line))
    return items, problems


def _bad_cells(cells: Mapping[str, str], line: int) -> list[Problem]:
    bad = [Problem(name, "is empty", "fill it in", line) for name in REQUIRED if not cells[name]]
    if cells["action"] and cells["action"] not in list(ItemAction):
        bad.append(Problem("action", "is not an action", f"use one of: {_ACTIONS}", line))
    for name, (form, cure) in FORMS.items():
        if cells.get(name) and not form.fullmatch(cells[name]):
            bad.append(Problem(name, "does not have the right form", cure, line))
    return bad


def _item(cells: Mapping[str, str], line: int) -> dict[str, Any]:
    given = {name: cell for name, cell in cells.items() if cell and name not in REQUIRED}
    return {
        "id": str(line - 1),
        "action": cells["action"],
        "service": {
            "serviceSpecification": {"id": cells["product"]},
            "serviceCharacteristic": [{"name": name, "value": v} for name, v in given.items()],
        },
    }
