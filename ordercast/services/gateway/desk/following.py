"""The stream that pages follow."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from config.settings import settings
from ordercast.services.gateway.desk.access import Watching
from ordercast.services.gateway.desk.live import LivePage
from ordercast.services.gateway.event_stream import EventStream

router = APIRouter()


@router.get("/live")
async def follow(
    request: Request, viewer: Watching, last_event_id: Annotated[str | None, Header()] = None
) -> Response:
    """Topics that have changed, as Server-Sent Events `changed`; `all` after a gap."""
    del viewer
    page = LivePage(request.app.state.live, last_seen=last_event_id)
    heartbeat_seconds = settings().gateway.stream_heartbeat_seconds
    return EventStream(page, heartbeat_seconds=heartbeat_seconds)
