"""Completion reports from outside: read, kept, and put to the work orders."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from sqlalchemy.exc import IntegrityError

from ordercast.contracts.report import CompletionReport, ReportAnswer, WorkOrderReport
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.intake.csv_batch import CSV
from ordercast.intake.json_orders import JSON, NDJSON, decode, load_json
from ordercast.intake.parse import plain_type
from ordercast.intake.problems import validate
from ordercast.store import inbox, reports
from ordercast.store.engine import Database
from ordercast.store.inbox import MessageOutcome, RawMessage

CSV_COLUMNS = tuple(WorkOrderReport.model_fields)
"""The columns of a CSV of reports; `work_order_id` and `result` must be filled in."""

Numbered = Iterable[tuple[int | None, Any]]


def take_reports(database: Database, taken: Sequence[WorkOrderReport]) -> list[ReportAnswer]:
    """Put reports to their work orders, all in one transaction; one answer for each."""
    try:
        with database.write() as session:
            return reports.take(session, taken)
    except IntegrityError:  # the same report came by another door just now
        with database.write() as session:
            return reports.take(session, taken)


def parse_one_report(database: Database, body: bytes, work_order_id: str) -> WorkOrderReport:
    """The report on one work order; InvalidMessage (the body is kept) if it cannot be read."""
    try:
        report = validate(CompletionReport, load_json(decode(body)))
    except InvalidMessage as refused:
        _refuse(database, body, JSON, refused.problems)
    return WorkOrderReport(work_order_id=work_order_id, **report.model_dump())


def parse_reports(database: Database, body: bytes, media_type: str) -> list[WorkOrderReport]:
    """The reports of a bulk; InvalidMessage names every bad one by line or place."""
    read: list[WorkOrderReport] = []
    problems: list[Problem] = []
    try:
        for line, document in _documents(body, plain_type(media_type)):
            try:
                read.append(validate(WorkOrderReport, document, line=line))
            except InvalidMessage as refused:
                problems.extend(refused.problems)
    except InvalidMessage as refused:
        problems.extend(refused.problems)
    if problems:
        _refuse(database, body, media_type, problems)
    return read


def _documents(body: bytes, media_type: str) -> Numbered:
    text = decode(body)
    if media_type == CSV:
        return _csv_rows(text)
    if media_type == NDJSON:
        lines = enumerate(text.split("\n"), start=1)
        return [(n, load_json(line, n)) for n, line in lines if line.strip()]
    if media_type != JSON:
        problem = Problem("Content-Type", "is not known", f"use {JSON}, {NDJSON} or {CSV}")
        raise InvalidMessage([problem])
    document = load_json(text)
    if not isinstance(document, list):
        raise InvalidMessage([Problem("body", "is not an array", "send an array of reports")])
    return enumerate(document, start=1)


def _csv_rows(text: str) -> Numbered:
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    unknown = [name for name in reader.fieldnames or [] if name not in CSV_COLUMNS]
    if unknown:
        columns = ", ".join(CSV_COLUMNS)
        raise InvalidMessage([Problem(unknown[0], "is not a column", f"use {columns}", 1)])
    for row in reader:
        yield reader.line_num, {name: cell.strip() for name, cell in row.items() if name and cell}


def _refuse(
    database: Database, body: bytes, media_type: str, problems: Sequence[Problem]
) -> NoReturn:
    message = RawMessage(body, media_type, source="report")
    with database.write() as session:
        kept = inbox.keep(session, message, outcome=MessageOutcome.REFUSED, problems=problems)
    raise InvalidMessage(problems, message_id=kept.id)
