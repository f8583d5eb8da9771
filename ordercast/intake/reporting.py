"""Completion reports from outside: read, kept, and put to the work orders."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NoReturn

from sqlalchemy.exc import IntegrityError

from ordercast.contracts.report import CompletionReport, ReportAnswer, WorkOrderReport
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.intake.csv_batch import CSV
from ordercast.intake.csv_rows import read_rows
from ordercast.intake.json_orders import JSON, NDJSON, decode, load_json
from ordercast.intake.parse import plain_type
from ordercast.intake.problems import validate
from ordercast.store import inbox, reports
from ordercast.store.chunks import chunks
from ordercast.store.engine import Database
from ordercast.store.inbox import MessageOutcome, RawMessage

CSV_REQUIRED = ("work_order_id", "result")
CSV_COLUMNS = tuple(WorkOrderReport.model_fields)
"""The columns of a CSV of reports; `work_order_id` and `result` must be filled in."""

Numbered = Iterable[tuple[int | None, Callable[[], Any]]]
"""Each document of a bulk: its line or place, and how to read it, which may refuse it."""


def take_reports(
    database: Database, taken: Sequence[WorkOrderReport], *, agent: str | None = None
) -> list[ReportAnswer]:
    """Put reports to their work orders, in the order given; one answer for each.

    To an agent that is named the work orders of others are unknown.

    Some hundred at a time share a transaction, so that others come in between. After a crash
    the whole bulk can be sent again: what was taken is answered as before.
    """
    answers: list[ReportAnswer] = []
    for some in chunks(taken):
        answers += _take(database, some, agent)
    return answers


def _take(
    database: Database, taken: Sequence[WorkOrderReport], agent: str | None
) -> list[ReportAnswer]:
    try:
        with database.write() as session:
            return reports.take(session, taken, agent=agent)
    except IntegrityError:  # the same report came by another door just now
        with database.write() as session:
            return reports.take(session, taken, agent=agent)


def parse_one_report(
    database: Database, body: bytes, work_order_id: str, *, agent: str | None = None
) -> WorkOrderReport:
    """The report on one work order; InvalidMessage (the body is kept) if it cannot be read."""
    try:
        report = validate(CompletionReport, load_json(decode(body)))
        named = {"work_order_id": work_order_id, **report.model_dump()}
        return validate(WorkOrderReport, named)
    except InvalidMessage as refused:
        _refuse(database, RawMessage(body, JSON, source="report", agent=agent), refused.problems)


def parse_reports(
    database: Database, body: bytes, media_type: str, *, agent: str | None = None
) -> list[WorkOrderReport]:
    """The reports of a bulk; InvalidMessage names every bad one by line or place."""
    message = RawMessage(body, media_type, source="report", agent=agent)
    return _read_all(database, message, _documents(body, plain_type(media_type)))


def parse_reports_of(database: Database, message: RawMessage) -> list[WorkOrderReport]:
    """The reports of a message, which may also be a single one as an object.

    One that has no `report_id` takes the message's key, so that it is answered alike when
    the message comes again.
    """
    media_type = plain_type(message.media_type)
    documents = _documents(message.body, media_type, may_be_one=True)
    if message.key:
        documents = _with_ids(documents, message.key)
    return _read_all(database, message, documents)


def _with_ids(documents: Numbered, key: str) -> Numbered:
    for line, read in documents:
        yield line, partial(_with_id, read, key if line is None else f"{key}-{line}")


def _with_id(read: Callable[[], Any], report_id: str) -> Any:
    document = read()
    return {"report_id": report_id, **document} if isinstance(document, dict) else document


def _read_all(
    database: Database, message: RawMessage, documents: Numbered
) -> list[WorkOrderReport]:
    read: list[WorkOrderReport] = []
    problems: list[Problem] = []
    for found in _reports(documents):
        if isinstance(found, WorkOrderReport):
            read.append(found)
        else:
            problems.extend(found)
    if not read and not problems:
        problems = [Problem("body", "holds no report", "send at least one")]
    if problems:
        _refuse(database, message, problems)
    return read


def _reports(documents: Numbered) -> Iterator[WorkOrderReport | Sequence[Problem]]:
    try:
        for line, read in documents:
            try:
                yield validate(WorkOrderReport, read(), line=line)
            except InvalidMessage as refused:
                yield refused.problems
    except InvalidMessage as refused:
        yield refused.problems


def _documents(body: bytes, media_type: str, *, may_be_one: bool = False) -> Numbered:
    """The documents of a bulk; what cannot be read at all is found when they are gone through."""
    text = decode(body)
    if media_type == CSV:
        yield from _csv_rows(text)
    elif media_type == NDJSON:
        lines = enumerate(text.split("\n"), start=1)
        yield from ((n, partial(load_json, line, n)) for n, line in lines if line.strip())
    elif media_type == JSON:
        yield from _json_documents(load_json(text), may_be_one=may_be_one)
    else:
        problem = Problem("Content-Type", "is not known", f"use {JSON}, {NDJSON} or {CSV}")
        raise InvalidMessage([problem])


def _json_documents(document: Any, *, may_be_one: bool) -> Numbered:
    if may_be_one and isinstance(document, dict):
        return [(None, partial(_same, document))]
    if not isinstance(document, list):
        raise InvalidMessage([Problem("body", "is not an array", "send an array of reports")])
    return ((place, partial(_same, each)) for place, each in enumerate(document, start=1))


def _csv_rows(text: str) -> Numbered:
    for row in read_rows(text, required=CSV_REQUIRED, known=CSV_COLUMNS):
        if isinstance(row, Problem):
            yield row.line, partial(_refuse_row, row)
        else:
            filled = {name: cell for name, cell in row.cells.items() if cell}
            yield row.line, partial(_same, filled)


def _same(document: Any) -> Any:
    return document


def _refuse_row(problem: Problem) -> NoReturn:
    raise InvalidMessage([problem])


def _refuse(database: Database, message: RawMessage, problems: Sequence[Problem]) -> NoReturn:
    with database.write() as session:
        kept = inbox.keep(session, message, outcome=MessageOutcome.REFUSED, problems=problems)
    raise InvalidMessage(problems, message_id=kept.id)
