"""Where the business platform is, and the token it asks for, as an operator typed them."""

import json
import re
from dataclasses import dataclass
from ipaddress import ip_address

import httpx

from ordercast.domain.errors import ConfigurationError

WHERE = "block business-platform"


@dataclass(frozen=True)
class PlatformAddress:
    """The base URL without a final slash, and the host as it is named to operators."""

    base: str
    host: str
    is_loopback: bool


def parse_address(url: str) -> PlatformAddress:
    """The address in a URL; ConfigurationError if it is none, or holds a password."""
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{WHERE}, url", str(error), "mend it") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        problem = "is not the address of a platform"
        raise ConfigurationError(f"{WHERE}, url", problem, "begin it with http:// or https://")
    if parsed.userinfo:
        problem = "holds a user or password, which logs would show"
        raise ConfigurationError(f"{WHERE}, url", problem, "leave them out and give the token")
    return PlatformAddress(
        base=str(parsed).rstrip("/"),
        host=parsed.netloc.decode(),
        is_loopback=_is_loopback(parsed.host),
    )


def parse_token(token: str) -> str:
    """The token as a header carries it; ConfigurationError, without it, if none can."""
    trimmed = token.strip()
    if not re.fullmatch(r"[\x21-\x7e]*", trimmed):
        problem = "has characters that an HTTP header cannot carry"
        raise ConfigurationError(f"{WHERE}, token", problem, "copy it anew, in one line")
    return trimmed


def spellings(token: str) -> set[str]:
    """The token as a text may quote it: plain, or escaped as JSON does or as PHP does."""
    escaped = json.dumps(token)[1:-1]
    return {token, escaped, escaped.replace("/", "\\/")} - {""}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
