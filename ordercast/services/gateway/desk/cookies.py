"""The desk's cookies: the session's, out of every script's reach, and what is told once."""

from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from config.settings import settings

TOLD = "ordercast_told"
TOLD_SECONDS = 30


def is_secure() -> bool:
    """Whether people reach the gateway by https, as its settings have it."""
    return settings().gateway_url.startswith("https://")


def session_cookie() -> str:
    """Over https a name that no other host or path can set. Source: RFC 6265bis, `__Host-`."""
    return "__Host-ordercast" if is_secure() else "ordercast"


def token_of(request: Request) -> str | None:
    """The token of the session that a browser shows."""
    return request.cookies.get(session_cookie())


def give_token(response: Response, token: str, *, seconds: int) -> None:
    """Have the browser show this token from now on."""
    response.set_cookie(
        session_cookie(),
        token,
        max_age=seconds,
        path="/",
        secure=is_secure(),
        httponly=True,
        samesite="lax",  # a link in Prefect or in a chat opens the desk signed in
    )


def take_token(response: Response) -> None:
    """Have the browser forget its token."""
    response.delete_cookie(
        session_cookie(), path="/", secure=is_secure(), httponly=True, samesite="lax"
    )


def tell_once(response: Response, text: str) -> None:
    """Have the next page say this."""
    response.set_cookie(
        TOLD,
        quote(text),
        max_age=TOLD_SECONDS,
        path="/desk",
        secure=is_secure(),
        httponly=True,
        samesite="lax",
    )


def told_once(request: Request) -> str:
    """What this page is to say once, else nothing."""
    return unquote(request.cookies.get(TOLD, ""))
