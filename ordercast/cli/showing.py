"""How commands show what they found: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table; nothing in them is read as markup."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console(highlight=False).print(table)


def escape(cell: Any) -> str:
    """A cell as text: times to the second, nothing for what is not there."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S}"
    return str(cell).replace("[", "\\[")


def complain(text: str) -> None:
    """Print what is wrong to stderr; nothing in it is read as markup."""
    Console(stderr=True).print(Text(text))


def show_json(document: Any) -> None:
    """Print a document as JSON."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))
