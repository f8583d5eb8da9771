"""The doors of the stack: plain HTTP, as any user has it; every answer is searched for secrets."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from ordercast.demo.failing import DemoFailed

TIMEOUT_SECONDS = 60


class Door:
    """One service over HTTP. `secrets` maps what no answer may hold to what it is called."""

    def __init__(
        self, service: str, base_url: str, secrets: Mapping[str, str], *, api_key: str = ""
    ) -> None:
        self.service = service
        self._secrets = secrets
        self.leaks: list[str] = []
        self.answers = 0
        self._client = httpx.Client(
            base_url=base_url,
            headers={"authorization": f"Bearer {api_key}"} if api_key else None,
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            event_hooks={"response": [self._search]},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON document at a path; DemoFailed for any other answer."""
        return self.response("GET", path, params=query).json()

    def count(self, path: str, **query: Any) -> int:
        """How many rows a list has in all."""
        answer = self.response("GET", path, params={**query, "limit": 1})
        return int(answer.headers["X-Total-Count"])

    def post(self, path: str, document: Any, *, expect: int = 201) -> Any:
        """Send a JSON document; the answer's."""
        return self.response("POST", path, expect=expect, json=document).json()

    def send(
        self,
        path: str,
        body: bytes,
        media_type: str,
        *,
        agent: str | None = None,
        expect: int = 201,
    ) -> Any:
        """Send bytes as they are, in the name of an agent; the answer's JSON document."""
        query = {"agent": agent} if agent else {}
        headers = {"content-type": media_type}
        answer = self.response(
            "POST", path, expect=expect, content=body, headers=headers, params=query
        )
        return answer.json()

    def response(self, method: str, path: str, *, expect: int = 200, **more: Any) -> httpx.Response:
        """The answer to a request; DemoFailed if there is none, or not with that status."""
        try:
            answer = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            reason = f"{self.service} does not answer {method} {path}: {type(error).__name__}"
            raise DemoFailed(reason, logs=(self.service,)) from None
        if answer.status_code != expect:
            reason = f"{self.service} answers {method} {path} with {answer.status_code}"
            raise DemoFailed(f"{reason}: {answer.text[:500]}", logs=(self.service,))
        return answer

    def _search(self, answer: httpx.Response) -> None:
        answer.read()
        self.answers += 1
        asked = f"{answer.request.method} {answer.request.url.path}"
        self.leaks += [
            f"{name} in the answer to {asked}" for name in found(self._secrets, answer.text)
        ]


def found(secrets: Mapping[str, str], text: str) -> list[str]:
    """What the secrets that a text holds are called."""
    return [name for secret, name in secrets.items() if secret in text]
