"""Bulk statements go in chunks, so that no statement and no parameter list grows without end."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Row = TypeVar("Row")
CHUNK = 500


def chunks(rows: Sequence[Row], size: int = CHUNK) -> Iterator[Sequence[Row]]:
    """The rows, `size` at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
