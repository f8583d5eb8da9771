"""How fast an order of 10,000 lines becomes work orders: `python -m benchmarks.batch`.

From the begin of `decompose` to the commit of `generate-work-orders`, as the task runs have it,
beside plain bulk inserts of the same rows into the same tables of an empty database, in pairs.
Memory is that of the worker and the gateway together: their peak above what they use idle.
"""

import argparse
import csv
import io
import time
from collections.abc import Mapping
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import Table, func, insert
from sqlmodel import SQLModel, col, select

from benchmarks.agents import ORDERS
from benchmarks.databases import Databases, databases
from benchmarks.memory import peak_mb, resident_mb
from benchmarks.stack import BenchStack, running
from benchmarks.telling import machine, say, tell_figures
from benchmarks.waiting import wait_until
from examples.make_batch import rows as batch_rows
from ordercast.store.engine import Database
from ordercast.store.finding_tables import OrderSubject
from ordercast.store.migrating import upgrade
from ordercast.store.tables import ExclusiveClaim, OrderLine, OrderRun, WorkOrder

WRITTEN: tuple[type[SQLModel], ...] = (OrderLine, OrderSubject, ExclusiveClaim, WorkOrder)
"""The tables that the two steps write, but for a few columns of the order and its run."""

MEASURED = ("gateway", "worker")
SETTLE_SECONDS = 3
LONGEST_SECONDS = 300


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    with databases() as chosen, running("batch", chosen) as bench:
        figures = _figures(asked, chosen, bench)
    tell_figures("batch", figures)


def _figures(asked: argparse.Namespace, chosen: Databases, bench: BenchStack) -> dict[str, float]:
    say(f"{chosen.name}; {machine()}")
    _generate(bench, 10, offset=0)
    time.sleep(SETTLE_SECONDS)
    idle = {each: resident_mb(bench.pid(each)) for each in MEASURED}
    ours, plain = [], []
    for pair in range(1, asked.pairs + 1):
        order_no, seconds = _generate(bench, asked.lines, offset=pair * asked.lines)
        ours.append(seconds)
        plain.append(_insert_plainly(bench, chosen, order_no))
        say(f"pair {pair}: ours {ours[-1]:.2f} s, plain inserts {plain[-1]:.2f} s")
    above = {each: peak_mb(bench.pid(each)) - idle[each] for each in MEASURED}
    say("peak above idle: " + ", ".join(f"{name} {mb:.0f} MB" for name, mb in above.items()))
    say(f"{chosen.name}; {machine()}")
    return {
        "lines_per_s": asked.lines / median(ours),
        "vs_bulk_insert": median(b / a for a, b in zip(ours, plain, strict=True)),
        "peak_mb": sum(above.values()),
    }


def _generate(bench: BenchStack, lines: int, *, offset: int) -> tuple[str, float]:
    """Submit a batch; its number, and the seconds that its lines took to become work orders."""
    say(f"submitting an order of {lines:,} lines")
    answer = bench.gateway.post(
        ORDERS,
        content=_batch(lines, offset),
        headers={"content-type": "text/csv"},
        params={"agent": "bench"},
        timeout=LONGEST_SECONDS,
    )
    order_no = str(answer.raise_for_status().json()["id"])
    wait_until(
        lambda: _is_waiting(bench, order_no),
        what=f"{order_no} has no work orders",
        seconds=LONGEST_SECONDS,
        every=0.5,
    )
    return order_no, _seconds(bench, order_no)


def _batch(lines: int, offset: int) -> bytes:
    """A batch as CSV, on numbers and cards of its own."""
    every = list(batch_rows(offset + lines))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([every[0], *every[-lines:]])
    return text.getvalue().encode()


def _is_waiting(bench: BenchStack, order_no: str) -> bool:
    with bench.database.read() as session:
        return session.get_one(OrderRun, (order_no, 1)).waiting_for is not None


def _seconds(bench: BenchStack, order_no: str) -> float:
    """From the begin of `decompose` to the end of `generate-work-orders`."""
    with bench.database.read() as session:
        flow_run_id = session.get_one(OrderRun, (order_no, 1)).flow_run_id
    task_runs: dict[str, Mapping[str, Any]] = {}

    def recorded() -> bool:
        body = {"flow_runs": {"id": {"any_": [str(flow_run_id)]}}}
        answer = bench.prefect.post("task_runs/filter", json=body)
        found = answer.json() if answer.is_success else []
        task_runs.update({each["name"].rpartition("-")[0]: each for each in found})
        return bool(task_runs.get("generate-work-orders", {}).get("end_time"))

    wait_until(recorded, what="the task runs are not recorded", every=0.5)
    began = datetime.fromisoformat(task_runs["decompose"]["start_time"])
    ended = datetime.fromisoformat(task_runs["generate-work-orders"]["end_time"])
    return (ended - began).total_seconds()


def _insert_plainly(bench: BenchStack, chosen: Databases, order_no: str) -> float:
    """The seconds that the same rows take, one statement a table, in one transaction."""
    written = _rows(bench, order_no)
    with chosen.scratch(bench.home) as url:
        scratch = Database(url)
        upgrade(scratch)
        began = time.monotonic()
        with scratch.writer.begin() as connection:
            for table, some in written:
                connection.execute(insert(table), some)
        seconds = time.monotonic() - began
        _check_count(scratch, order_no, written)
        scratch.engine.dispose()
    return seconds


def _rows(bench: BenchStack, order_no: str) -> list[tuple[Table, list[dict[str, Any]]]]:
    found = []
    with bench.database.engine.connect() as connection:
        for each in WRITTEN:
            table = SQLModel.metadata.tables[str(each.__tablename__)]
            rows = connection.execute(table.select().where(table.c.order_no == order_no))
            found.append((table, [dict(row) for row in rows.mappings()]))
    counted = ", ".join(f"{len(rows):,} in {table.name}" for table, rows in found)
    say(f"rows: {counted}")
    return found


def _check_count(scratch: Database, order_no: str, written: list[Any]) -> None:
    with scratch.read() as session:
        query = select(func.count()).where(col(WorkOrder.order_no) == order_no)
        assert session.exec(query).one() == len(written[-1][1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000, help="of one order")
    parser.add_argument("--pairs", type=int, default=3, help="of an order and plain inserts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
