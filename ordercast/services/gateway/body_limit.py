"""A body over the limit is refused with 413 before it is read to its end."""

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ordercast.domain.errors import TooLarge
from ordercast.services.gateway.refusals import error_body


class BodyLimit:
    """ASGI middleware; the limit is in bytes, of the body as it comes over the wire."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app, self._limit_bytes = app, limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit_bytes:
            return await self._refuse(scope, receive, send)
        try:
            body = await self._read(receive)
        except TooLarge:
            return await self._refuse(scope, receive, send)
        except ClientDisconnect:
            return None  # half a body is no message: nobody is left to answer
        return await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes:
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            more = message.get("more_body", False)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limit_bytes:
                raise TooLarge(self._limit_bytes)
        return b"".join(parts)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = TooLarge(self._limit_bytes)
        response = JSONResponse(error_body(413, "the body is too large", str(error)), 413)
        await response(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
