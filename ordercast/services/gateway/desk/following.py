"""The stream that pages follow."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from config.settings import settings
from ordercast.services.gateway.desk.access import Following, Watching
from ordercast.services.gateway.desk.frame import is_fragment
from ordercast.services.gateway.desk.live import LivePage
from ordercast.services.gateway.event_stream import EventStream

router = APIRouter()


def note_what_is_seen(request: Request, viewer: Watching) -> None:
    """Before a page reads what it shows: whatever happens from now on it has not seen."""
    del viewer
    if request.method == "GET" and not is_fragment(request):
        request.state.seen = request.app.state.live.seen()


@router.get("/live")
async def follow(
    request: Request,
    viewer: Following,
    seen: str = "",
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Topics that have changed since what the page has seen, as Server-Sent Events `changed`."""
    del viewer
    page = LivePage(request.app.state.live, last_event_id or seen)
    heartbeat_seconds = settings().gateway.stream_heartbeat_seconds
    return EventStream(page, heartbeat_seconds=heartbeat_seconds)
