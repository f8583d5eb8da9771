"""The day's report: its figures, and its CSV in the archive, written once."""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from blocks.loading import order_archive
from config.settings import settings
from ordercast.archive.naming import bucket_name
from ordercast.archive.objects import EvidenceObject
from ordercast.domain.day import EndedOrder
from ordercast.store import days
from ordercast.store.engine import database
from tasks.availability import ARCHIVE
from tasks.step import step

REPORTS = "reports"
COLUMNS = (
    "order_no",
    "version",
    "state",
    "agent",
    "products",
    "lines",
    "ordered_at",
    "sealed_at",
    "seconds_to_complete",
    "pushes",
    "pushes_delivered",
    "seconds_to_told",
)


@dataclass(frozen=True)
class Day:
    """A day in UTC: how many orders were taken, and the versions that were sealed."""

    day: date
    ordered: int
    ended: tuple[EndedOrder, ...]


@step(name="gather-figures")
def gather_figures(day: date) -> Day:
    """What happened to orders on a day in UTC."""
    since = datetime.combine(day, time(), UTC)
    span = {"since": since, "until": since + timedelta(days=1)}
    with database().read() as session:
        return Day(day, days.ordered(session, **span), tuple(days.ended(session, **span)))


@step(name="keep-report")
def keep_report(figures: Day) -> str:
    """Keep the day as CSV in the archive; where it lies. One that is there stays as it is.

    So a report that is made again, with what has changed since, does not alter the first one.
    """
    bucket = bucket_name(settings().archive.bucket_prefix, REPORTS)
    key = f"{figures.day:%Y/%m/%d}/orders.csv.gz"
    with ARCHIVE.asking():
        if order_archive().stat(bucket, key) is None:
            order_archive().put(_object(bucket, key, figures))
    return f"{bucket}/{key}"


def _object(bucket: str, key: str, figures: Day) -> EvidenceObject:
    body = gzip.compress(as_csv(figures.ended).encode(), mtime=0)
    return EvidenceObject(
        bucket=bucket,
        key=key,
        body=body,
        sha256=sha256(body).hexdigest(),
        tags=(REPORTS,),
        metadata={"report-day": f"{figures.day:%Y-%m-%d}"},
    )


def as_csv(orders: Iterable[EndedOrder]) -> str:
    """A row for each version that was sealed."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_plain(cell) for cell in row] for row in _rows(orders))
    return text.getvalue()


def _plain(cell: Any) -> Any:
    """A text that a spreadsheet takes for no formula."""
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@")
    return f"'{cell}" if is_formula else cell


def _rows(orders: Iterable[EndedOrder]) -> Iterator[Sequence[Any]]:
    for each in orders:
        told = each.seconds_to_told
        yield (
            each.order_no,
            each.version,
            each.state,
            each.agent,
            " ".join(each.products),
            each.line_count,
            each.ordered_at.isoformat(),
            each.sealed_at.isoformat(),
            round(each.seconds_to_complete, 3),
            each.pushes,
            len(told),
            round(max(told), 3) if told else "",
        )
