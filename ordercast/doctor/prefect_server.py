"""Asking a Prefect server, as the doctor does: plainly, and without waiting long."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from config.settings import settings

SECONDS = 5
BLOCK_NAME = "default"


class PrefectServer:
    """What a Prefect server answers. Its calls raise httpx.HTTPError."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path).raise_for_status()

    def find(self, path: str, **query: Any) -> Any:
        """The answer's content; None where there is nothing by that name."""
        response = self._client.get(path, params=query)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return response.raise_for_status().json()

    def filter(self, path: str) -> Sequence[Mapping[str, Any]]:
        return self._client.post(f"{path}/filter", json={}).raise_for_status().json()

    def planned(self, deployment: Mapping[str, Any]) -> int:
        """How many runs of a deployment are scheduled."""
        is_scheduled = {"state": {"type": {"any_": ["SCHEDULED"]}}}
        body = {"deployments": {"id": {"any_": [deployment["id"]]}}, "flow_runs": is_scheduled}
        return self._client.post("/flow_runs/count", json=body).raise_for_status().json()

    def block(self, slug: str) -> Mapping[str, Any] | None:
        """The fields of the block in use, secrets included; None if there is none yet."""
        place = f"/block_types/slug/{slug}/block_documents/name/{BLOCK_NAME}"
        found = self.find(place, include_secrets=True)
        return found["data"] if found else None


@contextmanager
def prefect_server() -> Iterator[PrefectServer]:
    """The server of the settings, with the credentials that they give."""
    chosen = settings()
    user, colon, password = chosen.prefect.auth_string.get_secret_value().partition(":")
    auth = (user, password) if colon else None
    with httpx.Client(base_url=chosen.prefect_api_url, timeout=SECONDS, auth=auth) as client:
        yield PrefectServer(client)
