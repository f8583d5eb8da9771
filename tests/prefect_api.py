"""Prefect's HTTP API, as tests and the people whom they play ask it."""

from typing import Any

from prefect.client.base import PrefectHttpxSyncClient

TIMEOUT_SECONDS = 30


def ask(api_url: str, method: str, path: str, **more: Any) -> Any:
    """What a Prefect server answers, asked again while its database is locked (status 503)."""
    with PrefectHttpxSyncClient(base_url=api_url, timeout=TIMEOUT_SECONDS) as client:
        answer = client.request(method, path, **more)
    return answer.json() if answer.content else None
