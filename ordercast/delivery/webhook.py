"""The webhook channel: one signed POST, and what was answered or why nothing was."""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic

import httpx

from ordercast.delivery.answers import Answer
from ordercast.delivery.channels import Push
from ordercast.delivery.connecting import GuardedTransport
from ordercast.delivery.guard import AddressRefused, Guard, NameUnknown
from ordercast.delivery.verdicts import Reason

READ_BYTES = 16 * 1024  # enough to understand an answer, however long it is

_FAULTS: Mapping[type[Exception], Reason] = {
    AddressRefused: Reason.ADDRESS_REFUSED,
    NameUnknown: Reason.NAME_UNKNOWN,
    TimeoutError: Reason.TIMEOUT,
    httpx.PoolTimeout: Reason.INTERNAL,
    httpx.TimeoutException: Reason.TIMEOUT,
    httpx.ConnectError: Reason.UNREACHABLE,
    httpx.LocalProtocolError: Reason.INTERNAL,
    httpx.TransportError: Reason.DROPPED,
}
"""What each fault means; the first class that fits decides."""


class WebhookChannel:
    """Posts bodies to receivers. Redirects are not followed, cookies not kept."""

    def __init__(self, guard: Guard, *, timeout_seconds: float, connections: int) -> None:
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(guard, connections=connections),
            headers={"user-agent": "Ordercast", "accept-encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, push: Push) -> Answer:
        """Post a push to its URL."""
        headers = {"content-type": push.media_type, **push.headers}
        return await self.post(push.url, body=push.body, headers=headers)

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._client.aclose()

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body once; the answer, or the fault in words, never an exception.

        The whole attempt, resolving the name included, takes at most `timeout_seconds`.
        """
        began = monotonic()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status, text, retry_after = await self._exchange(url, body, headers)
        except (*_FAULTS, httpx.InvalidURL) as error:
            return Answer(_since(began), body=_in_words(error), fault=_meaning(error))
        return Answer(_since(began), status=status, body=text, retry_after=retry_after)

    async def _exchange(
        self, url: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str, str | None]:
        request = self._client.stream("POST", url, content=content, headers=dict(headers))
        async with request as response:
            text = await _beginning(response)
            return response.status_code, text, response.headers.get("retry-after")


async def _beginning(response: httpx.Response) -> str:
    """The first 16 kB of the body, read as they came: nothing is unpacked."""
    read = bytearray()
    async for part in response.aiter_raw():
        read += part
        if len(read) >= READ_BYTES:
            break
    return read[:READ_BYTES].decode(errors="replace")


def _meaning(error: Exception) -> Reason:
    if any(isinstance(each, ssl.SSLError) for each in _causes(error)):
        return Reason.TLS
    return next(
        (reason for kind, reason in _FAULTS.items() if isinstance(error, kind)), Reason.INTERNAL
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
