"""Waiting lines: transactions that must not pass each other by wait until the other one ends.

On PostgreSQL, where two transactions that both find nothing may both go on, these are
advisory locks. SQLite needs none: it lets one transaction write at a time.

A transaction stands in line once, for all the names it needs, after it has locked its rows.
"""

from collections.abc import Iterable
from enum import IntEnum
from zlib import crc32

from sqlalchemy import Connection, text

PLACES = 64
"""Names share so many locks a line: however many a transaction needs, it holds no more."""

LOCK = text(
    "SELECT pg_advisory_xact_lock(:line, place) FROM unnest(CAST(:places AS integer[])) AS place"
)


class Line(IntEnum):
    """What there is to wait for; the numbers are the first keys of the locks."""

    MIGRATION = 0x0C_00_01
    CLAIM = 0x0C_00_02
    EXTERNAL_ID = 0x0C_00_03
    SUBSCRIBER_NAME = 0x0C_00_04
    FALLOUT_ACT = 0x0C_00_0D


def wait_in_line(connection: Connection, line: Line, names: Iterable[str]) -> None:
    """Wait until no other transaction holds any of the names, and hold them to its end.

    The places are taken in their order, so that no two transactions wait for each other.
    """
    places = sorted({crc32(name.encode()) % PLACES for name in names})
    if places and connection.dialect.name == "postgresql":
        connection.execute(LOCK, {"line": int(line), "places": places})
