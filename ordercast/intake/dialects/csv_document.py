"""A partner's CSV: paths are names of columns, in any case."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from config.dialect_checks import parts, paths
from config.dialect_rules import Rule
from config.dialect_shape import LinesShape, WorkOrdersShape
from config.dialects import Dialect
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.masking import MASKED
from ordercast.intake.csv_rows import Row, read_rows
from ordercast.intake.dialects.documents import ITSELF, Group, Node, Piece, is_empty, owner
from ordercast.intake.dialects.encodings import text_of
from ordercast.intake.json_orders import load_json

ALL = "*"


class CsvDocument:
    """A message in CSV: a group of rows."""

    def __init__(self, dialect: Dialect, rows: list[Row], problems: list[Problem]) -> None:
        self.dialect = dialect
        self.problems: Sequence[Problem] = problems
        self.root: Any = Group(rows)

    def value(self, path: str, node: Node) -> Any:
        return self.dialect.paths[path](node.cells)

    def nodes(self, path: str, node: Node) -> list[Node]:
        found = self.value(path, node)
        several = found if isinstance(found, list) else [found]
        return [Piece(str(each), node) for each in several if each not in (None, "")]

    def named_values(self, path: str, node: Node) -> list[tuple[str, Any]]:
        """The cell of a column, or those of all columns that begin alike, for a `*` at the end."""
        if not path.endswith(ALL):
            return [(path, self.value(path, node))]
        begin = path.removesuffix(ALL).lower()
        named = () if begin else self._named_columns
        return [
            (name.removeprefix(begin), cell)
            for name, cell in node.cells.items()
            if name.startswith(begin) and name not in named
        ]

    @cached_property
    def _named_columns(self) -> set[str]:
        """The columns that the dialect names itself: `*` means all the others."""
        named = paths(self.dialect.written)
        return {path.strip().lower() for location, path in named if location[0] == "order"}

    def place(self, node: Node, path: str) -> tuple[str, int | None]:
        row = owner(node) if not isinstance(node, Group) or node.nodes else None
        return "row" if path in ITSELF else path, row.line if row else None

    def hidden(self) -> "CsvDocument":
        written = self.dialect.written
        rows = [Row(row.line, _masked(row.cells, written.sensitive)) for row in self.root.nodes]
        return CsvDocument(self.dialect, rows, [])


def read_csv(dialect: Dialect, body: bytes, media_type: str) -> CsvDocument:
    """The rows of a file; InvalidMessage if it has none, or lacks a column that is needed."""
    written = dialect.written
    text = text_of(body, encoding=written.encoding, media_type=media_type).removeprefix("\ufeff")
    read = read_rows(
        text,
        required=_needed_columns(dialect),
        delimiter=written.csv.delimiter,
        names=written.csv.columns,
        skip_lines=written.csv.skip_lines,
    )
    rows: list[Row] = []
    problems: list[Problem] = []
    for row in read:
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            rows.append(Row(row.line, _unpacked(row, dialect)))
        except InvalidMessage as refused:
            problems.extend(refused.problems)
    if not rows and not problems:
        raise InvalidMessage([Problem("body", "has no rows", "add some")])
    return CsvDocument(dialect, rows, problems)


def _needed_columns(dialect: Dialect) -> list[str]:
    """Columns without which no row could be read; each row would complain of the same."""
    needed: dict[str, None] = {}
    for _, part in parts(dialect.written):
        if isinstance(part, Rule) and part.required:
            needed |= _column(part)
        elif isinstance(part, LinesShape):
            needed |= _column(part.product) | _column(part.action)
        elif isinstance(part, WorkOrdersShape):
            needed |= _column(part.name)
    if dialect.written.embedded:  # columns may come out of cells
        return [name for name in needed if "." not in name]
    return list(needed)


def _column(rule: Rule) -> dict[str, None]:
    is_needed = len(rule.path) == 1 and rule.path[0] != "." and rule.default is None
    return {rule.path[0].strip().lower(): None} if is_needed else {}


def _masked(cells: Mapping[str, Any], sensitive: list[str]) -> dict[str, Any]:
    names = {name.strip().lower() for name in sensitive}
    begins = tuple(name.removesuffix(ALL) for name in names if name.endswith(ALL))
    return {
        name: MASKED if cell and (name in names or name.startswith(begins)) else cell
        for name, cell in cells.items()
    }


def _unpacked(row: Row, dialect: Dialect) -> dict[str, Any]:
    """The cells, and beside each that holds JSON one for each value in it: `column.name`."""
    cells: dict[str, Any] = dict(row.cells)
    for path in dialect.written.embedded:
        name = path.strip().lower()
        text = row.cells.get(name)
        if text and not is_empty(text, dialect):
            cells |= _flat(f"{name}.", _loaded(path, text, row.line))
    return cells


def _loaded(path: str, text: str, line: int) -> Any:
    try:
        return load_json(text)
    except InvalidMessage as refused:
        first = refused.problems[0]
        raise InvalidMessage([Problem(path, first.problem, first.cure, line)]) from None


def _flat(begin: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        steps = value.items()
    elif isinstance(value, list):
        steps = ((str(place), each) for place, each in enumerate(value))
    else:
        return
    for name, each in steps:
        yield f"{begin}{name}".lower(), each
        yield from _flat(f"{begin}{name}.", each)
