"""The Prefect server, seen by the doctor."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
from pydantic import TypeAdapter

from config.prefect_server import SERVER_SETTINGS
from config.settings import settings
from ordercast.doctor.findings import Finding

PART = "Prefect"
SECONDS = 5


def look() -> Iterator[Finding]:
    """Whether the server answers, its version, and which settings for many orders it lacks."""
    url = settings().prefect_api_url
    try:
        with httpx.Client(base_url=url, timeout=SECONDS) as client:
            version = client.get("/admin/version").raise_for_status().json()
            given = client.get("/admin/settings").raise_for_status().json()
    except httpx.HTTPError as fault:
        cure = "start it with `ordercast up`, or set ORDERCAST_PREFECT__API_URL"
        yield Finding(PART, f"{url} does not answer: {type(fault).__name__}", cure)
        return
    yield Finding(PART, f"{url}, version {version}")
    yield from missing_settings(given)


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
