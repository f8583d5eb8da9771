"""What answers over HTTP, seen by the doctor: the gateway, the platform, an S3 server."""

from collections.abc import Iterator, Mapping

import httpx

from config.settings import settings
from ordercast.doctor.clocks import compared, of_response
from ordercast.doctor.findings import Finding

SECONDS = 5
NEEDS_TOKEN = frozenset({401, 403})


def gateway() -> Iterator[Finding]:
    """Whether the gateway takes orders."""
    cure = "start it: `ordercast serve gateway`, or set ORDERCAST_GATEWAY__PUBLIC_URL"
    yield from healthy("gateway", f"{settings().gateway_url}/ready", cure=cure)


def healthy(part: str, url: str, *, cure: str) -> Iterator[Finding]:
    """Whether a service answers 200 at its health address, and its clock."""
    try:
        response = httpx.get(url, timeout=SECONDS)
    except httpx.HTTPError as fault:
        yield Finding(part, f"{url} does not answer: {type(fault).__name__}", cure)
        return
    status = response.status_code
    yield Finding(part, f"{url} answers {status}", "" if status == 200 else "read its log")
    yield from compared(part, of_response(response))


def platform(url: str, token: str) -> Iterator[Finding]:
    """Whether the business platform answers, takes the token, and its clock."""
    headers: Mapping[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
    asked = f"{url.rstrip('/')}/orders"
    try:
        response = httpx.get(asked, params={"limit": 1}, headers=headers, timeout=SECONDS)
    except httpx.HTTPError as fault:
        found = f"{url} does not answer: {type(fault).__name__}"
        yield Finding("platform", found, "start it, or mend the block `business-platform`")
        return
    yield _of_platform(url, response.status_code)
    yield from compared("platform", of_response(response))


def _of_platform(url: str, status: int) -> Finding:
    """Any answer will do but a refusal of the token: one's own need not list orders."""
    if status in NEEDS_TOKEN:
        cure = "mend the token in the block `business-platform`"
        return Finding("platform", f"{url} refuses the token ({status})", cure)
    return Finding("platform", f"{url} answers", "read its log" if status >= 500 else "")


def clock_of(part: str, url: str) -> Iterator[Finding]:
    """The clock of whoever answers there, whatever the answer is."""
    try:
        yield from compared(part, of_response(httpx.get(url, timeout=SECONDS)))
    except httpx.HTTPError:
        return  # that it does not answer is told by who needs it
