"""The event feed over HTTP: pages by a cursor, and a stream of Server-Sent Events."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from config.settings import settings
from ordercast.delivery.cloud_events import body_of
from ordercast.delivery.composing import masked
from ordercast.services.gateway.access import KnownCaller
from ordercast.services.gateway.event_stream import EventStream
from ordercast.services.gateway.feed_access import Wanted, cursor
from ordercast.services.gateway.feed_tail import FeedTail
from ordercast.services.gateway.paging import Limit, page_size
from ordercast.store.engine import database
from ordercast.store.feed_reading import FeedPage, read_feed

router = APIRouter(prefix="/events", tags=["events"])

_STREAM = {"content": {EventStream.media_type: {"schema": {"type": "string"}}}}

After = Annotated[str | None, Query(description="the cursor to go on after; 0: the beginning")]


@router.get("")
def list_events(wanted: Wanted, after: After = None, limit: Limit = None) -> Response:
    """Events in the order of the feed, as CloudEvents; `next` is the cursor to go on after.

    A page may be short, or empty, though there is `more`.
    """
    rows = page_size(limit)
    with database().read() as session:
        page = read_feed(session, wanted, after=cursor(after) or 0, limit=rows)
    return Response(_document(page, wanted.masking), media_type="application/json")


@router.get("/stream", response_class=Response, responses={200: _STREAM})
async def stream_events(
    request: Request,
    wanted: Wanted,
    caller: KnownCaller,
    after: After = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Events as they come, as Server-Sent Events whose ids are cursors of the feed.

    It goes on after `Last-Event-ID`, or `after`; with neither it begins with what comes next.
    """
    begin = cursor(last_event_id, name="Last-Event-ID")
    if begin is None:
        begin = cursor(after)
    tail: FeedTail = request.app.state.feed_tail
    key_id = caller and caller.key_id
    reader = await run_in_threadpool(tail.reader, wanted, begin, key_id=key_id)
    return EventStream(reader, heartbeat_seconds=settings().gateway.stream_heartbeat_seconds)


def _document(page: FeedPage, masking: Sequence[str]) -> str:
    """The bodies stand in it letter by letter as they are pushed."""
    base_url = settings().gateway_url
    bodies = ",".join(
        body_of(row.event, masked(row.event, masking), base_url=base_url) for row in page.events
    )
    more = "true" if page.more else "false"
    return f'{{"events":[{bodies}],"next":"{page.next}","more":{more}}}'
