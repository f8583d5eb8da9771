"""What is asked of an order at the desk: each with a reason, which is kept."""

from collections.abc import Mapping
from typing import Annotated, Any, assert_never

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from ordercast.contracts.replay import NewReplay
from ordercast.domain.errors import Conflict, InvalidMessage, Problem
from ordercast.domain.order_actions import Action, possibilities
from ordercast.services.gateway.desk.access import Operating
from ordercast.services.gateway.desk.frame import go_to
from ordercast.services.gateway.desk.language import english, words_of
from ordercast.services.gateway.desk.order_words import WHY_NOT
from ordercast.store import accepting, audit, commands, order_page, orders, replays
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database

router = APIRouter()

ASKED = english("It is asked; the page shows what comes of it.")

Reason = Annotated[str, Form(max_length=500)]
Id = Annotated[str, Form(min_length=1, max_length=128)]


@router.post("/orders/{order_no}/accept-report")
def accept_report(
    request: Request,
    viewer: Operating,
    order_no: str,
    work_order: Id,
    report: Id,
    reason: Reason = "",
) -> Response:
    """Let a report that contradicts the one that stands take its place."""
    details = {"work_order": work_order, "report": report}
    with database().write() as session:
        orders.order(session, order_no, lock=True)
        if accepting.acceptable(session, work_order, report).order_no != order_no:
            raise Conflict("the report is not about {order_no}", order_no=order_no)
        _command(session, order_no, CommandKind.ACCEPT, viewer.name, reason, details)
    return _back(request, viewer.language, order_no)


@router.post("/orders/{order_no}/{action}")
def ask(
    request: Request,
    viewer: Operating,
    order_no: str,
    action: Action,
    reason: Reason = "",
    work_order: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Ask something of an order, if it is possible as the order stands."""
    with database().write() as session:
        orders.order(session, order_no, lock=True)
        standing = order_page.head(session, order_no).standing
        if why_not := possibilities(standing)[action]:
            raise Conflict(words_of(viewer.language)(WHY_NOT[why_not]))
        match action:
            case Action.RETRY:
                _command(session, order_no, CommandKind.RETRY, viewer.name, reason)
            case Action.CANCEL:
                _command(session, order_no, CommandKind.CANCEL, viewer.name, reason)
            case Action.REOPEN:
                details = {"work_orders": work_order or []}
                _command(session, order_no, CommandKind.REOPEN, viewer.name, reason, details)
            case Action.REPLAY:
                _replay(session, order_no, viewer.name, reason)
            case _:
                assert_never(action)
    return _back(request, viewer.language, order_no)


def _command(
    session: Session,
    order_no: str,
    kind: CommandKind,
    who: str,
    reason: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    why = _given(reason)
    asked = commands.ask(session, order_no, kind, reason=why, asked_by=who, details=details)
    told = {"command": asked.id, **(details or {})}
    audit.note(session, who=who, did=f"orders.{kind}", subject=order_no, reason=why, details=told)


def _replay(session: Session, order_no: str, who: str, reason: str) -> None:
    why = _given(reason)
    wanted = NewReplay(order_no=order_no, reason=why)
    expected = replays.estimate(session, wanted).pushes  # an order has few events
    asked = replays.ask(session, wanted, expected=expected, asked_by=who)
    told = {"replay": asked.id, "pushes": asked.expected}
    audit.note(session, who=who, did="orders.replay", subject=order_no, reason=why, details=told)


def _given(reason: str) -> str:
    why = reason.strip()
    if not why:
        raise InvalidMessage([Problem("reason", "is missing", "say why: it is kept")])
    return why


def _back(request: Request, language: str, order_no: str) -> Response:
    return go_to(request, f"/desk/orders/{order_no}", told=words_of(language)(ASKED))
