"""Fallout at the desk: what has stopped by its cause; mend the cause, then act on all at once."""

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.fallout import FITTING, STEP_AFTER, Action, Cause, Trouble
from ordercast.services.gateway.desk.access import Operating, Watching
from ordercast.services.gateway.desk.fallout_words import (
    ACTIONS,
    COMMAND_STATES,
    EFFECTS,
    LEFT_OUT,
    TROUBLES,
)
from ordercast.services.gateway.desk.frame import fragment, go_to, is_fragment, page, query
from ordercast.services.gateway.desk.language import english, words_of
from ordercast.services.gateway.desk.numbered import Numbered
from ordercast.services.gateway.desk.trend import trend
from ordercast.store import audit, fallout, fallout_acts
from ordercast.store.clock import now
from ordercast.store.commands import CommandState
from ordercast.store.engine import database

router = APIRouter()

SPANS = {"day": (timedelta(days=1), 1), "week": (timedelta(days=7), 4)}
"""How far a trend looks back, and how many hours share a bar of its drawing."""

SIZE = 50
SHARES = 8
PER_SECOND = 10.0
STOPPED = english("What was still to be asked is not asked any more.")

Number = Annotated[int, Query(ge=1, le=100_000)]
Apart = Annotated[list[str] | None, Query()]
Said = Annotated[str | None, Query(max_length=300)]
Field = Annotated[str | None, Form(max_length=300)]
Rate = Annotated[float, Form(gt=0, le=1000)]

WORDS: dict[str, Any] = {
    "TROUBLES": TROUBLES,
    "ACTIONS": ACTIONS,
    "EFFECTS": EFFECTS,
    "LEFT_OUT": LEFT_OUT,
    "COMMAND_STATES": COMMAND_STATES,
    "STEPS": STEP_AFTER,
}


@router.get("/fallout")
def list_fallout(
    request: Request, viewer: Watching, span: str = "day", apart: Apart = None, page_no: Number = 1
) -> Response:
    """What has stopped by its cause, those that stop most orders first."""
    span = span if span in SPANS else "day"
    folded = tuple(name for name in fallout.FOLDABLE if name not in (apart or ()))
    back, steps = SPANS[span]
    at = now()
    with database().read() as session:
        found = fallout.groups(session, folded=folded)
        shown = found[(page_no - 1) * SIZE : page_no * SIZE]
        causes = [each.cause for each in shown]
        hours = fallout.trends(session, causes, since=at - back, folded=folded)
        _, acts = fallout_acts.listing(session, offset=0, limit=5)
    axis = fallout.hours_since(at - back, at)
    rows = [
        (each, trend(hours.get(each.cause, {}), axis, steps=steps), address_of(each.cause))
        for each in shown
    ]
    context = {
        **WORDS,
        "rows": rows,
        "span": span,
        "folded": folded,
        "spans": [(each, _address(each, folded)) for each in SPANS],
        "folds": [
            (name, name not in folded, _fold(span, folded, name)) for name in ("product", "agent")
        ],
        "orders": sum(each.orders for each in found),
        "pages": Numbered(request, page_no, SIZE, len(found), name="page_no"),
        "acts": acts,
    }
    if is_fragment(request):
        return fragment(request, viewer, "_fallout.html", **context)
    return page(request, viewer, "fallout.html", **context)


def _address(span: str, folded: tuple[str, ...]) -> str:
    apart = "".join(f"&apart={name}" for name in fallout.FOLDABLE if name not in folded)
    return f"/desk/fallout?span={span}{apart}"


def _fold(span: str, folded: tuple[str, ...], name: str) -> str:
    other = tuple(each for each in folded if each != name) if name in folded else (*folded, name)
    return _address(span, other)


def address_of(cause: Cause) -> str:
    """The page of a cause. An empty part is said too: it means that none is given."""
    said = {name: value for name, value in asdict(cause).items() if value is not None}
    return f"/desk/fallout/cause?{urlencode(said)}"


