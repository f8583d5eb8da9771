"""Subscribers at the desk: how they are doing, what they were told, and what can be done."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from ordercast.contracts.subscriber import (
    CreatedSubscriber,
    NewSecret,
    NewSubscriber,
    SubscriberChange,
    SubscriberKind,
    SubscriberState,
    SubscriberView,
)
from ordercast.delivery.explaining import explain_attempt, explain_push
from ordercast.delivery.guard import guard
from ordercast.delivery.subscribing import change, check, rotate_secret, subscribe
from ordercast.domain.errors import Conflict, InvalidMessage, NotFound, Problem
from ordercast.intake.problems import validate
from ordercast.services.gateway.desk import subscriber_form
from ordercast.services.gateway.desk.access import Administering, Viewer, Watching
from ordercast.services.gateway.desk.frame import fragment, go_to, is_fragment, page
from ordercast.services.gateway.desk.language import english, words_of
from ordercast.services.gateway.desk.numbered import Numbered
from ordercast.services.gateway.desk.subscriber_words import DELIVERIES, HEALTH
from ordercast.services.gateway.subscribers import tested
from ordercast.store import audit, push_ledger, subscribers
from ordercast.store.engine import database
from ordercast.store.push_ledger import PushFilter, parse_state
from ordercast.store.pushes import DeliveryState
from ordercast.store.subscriber_lag import lags, last_attempts

router = APIRouter()

SIZE = 50
VERDICTS = 10
CHANGED = english("It is changed.")
PAUSED = english("It is paused; what it is to be told is kept.")
RESUMED = english("It is told again.")
REMOVED = english("It is removed; what it was told stays in the ledger.")

Number = Annotated[int, Query(ge=1, le=100_000)]
Reason = Annotated[str, Form(max_length=500)]
WORDS: dict[str, Any] = {"HEALTH": HEALTH, "DELIVERIES": DELIVERIES}


async def _typed(request: Request) -> Mapping[str, Sequence[str]]:
    form = await request.form()
    return {name: [str(each) for each in form.getlist(name)] for name in form}


Typed = Annotated[Mapping[str, Sequence[str]], Depends(_typed)]


@router.get("/subscribers")
def list_subscribers(request: Request, viewer: Watching, page_no: Number = 1) -> Response:
    """All subscribers, how they are doing, how far they are behind, and their last verdicts."""
    with database().read() as session:
        offset = (page_no - 1) * SIZE
        total, found = subscribers.listing(session, limit=SIZE, offset=offset)
        behind = lags(session, [each.id for each in found])
        rows = [
            (
                SubscriberView.model_validate(each),
                behind[each.id],
                last_attempts(session, each.id, limit=VERDICTS),
            )
            for each in found
        ]
    context = {
        **WORDS,
        "rows": rows,
        "pages": Numbered(request, page_no, SIZE, total, name="page_no"),
    }
    if is_fragment(request):
        return fragment(request, viewer, "_subscribers.html", **context)
    return page(request, viewer, "subscribers.html", **context)


@router.get("/subscribers/add")
def show_new(request: Request, viewer: Administering) -> Response:
    """A form for another subscriber."""
    blank = NewSubscriber.model_construct(name="", url="", kind=SubscriberKind.PUBLIC).model_dump()
    return _form(request, viewer, blank, None)


@router.post("/subscribers/add")
def add(request: Request, viewer: Administering, typed: Typed) -> Response:
    """Add a subscriber, and show its signing secret this once."""
    document = subscriber_form.document_of(typed, is_new=True)
    try:
        wanted = validate(NewSubscriber, document)
        check(wanted, guard())
        with database().write() as session:
            made = subscribe(session, wanted)
            _note(session, viewer, "add", made.id, None, {"name": made.name})
    except (InvalidMessage, Conflict) as refused:
        return _form(request, viewer, document, None, _problems(refused))
    return _secret(request, viewer, made)


@router.get("/subscribers/{subscriber_id}/edit")
def show_edit(request: Request, viewer: Administering, subscriber_id: str) -> Response:
    """A form with a subscriber as it is."""
    view = _view(subscriber_id)
    return _form(request, viewer, view.model_dump(mode="json"), view)


@router.post("/subscribers/{subscriber_id}/edit")
def edit(request: Request, viewer: Administering, subscriber_id: str, typed: Typed) -> Response:
    """Change a subscriber."""
    view = _view(subscriber_id)
    document = subscriber_form.document_of(typed, is_new=False)
    if document["url"] == view.url:
        del document["url"]  # shown without its password, which it keeps
    try:
        change(database(), subscriber_id, validate(SubscriberChange, document), guard())
    except InvalidMessage as refused:
        shown = {**view.model_dump(mode="json"), **document}
        return _form(request, viewer, shown, view, _problems(refused))
    with database().write() as session:
        _note(session, viewer, "change", subscriber_id, None, {"fields": sorted(document)})
    return _back(request, viewer, subscriber_id, CHANGED)


@router.get("/subscribers/{subscriber_id}")
def show(
    request: Request, viewer: Watching, subscriber_id: str, state: str = "", page_no: Number = 1
) -> Response:
    """One subscriber with its pushes, the newest first."""
    wanted = PushFilter(subscriber_id=subscriber_id, state=parse_state(state))
    with database().read() as session:
        view = SubscriberView.model_validate(subscribers.get(session, subscriber_id))
        lag = lags(session, [subscriber_id])[subscriber_id]
        offset = (page_no - 1) * SIZE
        total, entries = push_ledger.deliveries(session, wanted, limit=SIZE, offset=offset)
    context = {
        **WORDS,
        "view": view,
        "lag": lag,
        "state": state,
        "states": list(DeliveryState),
        "rows": [(each, explain_push(each)) for each in entries],
        "fields": subscriber_form.fields(),
        "pages": Numbered(request, page_no, SIZE, total, name="page_no"),
    }
    return page(request, viewer, "subscriber.html", **context)


@router.get("/subscribers/{subscriber_id}/pushes/{delivery_id}")
def show_attempts(
    request: Request, viewer: Watching, subscriber_id: str, delivery_id: UUID
) -> Response:
    """Every attempt of a push, with what it means and what to do."""
    with database().read() as session:
        entry = push_ledger.delivery(session, delivery_id)
        if entry.delivery.subscriber_id != subscriber_id:
            raise NotFound("push", str(delivery_id))
        found = push_ledger.attempts(session, delivery_id)
    rows = [(each, explain_attempt(each)) for each in found]
    return fragment(request, viewer, "_attempts.html", **WORDS, rows=rows)


@router.post("/subscribers/{subscriber_id}/test")
def test(request: Request, viewer: Administering, subscriber_id: str) -> Response:
    """Push a test event through the whole path, and explain what was answered."""
    found = tested(subscriber_id)
    with database().write() as session:
        _note(session, viewer, "test", subscriber_id, None, {"verdict": found["verdict"]})
    return fragment(request, viewer, "_subscriber_test.html", **WORDS, found=found)


@router.post("/subscribers/{subscriber_id}/pause")
def pause(
    request: Request, viewer: Administering, subscriber_id: str, reason: Reason = ""
) -> Response:
    """Tell it nothing for now."""
    return _turn(request, viewer, subscriber_id, SubscriberState.DISABLED, reason)


@router.post("/subscribers/{subscriber_id}/resume")
def resume(
    request: Request, viewer: Administering, subscriber_id: str, reason: Reason = ""
) -> Response:
    """Tell it again, one push first."""
    return _turn(request, viewer, subscriber_id, SubscriberState.ACTIVE, reason)


def _turn(
    request: Request, viewer: Viewer, subscriber_id: str, state: SubscriberState, reason: str
) -> Response:
    wanted = validate(SubscriberChange, {"state": state.value})
    change(database(), subscriber_id, wanted, guard())
    is_active = state is SubscriberState.ACTIVE
    with database().write() as session:
        did = "resume" if is_active else "pause"
        _note(session, viewer, did, subscriber_id, reason.strip() or None)
    return _back(request, viewer, subscriber_id, RESUMED if is_active else PAUSED)


@router.post("/subscribers/{subscriber_id}/rotate")
def rotate(
    request: Request,
    viewer: Administering,
    subscriber_id: str,
    secret: Annotated[str, Form(max_length=256)] = "",
    overlap_hours: Annotated[str, Form(max_length=20)] = "",
    reason: Reason = "",
) -> Response:
    """Sign with another secret, shown this once; for a while the old one signs too."""
    document = {"secret": secret.strip() or None, "overlap_hours": overlap_hours.strip() or None}
    with database().write() as session:
        made = rotate_secret(session, subscriber_id, validate(NewSecret, document))
        _note(session, viewer, "rotate", subscriber_id, reason.strip() or None)
    return _secret(request, viewer, made)


@router.post("/subscribers/{subscriber_id}/remove")
def remove(
    request: Request,
    viewer: Administering,
    subscriber_id: str,
    typed_name: Annotated[str, Form(max_length=128)] = "",
    reason: Reason = "",
) -> Response:
    """Tell it nothing more, once its name was typed."""
    with database().write() as session:
        found = subscribers.get(session, subscriber_id)
        if typed_name.strip() != found.name:
            cure = "type its name as it stands above"
            raise InvalidMessage([Problem("name", "is not that of the subscriber", cure)])
        subscribers.delete(session, subscriber_id)
        _note(
            session, viewer, "remove", subscriber_id, reason.strip() or None, {"name": found.name}
        )
    return go_to(request, "/desk/subscribers", told=words_of(viewer.language)(REMOVED))


def _view(subscriber_id: str) -> SubscriberView:
    with database().read() as session:
        return SubscriberView.model_validate(subscribers.get(session, subscriber_id))


def _form(
    request: Request,
    viewer: Viewer,
    values: Mapping[str, Any],
    view: SubscriberView | None,
    problems: Sequence[Problem] = (),
) -> Response:
    shown = [each for each in subscriber_form.fields() if view is None or not each.is_fixed]
    context = {
        "fields": shown,
        "values": values,
        "view": view,
        "problems": subscriber_form.by_field(problems),
    }
    status = 400 if problems else 200
    return page(request, viewer, "subscriber_form.html", status=status, **context)


def _problems(refused: InvalidMessage | Conflict) -> Sequence[Problem]:
    if isinstance(refused, InvalidMessage):
        return refused.problems
    return [Problem(name, refused.said[0], "choose another") for name in refused.fields or ("",)]


def _secret(request: Request, viewer: Viewer, made: CreatedSubscriber) -> Response:
    answer = page(request, viewer, "subscriber_secret.html", view=made, secret=made.secret)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _back(request: Request, viewer: Viewer, subscriber_id: str, told: str) -> Response:
    return go_to(
        request, f"/desk/subscribers/{subscriber_id}", told=words_of(viewer.language)(told)
    )


def _note(
    session: Any,
    viewer: Viewer,
    did: str,
    subscriber_id: str,
    reason: str | None,
    details: Mapping[str, Any] | None = None,
) -> None:
    audit.note(
        session,
        who=viewer.name,
        did=f"subscribers.{did}",
        subject=subscriber_id,
        reason=reason,
        details=details,
    )
