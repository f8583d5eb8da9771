"""How much memory it takes to seal and archive a large order: `python -m benchmarks.evidence`.

An order of 10,000 plan changes, 40,000 work orders, is carried until all of them are reported.
Then two processes of their own, each on a copy of the database, seal it and archive it in a
directory: one tells its resident memory (VmHWM), one what Python allocated (tracemalloc).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from benchmarks.memory import MB, peak_mb, resident_mb
from benchmarks.telling import machine, say, tell_figures
from config.settings import child_environment
from ordercast.archive.opening import open_archive
from ordercast.contracts.report import WorkOrderReport
from ordercast.domain.work_order import Result
from ordercast.intake.accept import accept
from ordercast.intake.reporting import take_reports
from ordercast.store import runs, work_orders
from ordercast.store.engine import database
from ordercast.store.inbox import RawMessage
from ordercast.store.migrating import upgrade
from ordercast.store.outcomes import sealed
from ordercast.store.sealing import make_key
from ordercast.store.work_orders import WorkOrderFilter
from tasks.archive import evidence_object
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders

STEPS = ("prepare", "measure", "trace")


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    if asked.step:
        return print(json.dumps(_STEPS[asked.step](asked.lines)))
    say(machine())
    with tempfile.TemporaryDirectory(prefix="evidence-") as place:
        home = Path(place) / "home"
        _step("prepare", home, asked.lines)
        figures = {}
        for step in ("measure", "trace"):
            shutil.copytree(home, Path(place) / step)
            figures |= _step(step, Path(place) / step, asked.lines)
    tell_figures("evidence", figures)
    return None


def _step(step: str, home: Path, lines: int) -> dict[str, float]:
    say(f"{step}: {lines:,} lines")
    command = [sys.executable, "-m", "benchmarks.evidence", "--lines", str(lines), "--step", step]
    environment = child_environment({"ORDERCAST_HOME": str(home)})
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)  # noqa: S603
    return json.loads(done.stdout)


def prepare(lines: int) -> dict[str, float]:
    """An order of so many lines whose work is all reported, in the home of this process."""
    home = Path(os.environ["ORDERCAST_HOME"])
    make_key(home)
    upgrade(database())
    message = RawMessage(json.dumps(_document(lines)).encode(), "application/json", "bench")
    order_no = accept(database(), message).orders[0].order_no
    lease = runs.take_lease(order_no, 1, flow_run_id=None, worker="bench")
    for step in (receive, decompose, generate_work_orders):
        assert step.fn(lease)
    while ready := _ready(order_no):
        take_reports(
            database(),
            [WorkOrderReport(work_order_id=each, result=Result.COMPLETED) for each in ready],
        )
    (home / "order").write_text(order_no)
    return {}


def measure(_: int) -> dict[str, float]:
    """What sealing and archiving add to the resident memory, in MB, and how long they take."""
    before, started = resident_mb(os.getpid()), time.monotonic()
    _seal()
    after_seal, sealing = peak_mb(os.getpid()), time.monotonic() - started
    size = _archive()
    return {
        "seal_peak_mb": after_seal - before,
        "seal_and_archive_peak_mb": peak_mb(os.getpid()) - before,
        "seal_seconds": sealing,
        "evidence_mb": size / MB,
    }


def trace(_: int) -> dict[str, float]:
    """The most that Python had allocated at once while it sealed and archived, in MB."""
    tracemalloc.start()
    _seal()
    sealing = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    _archive()
    return {
        "seal_traced_mb": sealing / MB,
        "archive_traced_mb": tracemalloc.get_traced_memory()[1] / MB,
    }


def _seal() -> None:
    lease = runs.take_lease(_order_no(), 1, flow_run_id=None, worker="bench")
    assert await_completion.fn(lease)


def _archive() -> int:
    home = Path(os.environ["ORDERCAST_HOME"])
    with database().read() as session:
        evidence = evidence_object(sealed(session, _order_no(), 1, with_evidence=True))
    open_archive((home / "archive").as_uri()).put(evidence)
    return len(evidence.body)


def _order_no() -> str:
    return (Path(os.environ["ORDERCAST_HOME"]) / "order").read_text()


def _ready(order_no: str) -> list[str]:
    wanted = WorkOrderFilter(order_no=order_no, state="acknowledged")
    with database().read() as session:
        found = work_orders.count_and_page(session, wanted, offset=0, limit=100_000)[1]
        return [row.id for row in found]


def _document(lines: int) -> dict[str, object]:
    return {"serviceOrderItem": [_item(number) for number in range(1, lines + 1)]}


def _item(number: int) -> dict[str, object]:
    given = {"msisdn": f"86{13800000000 + number}", "plan": "5G-PLUS-199"}
    return {
        "id": str(number),
        "action": "modify",
        "service": {
            "serviceSpecification": {"id": "plan-change"},
            "serviceCharacteristic": [{"name": n, "value": v} for n, v in given.items()],
        },
    }


_STEPS = {"prepare": prepare, "measure": measure, "trace": trace}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument(
        "--lines", type=int, default=10_000, help="of the order; four times the work"
    )
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
