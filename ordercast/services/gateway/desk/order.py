"""One order's page: everything that is known of it, following what happens."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from config.settings import settings
from ordercast.domain.order import OrderState
from ordercast.domain.order_actions import possibilities
from ordercast.services.gateway.desk import order_words
from ordercast.services.gateway.desk.access import Watching
from ordercast.services.gateway.desk.frame import fragment, is_fragment, page
from ordercast.services.gateway.desk.numbered import Numbered
from ordercast.services.gateway.desk.order_graph import graph
from ordercast.store import audit, commands, order_page, order_timeline, replays
from ordercast.store.engine import database
from ordercast.store.order_page import Head
from ordercast.store.push_matrix import matrix

router = APIRouter()

LINES_SHOWN = 20
EVENTS_SHOWN = 8
"""The newest of the order's own events have a column in the matrix of pushes."""

MOST = 2**31 // LINES_SHOWN
LineNo = Annotated[int | None, Query(ge=1, le=MOST)]
LinesPage = Annotated[int, Query(ge=1, le=MOST)]


@router.get("/orders/{order_no}")
def show_order(
    request: Request,
    viewer: Watching,
    order_no: str,
    line: LineNo = None,
    lines: LinesPage = 1,
    state: OrderState | None = None,
) -> Response:
    """One order: where it is, what happened, what can be done."""
    with database().read() as session:
        head = order_page.head(session, order_no)
        told = _told(session, head) | _lines(session, request, head, state, page=lines)
        line_no = line or order_page.line_to_look_at(session, head)
        work = order_page.work_of_line(session, order_no, line_no)
    show, name = (fragment, "_order.html") if is_fragment(request) else (page, "order.html")
    return show(
        request,
        viewer,
        name,
        head=head,
        order=head.order,
        run=head.run,
        possible=possibilities(head.standing),
        run_url=_run_url(head),
        line_no=line_no,
        work=work,
        graph=graph(work),
        wanted_state=state,
        words=order_words,
        **told,
    )


def _told(session: Session, head: Head) -> dict[str, Any]:
    order_no = head.order.order_no
    versions = order_page.versions(session, order_no)
    told = matrix(session, order_no)
    return {
        "versions": versions,
        "timeline": order_timeline.timeline(session, head, versions),
        "reports": order_page.reports(session, order_no),
        "events": told.events[-EVENTS_SHOWN:],
        "rows": told.rows,
        "commands": commands.of_order(session, order_no),
        "replays": replays.of_order(session, order_no),
        "audited": audit.of_subject(session, order_no),
    }


def _lines(
    session: Session, request: Request, head: Head, state: OrderState | None, *, page: int
) -> dict[str, Any]:
    counts = head.line_counts
    total = counts.get(state, 0) if state else sum(counts.values())
    offset = (page - 1) * LINES_SHOWN
    rows = order_page.lines(
        session, head.order.order_no, state=state, offset=offset, limit=LINES_SHOWN
    )
    pages = Numbered(request, page, LINES_SHOWN, total, name="lines")
    return {"lines": rows, "line_pages": pages}


def _run_url(head: Head) -> str | None:
    run_id = head.run.flow_run_id
    return f"{settings().prefect_ui_url}/runs/flow-run/{run_id}" if run_id else None
