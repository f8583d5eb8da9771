"""Rows of a CSV file: each with the line where it begins, or with what is wrong with it."""

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.said import Said

LONGEST_NAME = 255


@dataclass(frozen=True)
class Row:
    """A row: the line of the file where it begins, from 1, and its cells by column."""

    line: int
    cells: dict[str, str]


def read_rows(
    text: str,
    *,
    required: Sequence[str],
    known: Collection[str] = (),
    delimiter: str = ",",
    names: Sequence[str] = (),
    skip_lines: int = 0,
) -> Iterator[Row | Problem]:
    """The rows of a file, and a problem for each that cannot be read; blank ones are skipped.

    Names of columns are read in lower case, cells without the space around them. A file
    without a header has the columns `names`; `skip_lines` are passed over first. Raises
    InvalidMessage if the header lacks a required column, or has one that is not `known`.
    """
    if "\0" in text:
        raise InvalidMessage([Problem("body", "holds a NUL character", "leave it out")])
    file = io.StringIO(text, newline="")
    for _ in range(skip_lines):
        file.readline()
    reader = csv.reader(
        file, strict=True, skipinitialspace=not delimiter.isspace(), delimiter=delimiter
    )
    rows = _rows(reader, skip_lines)
    header = (1, list(names)) if names else next(rows, (1 + skip_lines, []))
    if isinstance(header, Problem):
        raise InvalidMessage([header])
    line, cells = header
    names = [name.lower() for name in cells]
    _check(names, line, required=required, known=known)
    return (row if isinstance(row, Problem) else _row(names, *row) for row in rows)


def _rows(reader: Any, skipped: int) -> Iterator[tuple[int, list[str]] | Problem]:
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield Problem("row", Said("is not CSV ({error})", error=error), "mend its quotes", line)
        else:
            if any(cells):
                yield line, cells


def _check(
    names: Sequence[str], line: int, *, required: Sequence[str], known: Collection[str]
) -> None:
    problems = [
        Problem(name, "is missing", "add the column", line)
        for name in required
        if name not in names
    ]
    if len(set(names)) < len(names) or not all(names):
        problems.append(Problem("header", "has a column twice or unnamed", "name each once", line))
    if any(len(name) > LONGEST_NAME for name in names):
        cure = Said("use at most {n} characters", n=LONGEST_NAME)
        problems.append(Problem("header", "has a name that is too long", cure, line))
    problems += [
        Problem(name, "is not a column", Said("use {options}", options=", ".join(known)), line)
        for name in names
        if known and name and name not in known
    ]
    if problems:
        raise InvalidMessage(problems)


def _row(names: Sequence[str], line: int, cells: Sequence[str]) -> Row | Problem:
    if any(cells[len(names) :]):
        return Problem("row", "has more cells than the header", "quote commas", line)
    filled = [*cells, *[""] * len(names)]
    return Row(line, dict(zip(names, filled, strict=False)))
