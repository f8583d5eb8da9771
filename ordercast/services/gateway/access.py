"""Access: whoever comes in shows an API key, and may do what its scopes say. Source: RFC 6750.

A request without a valid key is turned away before its body is read. What is open to all is
named here; all else is closed, routes that are yet to be written included.
"""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import HTTPException, Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ordercast.contracts import api_key
from ordercast.services.gateway.callers import Caller, Callers, Stranger, turned_away
from ordercast.services.gateway.refusals import database_away, error_body
from ordercast.store.engine import DATABASE_AWAY

OPEN = {"/health", "/ready", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}
"""Health, and the description of the API, which holds no data."""

OPEN_BELOW = ("/desk/", "/results/")
"""The desk has its own sign-in; links to results carry their own signature."""

FEED = ("/events", "/events/stream")
"""Here a subscriber may come with its own secret instead; `feed_access` asks for it."""

WORDS = {
    "missing": "give an API key: Authorization: Bearer ock_…; an operator makes one with "
    "`ordercast keys add`",
    "unknown": "this API key is not known here: see that it was copied whole, or ask an operator "
    "for another",
    "expired": "this API key has expired: ask an operator for another",
    "revoked": "this API key was revoked: ask an operator for another",
}


class KeyRequired:
    """ASGI middleware that knows who calls, as `request.state.caller`, or turns them away."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._callers = app, Callers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_open(scope["path"]):
            return await self._app(scope, receive, send)
        state: dict[str, Any] = scope.setdefault("state", {})
        try:
            state["caller"] = await self._callers.holder_of(_key_of(scope))
        except Stranger as stranger:
            if not _may_be_subscriber(scope):
                return await _unauthorized(stranger.reason)(scope, receive, send)
            state["caller"] = None
        except DATABASE_AWAY:
            return await database_away()(scope, receive, send)
        return await self._app(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in OPEN or path == "/desk" or path.startswith(OPEN_BELOW)


def _key_of(scope: Scope) -> str:
    scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not key.strip():
        raise Stranger("missing")
    return key.strip()


def _may_be_subscriber(scope: Scope) -> bool:
    return scope["path"] in FEED and "subscriber" in parse_qs(
        scope["query_string"].decode("latin-1")
    )


def _unauthorized(reason: str) -> JSONResponse:
    turned_away.labels(reason).inc()
    error = "" if reason == "missing" else ', error="invalid_token"'
    status = HTTPStatus.UNAUTHORIZED
    return JSONResponse(
        error_body(status, status.phrase, WORDS[reason]),
        status,
        headers={"WWW-Authenticate": f'Bearer realm="ordercast"{error}'},
    )


class KeyHolder(SecurityBase):
    """A dependency: who calls, None where a subscriber may come without a key.

    One class with its scheme, so that a request solves a single dependency.
    """

    model = HTTPBearer(description="A key of `ordercast keys add`: `Bearer ock_…`.")
    scheme_name = "ApiKey"

    async def __call__(self, request: Request) -> Caller | None:
        return request.state.caller


class Having(KeyHolder):
    """A dependency: the caller, who must have that scope."""

    def __init__(self, scope: api_key.Scope) -> None:
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:
        return admit(request.state.caller, self._scope)


class HavingAll(Having):
    """A dependency: the caller, who must have that scope, and not for one agent alone."""

    async def __call__(self, request: Request) -> Caller:
        caller = await super().__call__(request)
        if caller.agent is None:
            return caller
        turned_away.labels("scope").inc()
        text = f"the API key {caller.name!r} is for one agent: this tells of all; use one without"
        raise HTTPException(HTTPStatus.FORBIDDEN, text)


def admit(caller: Caller | None, scope: api_key.Scope) -> Caller:
    """The caller, who must have that scope; else 403, which names it."""
    assert caller
    if caller.may(scope):
        return caller
    turned_away.labels("scope").inc()
    raise HTTPException(
        HTTPStatus.FORBIDDEN,
        f"the API key {caller.name!r} lacks the scope {scope}: use one that has it",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


KnownCaller = Annotated[Caller | None, Security(KeyHolder())]
Submitting = Annotated[Caller, Security(Having(api_key.Scope.SUBMIT))]
Reporting = Annotated[Caller, Security(Having(api_key.Scope.REPORT))]
Reading = Annotated[Caller, Security(Having(api_key.Scope.READ))]
Administering = Annotated[Caller, Security(Having(api_key.Scope.ADMIN))]
Overseeing = Annotated[Caller, Security(HavingAll(api_key.Scope.READ))]
"""Who may read, and not of one agent alone."""
