"""`ordercast submit` and `ordercast report`: orders and completion reports from files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from config.settings import settings
from ordercast.cli.faults import tell
from ordercast.cli.showing import show_table
from ordercast.contracts.report import WorkOrderReport
from ordercast.domain.errors import InvalidMessage, Problem, Refused, TooLarge
from ordercast.domain.report import Verdict
from ordercast.domain.work_order import Result
from ordercast.intake.accept import Receipt, accept
from ordercast.intake.csv_batch import CSV
from ordercast.intake.json_orders import JSON, NDJSON
from ordercast.intake.problems import validate
from ordercast.intake.reporting import parse_reports, take_reports
from ordercast.store.engine import database
from ordercast.store.inbox import RawMessage

XML = "application/xml"
MEDIA_TYPES = {".json": JSON, ".ndjson": NDJSON, ".jsonl": NDJSON, ".csv": CSV, ".xml": XML}
ANY = "application/octet-stream"
STDIN = Path("-")


def submit(
    files: Annotated[list[Path], typer.Argument(help="JSON, NDJSON or CSV files; - for stdin")],
    agent: Annotated[str | None, typer.Option(help="who sells, where an order names none")] = None,
    external_id: Annotated[
        str | None, typer.Option(help="the agent's own id, where an order names none")
    ] = None,
    accept_valid: Annotated[
        bool, typer.Option("--accept-valid", help="take the good rows of a batch with bad ones")
    ] = False,
    dialect: Annotated[
        str | None, typer.Option(help="the partner's dialect; else agent or content tell it")
    ] = None,
) -> None:
    """Submit orders: TMF641 JSON (one, an array, one a line), a batch as CSV, or a dialect."""
    refused = 0
    rows: list[tuple[str, str, str]] = []
    for file in files:
        try:
            message = RawMessage(
                read(file),
                media_type_of(file, default=ANY if dialect else None),
                "cli",
                agent=agent,
                external_id=external_id,
                dialect=dialect,
            )
            receipt = accept(database(), message, only_valid=accept_valid)
        except Refused as error:
            refused += 1
            typer.echo(f"{file}:", err=True)
            tell(error)
        else:
            rows += _rows(file, receipt)
    if rows:
        show_table("Orders", ["file", "order", ""], rows)
    raise typer.Exit(1 if refused else 0)


def _rows(file: Path, receipt: Receipt) -> list[tuple[str, str, str]]:
    if receipt.left_out:
        typer.echo(f"{file}: left out:", err=True)
        tell(InvalidMessage(receipt.left_out))
    said = {True: "accepted", False: "was accepted before"}
    return [(str(file), each.order_no, said[each.is_new]) for each in receipt.orders]


def report(
    file: Annotated[Path | None, typer.Option(help="reports as JSON, NDJSON or CSV")] = None,
    work_order: Annotated[str | None, typer.Option(help="the work order's id")] = None,
    result: Annotated[Result | None, typer.Option(help="completed or failed")] = None,
    code: Annotated[str | None, typer.Option(help="the result's code")] = None,
    text: Annotated[str | None, typer.Option(help="what there is to say")] = None,
    reporter: Annotated[str | None, typer.Option(help="who did the work")] = None,
    corrects: Annotated[str | None, typer.Option(help="the accepted report to replace")] = None,
) -> None:
    """Report one work order by options, or many from a file; exit 1 if one was not taken."""
    if file:
        reports = parse_reports(database(), read(file), media_type_of(file))
    elif work_order and result:
        named = {
            "work_order_id": work_order,
            "result": result,
            "code": code,
            "text": text,
            "reporter": reporter,
            "corrects": corrects,
        }
        reports = [validate(WorkOrderReport, named)]
    else:
        raise InvalidMessage(
            [Problem("options", "name no report", "give --file, or --work-order and --result")]
        )
    answers = take_reports(database(), reports)
    rows = [(each.work_order_id, each.report_id, each.verdict, each.message) for each in answers]
    show_table("Reports", ["work order", "report", "verdict", ""], rows)
    all_taken = all(Verdict(each.verdict).is_taken for each in answers)
    raise typer.Exit(0 if all_taken else 1)


def read(file: Path) -> bytes:
    """The bytes of a file, or of stdin for `-`."""
    limit = settings().gateway.max_body_bytes
    try:
        body = sys.stdin.buffer.read(limit + 1) if file == STDIN else file.read_bytes()
    except OSError as error:
        problem = Problem(str(file), f"cannot be read ({error.strerror})", "name another file")
        raise InvalidMessage([problem]) from None
    if len(body) > limit:
        raise TooLarge(limit)
    return body


def media_type_of(file: Path, *, default: str | None = None) -> str:
    """What the name of a file says that it is; the default, else JSON, for stdin."""
    if file == STDIN:
        return default or JSON
    found = MEDIA_TYPES.get(file.suffix.lower(), default)
    if found is None:
        known = ", ".join(MEDIA_TYPES)
        raise InvalidMessage([Problem(str(file), "is of no known kind", f"name it {known}")])
    return found
