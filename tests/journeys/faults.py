"""Faults by which an order really fails at a step, for a person to mend, on a stack on SQLite.

Each strikes one order only: rows or a file that stand in its way, as a restored backup, an
import by hand or a second system leaves them behind.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.journeys.stack import Stack

PLATFORM_TABLES = ("order_version", "request_key", "order_tag", "order_index")


@dataclass(frozen=True)
class Fault:
    """What stands in the way of a step, and how a person takes it away."""

    step: str
    put: Callable[[Stack, str], None]
    mend: Callable[[Stack, str], None]


def change(database: Path, sql: str, *values: object) -> None:
    """Change a database by hand, as an administrator would."""
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(sql, values)


def _ours(sql: str) -> Callable[[Stack, str], None]:
    """A change to Ordercast's database in which ? is the order's number."""
    return lambda stack, order_no: change(
        stack.home / "ordercast.db", sql, *[order_no] * sql.count("?")
    )


def _work_order(stack: Stack, order_no: str) -> str:
    return f"wo-{order_no.removeprefix('ord-')}-1-1"


def _stray_work_order(stack: Stack, order_no: str) -> None:
    change(
        stack.home / "ordercast.db",
        "INSERT INTO work_order (id, order_no, line_no, name, state, depends_on, parameters,"
        " due_at, created_at) VALUES (?, 'ord-of-old', 1, 'left over', 'completed', '[]', '{}',"
        " '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')",
        _work_order(stack, order_no),
    )


def _take_stray_work_order(stack: Stack, order_no: str) -> None:
    change(
        stack.home / "ordercast.db",
        "DELETE FROM work_order WHERE id = ? AND order_no = 'ord-of-old'",
        _work_order(stack, order_no),
    )


def _held_otherwise(stack: Stack, order_no: str) -> None:
    """The platform has this version already, with other content."""
    outcome = {
        "order_no": order_no,
        "version": 1,
        "state": "completed",
        "agent": "default",
        "title": "entered by hand",
        "priority": 4,
        "products": ["plan-change"],
        "primary_tag": "other",
        "tags": ["other"],
        "ordered_at": "2026-01-01T00:00:00Z",
        "sealed_at": "2026-01-01T00:00:00Z",
        "counts": {"completed": 1},
        "lines": [],
    }
    answer = httpx.put(
        f"{stack.platform}/orders/{order_no}",
        json=outcome,
        headers={"Idempotency-Key": f"{order_no}:1"},
    )
    answer.raise_for_status()


def _forgotten_by_platform(stack: Stack, order_no: str) -> None:
    for table in PLATFORM_TABLES:
        change(stack.home / "platform.db", f"DELETE FROM {table} WHERE order_no = ?", order_no)  # noqa: S608


def evidence_path(stack: Stack, order_no: str) -> Path:
    """Where the evidence of version 1 lies in the archive of the stack."""
    day = order_no.split("-")[1]
    place = f"{day[:4]}/{day[4:6]}/{day[6:]}/{order_no}/v1.json.gz"
    return stack.home / "archive" / "ordercast-agent-channel" / place


def _other_evidence(stack: Stack, order_no: str) -> None:
    path = evidence_path(stack, order_no)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"somebody else's")


FAULTS = (
    Fault(
        "receive",
        _ours("UPDATE inbox_message SET sha256 = 'x' || sha256 WHERE order_no = ?"),
        _ours("UPDATE inbox_message SET sha256 = substr(sha256, 2) WHERE order_no = ?"),
    ),
    Fault(
        "decompose",
        _ours(
            "INSERT INTO order_line (order_no, line_no, item_id, action, product, state, document,"
            " problems) VALUES (?, 1, 'x', 'modify', 'plan-change', 'acknowledged', '{}', '[]')"
        ),
        _ours("DELETE FROM order_line WHERE order_no = ?"),
    ),
    Fault("generate-work-orders", _stray_work_order, _take_stray_work_order),
    Fault(
        "await-completion",
        _ours(
            "INSERT INTO order_outcome (order_no, version, state, sealed_at, primary_tag, tags,"
            " summary, evidence) VALUES (?, 1, 'completed', '2026-01-01 00:00:00.000000', 'other',"
            " '[]', '{}', x'00')"
        ),
        _ours("DELETE FROM order_outcome WHERE order_no = ?"),
    ),
    Fault("sync-to-platform", _held_otherwise, _forgotten_by_platform),
    Fault(
        "archive-by-tag",
        _other_evidence,
        lambda stack, order_no: evidence_path(stack, order_no).unlink(),
    ),
    Fault(
        "broadcast",
        _ours(
            "INSERT INTO push_event (id, order_no, version, sequence, type, occurred_at, data,"
            " tags) SELECT lower(hex(randomblob(16))), order_no, 1, count(*) + 1, 'left.over',"
            " '2026-01-01 00:00:00.000000', '{}', '[]' FROM work_order WHERE order_no = ?"
        ),
        _ours("DELETE FROM push_event WHERE order_no = ? AND type = 'left.over'"),
    ),
)
BEFORE_THE_WAIT = FAULTS[:3]
AFTER_THE_WAIT = FAULTS[3:]
