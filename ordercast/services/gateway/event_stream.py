"""A stream of Server-Sent Events. Source: the HTML standard, section Server-sent events.

A block without data is no event: the first one tells where the stream begins, and those sent
while nothing happens keep the connection open and move `Last-Event-ID` over what was left out.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

import anyio
from fastapi.sse import format_sse_event
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

RETRY_MILLISECONDS = 3000


class Reader(Protocol):
    """What a stream sends: `seen` is the id that its reader goes on by."""

    on_drop: Callable[[], None]

    @property
    def seen(self) -> int | str: ...

    def chunks(self, heartbeat_seconds: float) -> AsyncGenerator[bytes]: ...


class EventStream(Response):
    """Sends what a reader is offered until the client goes, or is too slow."""

    media_type = "text/event-stream"

    def __init__(self, reader: Reader, *, heartbeat_seconds: float) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._reader, self._heartbeat_seconds = reader, heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        async with anyio.create_task_group() as group:
            self._reader.on_drop = group.cancel_scope.cancel
            group.start_soon(_until_hung_up, receive, group.cancel_scope)
            await self._write(send)
            await send({"type": "http.response.body", "body": b""})
            group.cancel_scope.cancel()

    async def _write(self, send: Send) -> None:
        told = self._reader.seen
        first = format_sse_event(id=str(told), retry=RETRY_MILLISECONDS)
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async with aclosing(self._reader.chunks(self._heartbeat_seconds)) as chunks:
            async for chunk in chunks:
                if not chunk:
                    moved, told = self._reader.seen != told, self._reader.seen
                    at = str(told) if moved else None
                    chunk = format_sse_event(comment="heartbeat", id=at)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _until_hung_up(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
