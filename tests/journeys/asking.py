"""Asking the gateway of several machines as agents and crews do: what it cannot answer for the
moment is asked again."""

from typing import Any

import httpx

from tests.plain_http import HTTP
from tests.waiting import wait_for

ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
PASSING = {502, 503, 504}
SECONDS = 300


def patiently(method: str, url: str, **more: Any) -> httpx.Response:
    """The answer, once there is one; it must be a good one."""

    def answered() -> httpx.Response | None:
        try:
            response = HTTP.request(method, url, **more)
        except httpx.TransportError:
            return None
        return None if response.status_code in PASSING else response

    response = wait_for(answered, what=f"{url} does not answer", seconds=SECONDS)
    assert response.is_success, response.text
    return response
