"""The daily report and retention as flows: their artifacts, and the CSV in the archive."""

import csv
import gzip
from base64 import b64decode
from pathlib import Path

from flows.report import report
from flows.retention import retention
from ordercast.store.clock import now
from tests.flows.floor import Floor
from tests.flows.samples import plan_change
from tests.flows.test_redeliver import artifact


def test_a_day_is_told_in_tables_and_plots_and_kept_once_as_csv(
    floor: Floor, tmp_path: Path
) -> None:
    order_no = floor.submit(plan_change())
    floor.complete(order_no)
    today = now().date()
    said = report(day=today, return_state=True).message or ""
    assert "1 ordered, 1 ended" in said
    shown = artifact(floor, "report")
    assert "| completed | 1 | 1 |" in shown and "plan-change" in shown
    for key in ("report-states", "report-time-to-complete", "report-time-to-told"):
        url = artifact(floor, key)
        assert url.startswith("data:image/svg+xml;base64,")
        assert "<svg" in b64decode(url.partition(",")[2]).decode()
    kept = tmp_path / "archive" / "ordercast-reports" / f"{today:%Y/%m/%d}" / "orders.csv.gz"
    first = kept.read_bytes()
    (row,) = csv.DictReader(gzip.decompress(first).decode().splitlines())
    assert (row["order_no"], row["state"]) == (order_no, "completed")
    floor.complete(floor.submit(plan_change()))
    assert "2 ended" in (report(day=today, return_state=True).message or "")
    assert kept.read_bytes() == first


def test_retention_only_counts_unless_it_is_told_otherwise(floor: Floor) -> None:
    assert (retention(return_state=True).message or "").startswith("would go: raw: 0 orders")
    assert "A dry run" in artifact(floor, "retention")
    assert (retention(dry_run=False, return_state=True).message or "").startswith("gone: raw: 0")
