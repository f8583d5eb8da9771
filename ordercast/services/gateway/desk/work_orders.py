"""Work orders at the desk: queues, claiming, and reporting, one by one or by selection."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from ordercast.contracts.report import ReportAnswer, WorkOrderReport
from ordercast.domain.errors import Conflict
from ordercast.domain.work_order import Result, WorkOrderState
from ordercast.intake.problems import validate
from ordercast.intake.reporting import take_reports
from ordercast.services.gateway.desk.access import Operating, Viewer, Watching
from ordercast.services.gateway.desk.frame import fragment, go_to, is_fragment, page, query
from ordercast.services.gateway.desk.language import english, words_of
from ordercast.services.gateway.desk.sign_in import within_desk
from ordercast.services.gateway.desk.vocabulary import VERDICTS
from ordercast.store import orders, work_orders, work_queues
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.tables import WorkOrder
from ordercast.store.work_queues import Queue, Shelf

router = APIRouter()

ROWS = 100
PLACE = "/desk/work-orders"
NONE_CHOSEN = english("Select at least one work order.")


@dataclass(frozen=True)
class Page:
    """A page of a list, as `parts.pager` shows it; number counts from 1."""

    number: int
    total: int
    address: str
    rows: int = ROWS

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.rows))

    @property
    def first(self) -> int:
        return min(self.total, (self.number - 1) * self.rows + 1)

    @property
    def last(self) -> int:
        return min(self.total, self.number * self.rows)

    def url(self, number: int) -> str:
        return f"{self.address}{'&' if '?' in self.address else '?'}page={number}"


@router.get("/work-orders")
def show_queue(
    request: Request,
    viewer: Watching,
    team: str | None = None,
    system: str | None = None,
    shelf: Shelf = Shelf.OPEN,
    number: Annotated[int, Query(alias="page", ge=1, le=10**6)] = 1,
) -> Response:
    """A queue, the first due first, beside the counts of all queues."""
    queue, at = Queue(team or None, system or None), now()
    with database().read() as session:
        counts = work_queues.queues(session, at=at)
        rows = work_queues.page(
            session, queue, shelf, at=at, offset=(number - 1) * ROWS, limit=ROWS
        )
    total = work_queues.count(counts, queue, shelf)
    address = PLACE + query(team=team, system=system, shelf=shelf)
    show, name = (
        (fragment, "_work_orders.html") if is_fragment(request) else (page, "work_orders.html")
    )
    return show(
        request,
        viewer,
        name,
        counts=counts,
        queue=queue,
        shelf=shelf,
        shelves=list(Shelf),
        rows=rows,
        listed=Page(number, total, address),
        at=at,
        can_act=viewer.may("operator"),
    )


@router.get("/work-orders/{work_order_id}")
def show_work_order(request: Request, viewer: Watching, work_order_id: str) -> Response:
    """One work order, what it waits for, and what was reported of it."""
    return _one(request, viewer, work_order_id)


def _one(
    request: Request, viewer: Viewer, work_order_id: str, *, status: int = 200, **typed: str
) -> Response:
    with database().read() as session:
        row = work_orders.work_order(session, work_order_id)
        order = orders.order(session, row.order_no)
        line = work_orders.lines_work(session, row.order_no, [row.line_no])[row.line_no]
        reports = work_queues.reports_of(session, row)
        claimed_at = work_queues.claimed_at(session, row.id) if row.claimed_by else None
    show, name = (
        (fragment, "_work_order.html") if is_fragment(request) else (page, "work_order.html")
    )
    return show(
        request,
        viewer,
        name,
        status=status,
        row=row,
        order=order,
        others=[line.work_orders[name] for name in row.depends_on],
        reports=reports,
        claimed_at=claimed_at,
        at=now(),
        is_open=WorkOrderState(row.state).is_open,
        can_act=viewer.may("operator"),
        typed={"result": "", "code": "", "text": "", "anyway": "", **typed},
        VERDICTS=VERDICTS,
    )


@router.post("/work-orders/{work_order_id}/report")
def report_one(
    request: Request,
    viewer: Operating,
    work_order_id: str,
    result: Annotated[Result, Form()],
    code: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    anyway: Annotated[str, Form()] = "",
) -> Response:
    """Report one; what another has claimed is reported only by who has been told so."""
    with database().read() as session:
        row = work_orders.work_order(session, work_order_id)
    typed = {"result": result, "code": code, "text": text}
    if _is_anothers(row, viewer) and anyway != row.claimed_by:
        return _one(request, viewer, row.id, status=409, **typed, anyway=row.claimed_by or "")
    answer = take_reports(database(), [_report(viewer, row.id, result, code=code, text=text)])[0]
    told = words_of(viewer.language)(VERDICTS[answer.verdict])
    return go_to(request, f"{PLACE}/{row.id}", told=told)


@router.post("/work-orders")
def act_on_several(
    request: Request,
    viewer: Operating,
    act: Annotated[str, Form()],
    chosen: Annotated[list[str] | None, Form(alias="id")] = None,
    code: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = PLACE,
) -> Response:
    """Claim, release, complete or fail what is selected; what could not be done is told."""
    if not chosen:
        raise Conflict(NONE_CHOSEN)
    if act in ("claim", "release"):
        told = _claim(viewer, chosen) if act == "claim" else _release(viewer, chosen)
    else:
        told = _report_several(viewer, chosen, Result(act), code=code, text=text)
    return go_to(request, within_desk(back), told=told)


def _claim(viewer: Viewer, chosen: Sequence[str]) -> str:
    _ = words_of(viewer.language)
    with database().write() as session:
        claimed = work_queues.claim(session, chosen, who=viewer.name)
        left = [row for row in work_queues.of_ids(session, chosen) if row.id not in claimed]
        when = {row.id: work_queues.claimed_at(session, row.id) for row in left[:5]}
    told = [_("Claimed: {n}.", n=len(claimed))]
    for row in left[:5]:
        if row.claimed_by and row.state == WorkOrderState.IN_PROGRESS:
            told.append(_claimed_by(viewer, row, f"{when[row.id]:%Y-%m-%d %H:%M} UTC"))
    if left:
        told.append(_("Not ready, or somebody else's: {n}.", n=len(left)))
    return " ".join(told)


def _claimed_by(viewer: Viewer, row: WorkOrder, when: str) -> str:
    _ = words_of(viewer.language)
    return _("{id}: {who} has claimed it since {when}.", id=row.id, who=row.claimed_by, when=when)


def _release(viewer: Viewer, chosen: Sequence[str]) -> str:
    _ = words_of(viewer.language)
    with database().write() as session:
        released = work_queues.release(session, chosen, who=viewer.name)
    return _("Given back: {n}.", n=len(released))


def _report_several(
    viewer: Viewer, chosen: Sequence[str], result: Result, *, code: str, text: str
) -> str:
    _ = words_of(viewer.language)
    with database().read() as session:
        rows = work_queues.of_ids(session, chosen)
    others = [row for row in rows if _is_anothers(row, viewer)]
    mine = [row for row in rows if not _is_anothers(row, viewer)]
    reports = [_report(viewer, row.id, result, code=code, text=text) for row in mine]
    told = [summary(viewer, take_reports(database(), reports))] if reports else []
    if others:
        told.append(_("Left out, because somebody else has claimed them: {n}.", n=len(others)))
    return " ".join(told)


def summary(viewer: Viewer, answers: Sequence[ReportAnswer]) -> str:
    """What became of reports, by verdict."""
    say = words_of(viewer.language)
    counts = Counter(answer.verdict for answer in answers)
    return " ".join(f"{say(VERDICTS[verdict])} ×{n}" for verdict, n in counts.items())


def _is_anothers(row: WorkOrder, viewer: Viewer) -> bool:
    is_claimed = row.state == WorkOrderState.IN_PROGRESS
    return is_claimed and row.claimed_by not in (None, viewer.name)


def _report(
    viewer: Viewer, work_order_id: str, result: Result, *, code: str, text: str
) -> WorkOrderReport:
    said = {"work_order_id": work_order_id, "result": result, "reporter": viewer.name}
    return validate(WorkOrderReport, {**said, "code": code or None, "text": text or None})