@router.get("/fallout/cause")
def show_cause(
    request: Request,
    viewer: Watching,
    trouble: Trouble,
    what: Said = None,
    who: Said = None,
    product: Said = None,
    agent: Said = None,
    page_no: Number = 1,
) -> Response:
    """What a cause has stopped, and what can be asked of it."""
    cause = Cause(trouble, what, who, product, agent)
    with database().read() as session:
        offset = (page_no - 1) * SIZE
        total, rows = fallout.stopped(session, cause, offset=offset, limit=SIZE)
        shares = {
            name: [
                (value, count, address_of(replace(cause, **{name: value})))
                for value, count in fallout.shares(session, cause, name, limit=SHARES)
            ]
            for name in fallout.FOLDABLE
            if getattr(cause, name) is None
        }
    context = {
        **WORDS,
        "cause": cause,
        "rows": rows,
        "shares": shares,
        "fitting": FITTING[trouble],
        "pages": Numbered(request, page_no, SIZE, total, name="page_no"),
        "per_second": PER_SECOND,
    }
    return page(request, viewer, "fallout_cause.html", **context)


def _cause(
    trouble: Annotated[Trouble, Form()],
    what: Field = None,
    who: Field = None,
    product: Field = None,
    agent: Field = None,
) -> Cause:
    """The cause that a form names."""
    return Cause(trouble, what, who, product, agent)


@router.post("/fallout/try")
def try_act(
    request: Request,
    viewer: Operating,
    cause: Annotated[Cause, Depends(_cause)],
    action: Annotated[Action, Form()],
) -> Response:
    """Count of whom something would be asked, of whom not, and why; nothing is written."""
    with database().read() as session:
        found = fallout_acts.estimate(session, cause, action)
    return fragment(
        request, viewer, "_fallout_estimate.html", **WORDS, estimate=found, action=action
    )


@router.post("/fallout/acts")
def begin_act(
    request: Request,
    viewer: Operating,
    cause: Annotated[Cause, Depends(_cause)],
    action: Annotated[Action, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
    per_second: Rate = PER_SECOND,
) -> Response:
    """Ask something of all orders that a cause has stopped."""
    if not (why := reason.strip()):
        raise InvalidMessage([Problem("reason", "is missing", "say why: it is kept")])
    with database().write() as session:
        act = fallout_acts.begin(
            session, cause, action, reason=why, asked_by=viewer.name, per_second=per_second
        )
        told = {"cause": act.cause, "asked": act.asked, "left_out": act.left_out}
        audit.note(
            session,
            who=viewer.name,
            did=f"fallout.{action}",
            subject=act.id,
            reason=why,
            details=told,
        )
    return go_to(request, f"/desk/fallout/acts/{act.id}")


@router.get("/fallout/acts/{act_id}")
def show_act(
    request: Request, viewer: Watching, act_id: str, state: str = "", page_no: Number = 1
) -> Response:
    """What has come of an act so far, order by order."""
    wanted = CommandState(state) if state in set(CommandState) else None
    with database().read() as session:
        act = fallout_acts.act(session, act_id)
        progress = fallout_acts.progress(session, act_id)
        offset = (page_no - 1) * SIZE
        total, rows = fallout_acts.items(session, act_id, state=wanted, offset=offset, limit=SIZE)
    here = f"/desk/fallout/acts/{act_id}"
    context = {
        **WORDS,
        "act": act,
        "cause": fallout_acts.cause_of(act),
        "cause_url": address_of(fallout_acts.cause_of(act)),
        "progress": progress,
        "waiting": progress.get(CommandState.ACKNOWLEDGED, 0),
        "done": act.asked - progress.get(CommandState.ACKNOWLEDGED, 0),
        "rows": rows,
        "state": wanted or "",
        "tabs": [(each, f"{here}{query(state=each)}") for each in ("", *CommandState)],
        "pages": Numbered(request, page_no, SIZE, total, name="page_no"),
    }
    if is_fragment(request):
        return fragment(request, viewer, "_fallout_act.html", **context)
    return page(request, viewer, "fallout_act.html", **context)


@router.post("/fallout/acts/{act_id}/stop")
def stop_act(
    request: Request,
    viewer: Operating,
    act_id: str,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Ask no more of those whose turn has not come."""
    with database().write() as session:
        stopped = fallout_acts.stop(session, act_id, by=viewer.name)
        details = {"stopped": stopped}
        audit.note(
            session,
            who=viewer.name,
            did="fallout.stop",
            subject=act_id,
            reason=reason.strip() or None,
            details=details,
        )
    return go_to(request, f"/desk/fallout/acts/{act_id}", told=words_of(viewer.language)(STOPPED))
