"""Who is at the desk, and what they may do: dependencies of every page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from secrets import compare_digest
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from config.settings import settings
from ordercast.domain.errors import Forbidden
from ordercast.domain.people import Role
from ordercast.services.gateway.desk.cookies import token_of
from ordercast.services.gateway.desk.language import english, language_of
from ordercast.store import desk_sessions
from ordercast.store.engine import database

READING = frozenset({"GET", "HEAD", "OPTIONS"})
FOLLOWING = "Desk-Follows"
"""The header of requests that a page makes by itself to follow what happens."""

NOT_YOURS = english("Your role does not allow this; ask an admin.")
FORM_TOO_OLD = english("This form is too old: load the page again, then try once more.")
FOREIGN_FORM = english("This form was sent by another site.")


@dataclass(frozen=True)
class Viewer:
    """Who looks at the desk: signed in, in a role, in a language. The zone knows the browser."""

    name: str
    role: Role
    language: str
    csrf: str
    has_generated_password: bool = False

    def may(self, role: str) -> bool:
        """Whether the viewer may do what a role may."""
        return self.role.may(Role(role))


class SignInNeeded(Exception):
    """Nobody is signed in, or not any more."""


def viewer_of(request: Request, *, is_use: bool = True) -> Viewer | None:
    """Who is signed in, whose session this may be a use of; None if nobody is."""
    token = token_of(request)
    if not token:
        return None
    idle = timedelta(minutes=settings().desk.idle_minutes)
    with database().read() as session:
        found = desk_sessions.find(session, token, idle=idle)
    if found is None:
        return None
    if is_use and found.is_stale and FOLLOWING not in request.headers:
        with database().write() as session:
            desk_sessions.note_use(session, found.token_sha256)
    return Viewer(
        name=found.user.name,
        role=Role(found.user.role),
        language=language_of(request, found.user.language),
        csrf=found.csrf,
        has_generated_password=found.user.has_generated_password,
    )


def _signed_in(*, is_use: bool) -> Callable[[Request], Viewer]:
    def signed_in(request: Request) -> Viewer:
        viewer = viewer_of(request, is_use=is_use)
        if viewer is None:
            raise SignInNeeded
        request.state.viewer = viewer
        return viewer

    return signed_in


Watching = Annotated[Viewer, Depends(_signed_in(is_use=True))]
"""Anybody who is signed in."""

Following = Annotated[Viewer, Depends(_signed_in(is_use=False))]
"""As `Watching`, by a stream that a page opens again by itself: it sends no header to say so."""


def _at_least(role: Role) -> Callable[[Viewer], Viewer]:
    def allowed(viewer: Watching) -> Viewer:
        if not viewer.role.may(role):
            raise Forbidden(NOT_YOURS)
        return viewer

    return allowed


Operating = Annotated[Viewer, Depends(_at_least(Role.OPERATOR))]
"""An operator or an admin."""

Administering = Annotated[Viewer, Depends(_at_least(Role.ADMIN))]
"""An admin."""


async def own_form(request: Request, viewer: Watching) -> None:
    """Forbidden, unless what changes something comes from a form of the viewer's own session."""
    if request.method in READING:
        return
    given = request.headers.get("x-csrf-token") or (await request.form()).get("csrf")
    if not isinstance(given, str) or not compare_digest(given.encode(), viewer.csrf.encode()):
        raise Forbidden(FORM_TOO_OLD)


def same_site(request: Request) -> None:
    """Forbidden, if a browser says that another site's page sends this."""
    if request.method in READING:
        return
    said = request.headers.get("sec-fetch-site")
    if said:
        is_ours = said in ("same-origin", "none")
    else:
        origin = request.headers.get("origin")
        is_ours = origin is None or urlsplit(origin).netloc in _own_hosts(request)
    if not is_ours:
        raise Forbidden(FOREIGN_FORM)


def _own_hosts(request: Request) -> tuple[str, str]:
    return request.headers.get("host", ""), urlsplit(settings().gateway_url).netloc
