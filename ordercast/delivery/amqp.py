"""The AMQP channel: one confirmed message to a durable fanout exchange.

A URL is `amqp://user:password@host:5672/vhost?exchange=name`, or `amqps://…`.
"""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiormq import exceptions, spec

from ordercast.delivery.amqp_lines import AmqpLines, NotAdmitted, Unreachable
from ordercast.delivery.answers import Answer
from ordercast.delivery.channels import Push
from ordercast.delivery.guard import AddressRefused, Guard, NameUnknown
from ordercast.delivery.verdicts import Reason

PERSISTENT = 2

FAULTS: Mapping[type[BaseException], Reason] = {
    AddressRefused: Reason.ADDRESS_REFUSED,
    NameUnknown: Reason.NAME_UNKNOWN,
    TimeoutError: Reason.TIMEOUT,
    ssl.SSLError: Reason.TLS,
    Unreachable: Reason.UNREACHABLE,
    NotAdmitted: Reason.ACCESS_DENIED,
    exceptions.PublishError: Reason.NO_QUEUE,
    exceptions.DeliveryError: Reason.NOT_CONFIRMED,
    exceptions.AuthenticationError: Reason.ACCESS_DENIED,
    exceptions.ProbableAuthenticationError: Reason.ACCESS_DENIED,
    exceptions.ChannelAccessRefused: Reason.ACCESS_DENIED,
    exceptions.ChannelPreconditionFailed: Reason.NO_EXCHANGE,
    exceptions.ChannelNotFoundEntity: Reason.NO_EXCHANGE,
    exceptions.AMQPError: Reason.DROPPED,
    exceptions.ChannelInvalidStateError: Reason.DROPPED,
    OSError: Reason.DROPPED,
}
"""What each fault means; the first class that fits decides."""


class AmqpChannel:
    """Publishes to subscribers' exchanges, whose addresses pass the guard."""

    def __init__(self, guard: Guard, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._lines = AmqpLines(guard)

    async def send(self, push: Push) -> Answer:
        """Publish once, and wait for the broker's confirm.

        Nobody need have bound a queue to the exchange: what is confirmed is delivered.
        """
        exchange = exchange_of(push.url) or ""
        properties = properties_of(push)
        return await publish(
            self._lines,
            push.url,
            push.body,
            properties,
            exchange=exchange,
            routing_key=push.event_type,
            timeout_seconds=self._timeout_seconds,
        )

    async def close(self) -> None:
        """Close the connections that are open."""
        await self._lines.close()


def exchange_of(url: str) -> str | None:
    """The exchange that a URL names; None if it names none, or more than one."""
    named = parse_qs(urlsplit(url).query).get("exchange", [])
    return named[0] if len(named) == 1 and named[0] else None


def properties_of(push: Push, *, correlation_id: str | None = None) -> spec.Basic.Properties:
    """The properties of a push as a persistent message."""
    headers: dict[str, Any] = dict(push.headers)
    return spec.Basic.Properties(
        content_type=push.media_type,
        delivery_mode=PERSISTENT,
        message_id=push.event_id,
        message_type=push.event_type,
        correlation_id=correlation_id,
        app_id="ordercast",
        timestamp=datetime.now(UTC),
        headers=headers,
    )


async def publish(
    lines: AmqpLines,
    url: str,
    body: bytes,
    properties: spec.Basic.Properties,
    *,
    exchange: str,
    routing_key: str,
    timeout_seconds: float,
) -> Answer:
    """Publish once; to the default exchange a queue must be there to take it."""
    began = monotonic()
    try:
        async with asyncio.timeout(timeout_seconds):
            channel = await lines.channel(url, exchange=exchange)
            await channel.basic_publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                properties=properties,
                mandatory=not exchange,
            )
    except tuple(FAULTS) as fault:
        if not isinstance(fault, exceptions.DeliveryError):
            await lines.drop(url)
        return Answer(_since(began), body=_in_words(fault), fault=_meaning(fault))
    return Answer(_since(began), body="confirmed", is_confirmed=True)


def _meaning(fault: BaseException) -> Reason:
    return next(reason for kind, reason in FAULTS.items() if isinstance(fault, kind))


def _in_words(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
