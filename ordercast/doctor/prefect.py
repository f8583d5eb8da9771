"""The Prefect server, seen by the doctor."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import httpx
from pydantic import TypeAdapter

from config.deployments import written_deployments
from config.prefect_server import SERVER_SETTINGS, WORK_POOL
from config.settings import settings
from ordercast.doctor import orchestration
from ordercast.doctor.clocks import compared, of_response
from ordercast.doctor.findings import Finding, note
from ordercast.doctor.prefect_server import PrefectServer, prefect_server

PART = "Prefect"
POOL = f"/work_pools/{WORK_POOL}"


def look() -> Iterator[Finding]:
    """Whether the server answers, how it is set up, and what stands on it."""
    try:
        with prefect_server() as server:
            yield from _server(server)
            yield from missing_settings(server.get("/admin/settings").json())
            yield from _what_stands_on(server)
    except httpx.HTTPStatusError as fault:
        yield refusal(settings().prefect_api_url, fault.response.status_code)
    except httpx.HTTPError as fault:
        cure = "start it with `ordercast up`, or set ORDERCAST_PREFECT__API_URL"
        found = f"{settings().prefect_api_url} does not answer: {type(fault).__name__}"
        yield Finding(PART, found, cure)


def _server(server: PrefectServer) -> Iterator[Finding]:
    answer = server.get("/admin/version")
    yield same_version(settings().prefect_api_url, answer.json(), version("prefect"))
    yield from compared(PART, of_response(answer))


def _what_stands_on(server: PrefectServer) -> Iterator[Finding]:
    pool = server.find(POOL)
    yield from orchestration.work_pool(pool, wanted_type=settings().prefect.work_pool_type)
    yield from orchestration.workers(server.filter(f"{POOL}/workers") if pool else [])
    known = server.filter("/deployments")
    yield from orchestration.deployments(known, written_deployments())
    scheduled = filter(orchestration.has_schedule, known)
    yield from orchestration.schedules({each["name"]: server.planned(each) for each in scheduled})


def same_version(url: str, theirs: str, ours: str) -> Finding:
    """Whether the server is of the version that the workers are made for."""
    if theirs == ours:
        return Finding(PART, f"{url}, version {theirs}")
    return note(PART, f"{url}, version {theirs}", f"ours is {ours}: use the same")


def refusal(url: str, status: int) -> Finding:
    """What a refused question means."""
    if status in (401, 403):
        cure = "set ORDERCAST_PREFECT__AUTH_STRING to its `user:password`"
        return Finding(PART, f"{url} refuses the credentials ({status})", cure)
    return Finding(PART, f"{url} answers {status}", "read its log")


def missing_settings(given: Mapping[str, Any]) -> Iterator[Finding]:
    """The settings for many orders that a server does not have, by what it tells of itself."""
    named = dict(_by_name(given))
    for name, wanted in SERVER_SETTINGS.items():
        if name not in named:
            yield Finding(PART, f"{name} cannot be seen", f"make sure it is {wanted}")
        elif _plain(named[name]) != _plain(wanted):
            yield Finding(PART, f"{name} is {named[name]}", f"set it to {wanted}")


def _by_name(given: Mapping[str, Any], prefix: str = "PREFECT") -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        path = f"{prefix}_{name.upper()}"
        if isinstance(value, Mapping):
            yield from _by_name(value, path)
        else:
            yield path, value


def _plain(value: Any) -> str | list[str]:
    """A value however it is written: `1.0` is `1`, `PT10M` is `600`, sets have no order."""
    if isinstance(value, list):
        return sorted(str(each) for each in value)
    text = str(value).lower().removesuffix(".0")
    if text.startswith("pt"):
        return f"{TypeAdapter(timedelta).validate_python(text.upper()).total_seconds():g}"
    return sorted(text.split(",")) if "," in text else text
