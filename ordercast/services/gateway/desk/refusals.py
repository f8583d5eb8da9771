"""Refusals as pages, or as parts of them: a heading in the viewer's language, and what is wrong."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ordercast.domain.errors import InvalidMessage, Refused
from ordercast.intake.problems import problems_of_faults
from ordercast.services.gateway.desk.access import SignInNeeded
from ordercast.services.gateway.desk.cookies import take_token, token_of
from ordercast.services.gateway.desk.frame import fragment, go_to, is_fragment, page
from ordercast.services.gateway.desk.language import english
from ordercast.services.gateway.refusals import STATUS
from ordercast.store.engine import DATABASE_AWAY

HEADINGS = {
    HTTPStatus.BAD_REQUEST: english("Something in it is not right"),
    HTTPStatus.FORBIDDEN: english("Not allowed"),
    HTTPStatus.NOT_FOUND: english("There is nothing here"),
    HTTPStatus.CONFLICT: english("That cannot be done now"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: english("That is too large"),
    HTTPStatus.TOO_MANY_REQUESTS: english("Too soon"),
    HTTPStatus.SERVICE_UNAVAILABLE: english("The database does not answer; try again in a moment"),
}
BROKEN = english("Something went wrong; the gateway's log says what")


def install(app: FastAPI) -> None:
    """Answer every refusal of the desk as people read it."""
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DataError, _unfit)
    app.add_exception_handler(Exception, _broken)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _away)


def _sign_in(request: Request, _error: Exception) -> Response:
    shown = request.headers.get("hx-current-url") or _here(request)
    response = go_to(request, f"/desk/sign-in?next={quote(_path_of(shown))}")
    if token_of(request):
        take_token(response)
    return response


def _here(request: Request) -> str:
    """The page that was asked for; what is sent by a form has none."""
    if request.method != "GET":
        return "/desk/"
    return f"{request.url.path}?{request.url.query}".rstrip("?")


def _path_of(url: str) -> str:
    place = url.find("/desk/")
    return url[place:] if place >= 0 else "/desk/"


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _told(request, STATUS[type(error)], error.said)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _refused(request, InvalidMessage(problems_of_faults(error.errors())))


def _unfit(request: Request, _error: Exception) -> Response:
    return _told(request, HTTPStatus.BAD_REQUEST, [])


def _away(request: Request, _error: Exception) -> Response:
    return _told(request, HTTPStatus.SERVICE_UNAVAILABLE, [])


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _told(request, error.status_code, [])


def _broken(request: Request, _error: Exception) -> Response:
    return _told(request, HTTPStatus.INTERNAL_SERVER_ERROR, [])


def _told(request: Request, status: int, problems: Sequence[str]) -> Response:
    viewer = getattr(request.state, "viewer", None)
    heading = HEADINGS.get(HTTPStatus(status), BROKEN)
    show, name = (fragment, "_refused.html") if is_fragment(request) else (page, "refused.html")
    return show(request, viewer, name, status=status, heading=heading, problems=problems)
