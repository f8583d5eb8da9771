"""Telling senders by NATS: a message to the subject that each waits at."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic

import nats
from nats import errors
from nats.aio.client import Client

from ordercast.delivery.answers import Answer
from ordercast.delivery.channels import Push
from ordercast.delivery.verdicts import Reason

FAULTS: Mapping[type[Exception], Reason] = {
    errors.BadSubjectError: Reason.NO_QUEUE,
    errors.MaxPayloadError: Reason.BODY_REFUSED,
    errors.AuthorizationError: Reason.ACCESS_DENIED,
    errors.NoServersError: Reason.UNREACHABLE,
    TimeoutError: Reason.TIMEOUT,
    errors.Error: Reason.DROPPED,
    OSError: Reason.UNREACHABLE,
}
"""What each fault means; the first class that fits decides."""


class NatsReplies:
    """Publishes to senders' subjects over one connection, opened anew after a fault.

    What the server has taken is delivered: whether somebody listens, NATS does not say. Who
    wants to lose nothing lets a stream keep the subject.
    """

    def __init__(self, broker_url: str, *, timeout_seconds: float) -> None:
        self._broker_url, self._timeout_seconds = broker_url, timeout_seconds
        self._client: Client | None = None
        self._opening = asyncio.Lock()

    async def send(self, push: Push) -> Answer:
        """Publish once, and wait until the server has taken it."""
        assert push.reply_to
        began = monotonic()
        headers = {**push.headers, "content-type": push.media_type, "Nats-Msg-Id": push.event_id}
        if push.reply_to.correlation_id:
            headers["correlation_id"] = push.reply_to.correlation_id
        try:
            async with asyncio.timeout(self._timeout_seconds):
                client = await self._connected()
                await client.publish(push.reply_to.address, push.body, headers=headers)
                await client.flush(max(1, round(self._timeout_seconds)))
        except tuple(FAULTS) as fault:
            await self.close()
            reason = next(each for kind, each in FAULTS.items() if isinstance(fault, kind))
            return Answer(_since(began), body=f"{type(fault).__name__}: {fault}", fault=reason)
        return Answer(_since(began), body="taken by the server", is_confirmed=True)

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client:
            with suppress(errors.Error, OSError):
                await client.close()

    async def _connected(self) -> Client:
        async with self._opening:
            if self._client is None or not self._client.is_connected:
                self._client = await nats.connect(
                    self._broker_url, name="ordercast-relay", allow_reconnect=False
                )
            return self._client


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
