"""Signing in and out, and the language: what needs no session."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from config.settings import settings
from ordercast.services.gateway.desk.access import viewer_of
from ordercast.services.gateway.desk.cookies import give_token, is_secure, take_token, token_of
from ordercast.services.gateway.desk.frame import go_to, page
from ordercast.services.gateway.desk.language import COOKIE, LANGUAGES
from ordercast.store import audit, desk_sessions, users
from ordercast.store.engine import database

router = APIRouter()

START = "/desk/"
A_YEAR = 365 * 24 * 3600


@router.get("/sign-in")
def show_sign_in(request: Request, next: str = START) -> Response:
    """The sign-in page; where there are no users it says how to add one."""
    if viewer_of(request):
        return go_to(request, within_desk(next))
    return _sign_in_page(request, next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = START,
) -> Response:
    """Begin a session; a wrong name, a wrong password and a pause are answered alike."""
    user = users.who_signs_in(database(), name, password)
    if user is None:
        return _sign_in_page(request, next, name=name, is_wrong=True, status=403)
    lasts = timedelta(hours=settings().desk.session_hours)
    with database().write() as session:
        if old := token_of(request):
            desk_sessions.end(session, old)
        token = desk_sessions.begin(session, user.name, lasts=lasts)
        audit.note(session, who=user.name, did="desk.sign-in", subject=user.name)
    response = go_to(request, within_desk(next))
    give_token(response, token, seconds=int(lasts.total_seconds()))
    return response


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session."""
    if token := token_of(request):
        with database().write() as session:
            desk_sessions.end(session, token)
    response = go_to(request, "/desk/sign-in")
    take_token(response)
    return response


@router.post("/language")
def choose_language(
    request: Request, language: Annotated[str, Form()], next: Annotated[str, Form()] = START
) -> Response:
    """Show the desk in another language from now on."""
    response = go_to(request, within_desk(next))
    if language not in LANGUAGES:
        return response
    response.set_cookie(
        COOKIE, language, max_age=A_YEAR, path="/desk", secure=is_secure(), samesite="lax"
    )
    if viewer := viewer_of(request):
        with database().write() as session:
            users.speak(session, viewer.name, language)
    return response


def _sign_in_page(
    request: Request, next: str, *, name: str = "", is_wrong: bool = False, status: int = 200
) -> Response:
    with database().read() as session:
        has_users = users.any_users(session)
    return page(
        request,
        None,
        "sign_in.html",
        status=status,
        next=within_desk(next),
        name=name,
        is_wrong=is_wrong,
        has_users=has_users,
    )


def within_desk(path: str) -> str:
    """A page of the desk; the start for anything else, which may lead elsewhere."""
    is_ours = path.startswith(START) and path.isprintable() and "\\" not in path
    return path if is_ours else START
