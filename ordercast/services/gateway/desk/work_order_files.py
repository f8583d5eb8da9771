"""Work orders as CSV: the open ones of a queue down, their results up, bad rows back."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from ordercast.contracts.report import WorkOrderReport
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.report import Verdict
from ordercast.domain.work_order import WorkOrderState
from ordercast.intake.csv_rows import Row, read_rows
from ordercast.intake.problems import validate
from ordercast.intake.reporting import take_reports
from ordercast.services.gateway.desk.access import Operating, Viewer, Watching
from ordercast.services.gateway.desk.frame import page
from ordercast.services.gateway.desk.language import english, words_of
from ordercast.services.gateway.desk.vocabulary import VERDICTS
from ordercast.services.gateway.desk.work_orders import summary
from ordercast.store import work_queues
from ordercast.store.engine import database
from ordercast.store.tables import WorkOrder
from ordercast.store.work_queues import Queue, Shelf

router = APIRouter()

BOM = "\ufeff"
"""Excel reads UTF-8 only from a file that begins with it."""

READ = ("work_order_id", "result", "code", "text")
COLUMNS = (
    *READ,
    "order_no",
    "name",
    "team",
    "system",
    "state",
    "due_at",
    "claimed_by",
    "parameters",
)
RESULTS = {"完成": "completed", "成功": "completed", "失败": "failed"}
SOMEBODY_ELSES = english("somebody else has claimed it")


@router.get("/work-order-files/open.csv")
def download(
    viewer: Watching,
    team: str | None = None,
    system: str | None = None,
    shelf: Shelf = Shelf.OPEN,
) -> Response:
    """The open work orders of a queue, to fill in `result`, `code` and `text`."""
    del viewer
    headers = {"Content-Disposition": 'attachment; filename="work-orders.csv"'}
    parts = _file(Queue(team or None, system or None), shelf)
    return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=headers)


def _file(queue: Queue, shelf: Shelf) -> Iterator[str]:
    yield BOM + _csv([COLUMNS])
    for rows in work_queues.each_open(database(), queue, shelf):
        yield _csv([_cells(row) for row in rows])


def _cells(row: WorkOrder) -> list[str]:
    parameters = json.dumps(row.parameters, ensure_ascii=False) if row.parameters else ""
    filled: Mapping[str, Any] = {
        **row.model_dump(include=set(COLUMNS)),
        "work_order_id": row.id,
        "due_at": f"{row.due_at:%Y-%m-%d %H:%M:%S}Z",
        "parameters": parameters,
        "code": "",
        "text": "",
    }
    return [harmless(filled.get(name)) for name in COLUMNS]


def harmless(cell: Any) -> str:
    """A cell that no spreadsheet takes for a formula. Source: OWASP, CSV injection."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _csv(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


@router.post("/work-order-files")
async def upload(request: Request, viewer: Operating, file: UploadFile) -> Response:
    """Take the filled-in rows of a file; the bad ones are shown, and come back as a file."""
    body = await file.read()
    return await run_in_threadpool(_take, request, viewer, body)


def _take(request: Request, viewer: Viewer, body: bytes) -> Response:
    text = text_of(body)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    good: list[tuple[Row, WorkOrderReport]] = []
    bad: list[tuple[dict[str, str], str]] = []
    say = words_of(viewer.language)
    mark = sha256(body).hexdigest()[:16]
    for row in read_rows(text, required=READ[:2], delimiter=delimiter):
        if isinstance(row, Problem):
            bad.append(({}, say(row.said)))
        elif row.cells["result"]:
            try:
                good.append((row, _report(row, viewer, f"csv-{mark}-{row.line}")))
            except InvalidMessage as refused:
                bad.append((row.cells, "; ".join(map(say, refused.said))))
    told = _put(viewer, good, bad)
    return page(
        request,
        viewer,
        "work_order_file.html",
        told_of=told,
        bad=bad[:100],
        bad_count=len(bad),
        bad_file=_csv([(*READ, "reason"), *([*_read(cells), why] for cells, why in bad)]),
    )


def _report(row: Row, viewer: Viewer, report_id: str) -> WorkOrderReport:
    written = {name: row.cells[name] for name in READ if row.cells.get(name)}
    written["result"] = RESULTS.get(written["result"], written["result"].lower())
    said = {"report_id": report_id, "reporter": viewer.name, **written}
    return validate(WorkOrderReport, said, line=row.line)


def _put(
    viewer: Viewer,
    good: list[tuple[Row, WorkOrderReport]],
    bad: list[tuple[dict[str, str], str]],
) -> str:
    """Put the good rows to their work orders; what has no effect joins the bad ones."""
    say = words_of(viewer.language)
    with database().read() as session:
        rows = work_queues.of_ids(session, [each.work_order_id for _, each in good])
    others = {
        row.id
        for row in rows
        if row.state == WorkOrderState.IN_PROGRESS and row.claimed_by not in (None, viewer.name)
    }
    bad += [(row.cells, say(SOMEBODY_ELSES)) for row, each in good if each.work_order_id in others]
    mine = [(row, each) for row, each in good if each.work_order_id not in others]
    answers = take_reports(database(), [each for _, each in mine])
    for (row, _), answer in zip(mine, answers, strict=True):
        if not Verdict(answer.verdict).is_taken:
            bad.append((row.cells, say(VERDICTS[answer.verdict])))
    return summary(viewer, answers)


def _read(cells: Mapping[str, str]) -> list[str]:
    return [cells.get(name, "") for name in READ]


@router.post("/work-order-files/bad.csv")
def download_bad(viewer: Operating, rows: Annotated[str, Form()]) -> Response:
    """The rows that were not taken, with the reason, to mend and upload again."""
    del viewer
    headers = {"Content-Disposition": 'attachment; filename="work-orders-to-mend.csv"'}
    text = "\r\n".join(rows.splitlines())
    return Response(f"{BOM}{text}\r\n", media_type="text/csv; charset=utf-8", headers=headers)


def text_of(body: bytes) -> str:
    """The text of a file as Excel writes it: UTF-8, with its mark or without, else GB18030."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    problem = Problem("file", "is neither UTF-8 nor GBK", "save it as CSV UTF-8")
    raise InvalidMessage([problem])
