"""Replays over HTTP: pushes go out once more, slowly, beside the live ones."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from config.settings import settings
from ordercast.contracts.replay import NewReplay
from ordercast.delivery.explaining_replays import explain_estimate, explain_replay
from ordercast.intake.problems import validate
from ordercast.services.gateway.access import Administering, Reading
from ordercast.services.gateway.paging import Limit, Offset, count_headers, page_size
from ordercast.store import replays
from ordercast.store.engine import database

router = APIRouter(prefix="/pushes", tags=["replays"])

_BODY = {"content": {"application/json": {"schema": NewReplay.model_json_schema()}}}


@router.post("/replay", status_code=202, openapi_extra={"requestBody": {**_BODY, "required": True}})
def ask_for_replay(
    caller: Administering, document: Annotated[Any, Body()], response: Response
) -> dict[str, Any]:
    """Have pushes go out once more, an agent's to its own subscribers.

    With `dry_run` only count them: nothing is written.
    """
    wanted = validate(NewReplay, document)
    with database().read() as session:
        found = replays.estimate(session, wanted, agent=caller.agent)
    if wanted.dry_run:
        response.status_code = 200
        return explain_estimate(found)
    with database().write() as session:
        asked = replays.ask(
            session, wanted, expected=found.pushes, asked_by=caller.name, agent=caller.agent
        )
        session.flush()
        shown = explain_replay(session, asked)
    response.headers["Location"] = f"{settings().gateway_url}/pushes/replays/{asked.id}"
    return shown


@router.get("/replays")
def list_replays(
    caller: Reading, response: Response, limit: Limit = None, offset: Offset = 0
) -> list[dict[str, Any]]:
    """Replays with their progress, the newest first."""
    rows = page_size(limit)
    with database().read() as session:
        total, page = replays.listing(session, limit=rows, offset=offset, agent=caller.agent)
        shown = [explain_replay(session, each) for each in page]
    count_headers(response, total=total, shown=len(page))
    return shown


@router.get("/replays/{replay_id}")
def show_replay(caller: Reading, replay_id: str) -> dict[str, Any]:
    """One replay with its progress."""
    with database().read() as session:
        return explain_replay(session, replays.replay(session, replay_id, agent=caller.agent))


@router.post("/replays/{replay_id}/pause")
def pause_replay(caller: Administering, replay_id: str) -> dict[str, Any]:
    """Put nothing more back for now."""
    with database().write() as session:
        return explain_replay(session, replays.pause(session, replay_id, agent=caller.agent))


@router.post("/replays/{replay_id}/resume")
def resume_replay(caller: Administering, replay_id: str) -> dict[str, Any]:
    """Go on where it was."""
    with database().write() as session:
        return explain_replay(session, replays.resume(session, replay_id, agent=caller.agent))


@router.post("/replays/{replay_id}/cancel")
def cancel_replay(caller: Administering, replay_id: str) -> dict[str, Any]:
    """Put nothing more back, ever; what is on its way goes out."""
    with database().write() as session:
        return explain_replay(session, replays.cancel(session, replay_id, agent=caller.agent))
