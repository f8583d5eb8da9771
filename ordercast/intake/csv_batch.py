"""A batch as CSV: one order, one row a line.

Columns: `msisdn`, `iccid`, `product`, `action`, in any order; `product` and `action` must be
filled in. Every other column is a characteristic of that name; empty cells are left out.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ordercast.contracts.service_order import ServiceOrderCreate
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.order import ItemAction
from ordercast.intake.csv_rows import Row, read_rows
from ordercast.intake.drafts import Draft, Parsed
from ordercast.intake.json_orders import decode
from ordercast.intake.problems import validate

CSV = "text/csv"
REQUIRED = ("product", "action")
FORMS = {
    "msisdn": (re.compile(r"\+?[0-9]{5,15}"), "give 5 to 15 digits"),
    "iccid": (re.compile(r"[0-9]{18,20}[A-Fa-f]?"), "give 18 to 20 digits"),
    "product": (re.compile(r".{1,255}", re.DOTALL), "give at most 255 characters"),
}
_ACTIONS = ", ".join(ItemAction)


def parse_csv(body: bytes) -> Parsed:
    """The one order that the rows make, with the problems of every bad row by line number."""
    try:
        items, problems = _items(read_rows(decode(body), required=REQUIRED))
        if not items:
            return Parsed(problems=problems or [Problem("body", "has no rows", "add some")])
        document = {"category": "batch", "serviceOrderItem": items}
        order = validate(ServiceOrderCreate, document)
    except InvalidMessage as refused:
        return Parsed(problems=refused.problems)
    return Parsed([Draft(body, CSV, document, order)], problems)


def _items(rows: Iterable[Row | Problem]) -> tuple[list[dict[str, Any]], list[Problem]]:
    items: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for row in rows:
        bad = [row] if isinstance(row, Problem) else _bad_cells(row.cells, row.line)
        problems.extend(bad)
        if isinstance(row, Row) and not bad:
            items.append(_item(row.cells, row.line))
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
