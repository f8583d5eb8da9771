"""Replays to a subscriber at the desk: counted first, then carried out slowly, and followed."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from ordercast.contracts.replay import NewReplay, Replayable
from ordercast.delivery.explaining_replays import explain_estimate, explain_replay
from ordercast.domain.errors import NotFound
from ordercast.intake.problems import validate
from ordercast.services.gateway.desk.access import Operating, Watching
from ordercast.services.gateway.desk.frame import fragment, go_to, is_fragment, page
from ordercast.services.gateway.desk.subscriber_words import DELIVERIES, REPLAYS
from ordercast.store import audit, replays, subscribers
from ordercast.store.engine import database

router = APIRouter()

TURNS = {"pause": replays.pause, "resume": replays.resume, "cancel": replays.cancel}


def _wanted(
    subscriber_id: str,
    since: Annotated[str, Form(max_length=40)] = "",
    until: Annotated[str, Form(max_length=40)] = "",
    states: Annotated[list[str] | None, Form()] = None,
    per_second: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> NewReplay:
    said: dict[str, Any] = {
        "subscriber_id": subscriber_id,
        "since": since.strip(),
        "until": until.strip(),
        "states": states or [],
        "per_second": per_second.strip(),
        "reason": reason.strip(),
    }
    return validate(NewReplay, {name: value for name, value in said.items() if value})


Wanted = Annotated[NewReplay, Depends(_wanted)]


@router.get("/subscribers/{subscriber_id}/replay")
def show_form(request: Request, viewer: Operating, subscriber_id: str) -> Response:
    """A form that says which pushes go out once more."""
    with database().read() as session:
        found = subscribers.get(session, subscriber_id)
    return page(
        request,
        viewer,
        "replay_form.html",
        subscriber=found,
        states=list(Replayable),
        DELIVERIES=DELIVERIES,
    )


@router.post("/subscribers/{subscriber_id}/replay/try")
def try_replay(request: Request, viewer: Operating, wanted: Wanted) -> Response:
    """Count what would go out once more; nothing is written."""
    with database().read() as session:
        found = explain_estimate(replays.estimate(session, wanted))
    return fragment(request, viewer, "_replay_estimate.html", found=found)


@router.post("/subscribers/{subscriber_id}/replay")
def begin(request: Request, viewer: Operating, subscriber_id: str, wanted: Wanted) -> Response:
    """Have pushes go out once more."""
    with database().read() as session:
        expected = replays.estimate(session, wanted).pushes
    with database().write() as session:
        asked = replays.ask(session, wanted, expected=expected, asked_by=viewer.name)
        told = {"replay": asked.id, "pushes": asked.expected}
        audit.note(
            session,
            who=viewer.name,
            did="subscribers.replay",
            subject=subscriber_id,
            reason=wanted.reason,
            details=told,
        )
    return go_to(request, f"/desk/subscribers/{subscriber_id}/replays/{asked.id}")


@router.get("/subscribers/{subscriber_id}/replays/{replay_id}")
def show(request: Request, viewer: Watching, subscriber_id: str, replay_id: str) -> Response:
    """How far a replay has come."""
    with database().read() as session:
        found = replays.replay(session, replay_id)
        if found.subscriber_id != subscriber_id:
            raise NotFound("replay", replay_id)
        shown = explain_replay(session, found)
    context = {"replay": shown, "row": found, "DELIVERIES": DELIVERIES, "REPLAYS": REPLAYS}
    if is_fragment(request):
        return fragment(request, viewer, "_replay.html", **context)
    return page(request, viewer, "replay.html", **context)


@router.post("/subscribers/{subscriber_id}/replays/{replay_id}/{turn}")
def turn(
    request: Request,
    viewer: Operating,
    subscriber_id: str,
    replay_id: str,
    turn: Literal["pause", "resume", "cancel"],
) -> Response:
    """Pause, resume or cancel a replay."""
    with database().write() as session:
        TURNS[turn](session, replay_id)
        audit.note(session, who=viewer.name, did=f"replays.{turn}", subject=replay_id, details={})
    return go_to(request, f"/desk/subscribers/{subscriber_id}/replays/{replay_id}")
