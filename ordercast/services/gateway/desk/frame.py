"""The frame of every page: templates, in the viewer's language, with what all of them need."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ordercast.services.gateway.desk.access import FOLLOWING, Viewer
from ordercast.services.gateway.desk.cookies import TOLD, tell_once, told_once
from ordercast.services.gateway.desk.language import LANGUAGES, english, language_of, words_of
from ordercast.services.gateway.desk.vocabulary import (
    ROLES,
    SHELVES,
    STATES,
    WORK_ORDER_STATES,
)

HERE = Path(__file__).parent
THEMES = ("light", "dark")

PLACES = (
    ("/work-orders", english("Work orders")),
    ("/orders", english("Orders")),
    ("/fallout", english("Fallout")),
    ("/subscribers", english("Subscribers")),
)
"""Where the navigation leads, of what there is."""


def page(
    request: Request, viewer: Viewer | None, template: str, /, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """A template as a whole page; without a viewer it is one for those not signed in."""
    told = told_once(request)
    response = _rendered(request, viewer, template, status=status, told=told, **context)
    if told:
        response.delete_cookie(TOLD, path="/desk")
    return response


def fragment(
    request: Request, viewer: Viewer | None, template: str, /, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """A template that stands for a part of a page, for htmx."""
    return _rendered(request, viewer, template, status=status, told="", **context)


def is_fragment(request: Request) -> bool:
    """Whether htmx asks, for a part of a page."""
    return "hx-request" in request.headers


def go_to(request: Request, url: str, *, told: str = "") -> Response:
    """Lead the browser to another page of the desk, which tells what was done."""
    if is_fragment(request):
        response = Response(status_code=204, headers={"HX-Redirect": url})
    else:
        response = RedirectResponse(url, status_code=303)
    if told:
        tell_once(response, told)
    return response


def _rendered(
    request: Request, viewer: Viewer | None, template: str, /, *, status: int, **context: Any
) -> HTMLResponse:
    language = viewer.language if viewer else language_of(request)
    theme = request.cookies.get("ordercast_theme")
    always = {
        "viewer": viewer,
        "csrf": _csrf_input(viewer),
        "language": language,
        "theme": theme if theme in THEMES else "",
        "path": request.url.path,
        "here": f"{request.url.path}?{request.url.query}".rstrip("?"),
        "places": _places(request.app.state.paths),
        "follows": FOLLOWING,
        "seen": getattr(request.state, "seen", ""),
    }
    text = environment(language).get_template(template).render(**always, **context)
    return HTMLResponse(text, status)


def _csrf_input(viewer: Viewer | None) -> Markup:
    if viewer is None:
        return Markup()
    return Markup('<input type="hidden" name="csrf" value="{}">').format(viewer.csrf)


def _places(paths: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"/desk{path}", title) for path, title in PLACES if path in paths]


@cache
def environment(language: str) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "_": words_of(language),
        "moment": moment,
        "asset": asset,
        "query": query,
        "LANGUAGES": LANGUAGES,
        "ROLES": ROLES,
        "SHELVES": SHELVES,
        "STATES": STATES,
        "WORK_ORDER_STATES": WORK_ORDER_STATES,
    }
    return made


def moment(when: datetime | None) -> Markup:
    """A time, which the browser shows in the viewer's zone; nothing for None."""
    if when is None:
        return Markup()
    utc = when.astimezone(UTC)
    shown = Markup('<time datetime="{}">{}</time>')
    return shown.format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d %H:%M} UTC")


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    seen = sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/desk/static/{name}?v={seen}"


def query(**given: Any) -> str:
    """A query string of what is not empty, with its question mark."""
    filled = {name: value for name, value in given.items() if value not in (None, "", False)}
    return f"?{urlencode(filled)}" if filled else ""
