"""The MQTT channel: events at QoS 1, and the retained last state of each device. Source: MQTT 5."""

import asyncio
import ssl
from collections.abc import Mapping
from time import monotonic

from aiomqtt import MqttError

from ordercast.delivery.answers import Answer
from ordercast.delivery.channels import Push
from ordercast.delivery.guard import AddressRefused, Guard, NameUnknown
from ordercast.delivery.mqtt_lines import MqttLines, Refused, Unreachable
from ordercast.delivery.mqtt_topics import messages_of
from ordercast.delivery.verdicts import Reason

FAULTS: Mapping[type[BaseException], Reason] = {
    AddressRefused: Reason.ADDRESS_REFUSED,
    NameUnknown: Reason.NAME_UNKNOWN,
    TimeoutError: Reason.TIMEOUT,
    ssl.SSLError: Reason.TLS,
    Unreachable: Reason.UNREACHABLE,
    MqttError: Reason.DROPPED,
    OSError: Reason.DROPPED,
}
"""What each fault means; the first class that fits decides."""

REFUSALS: Mapping[int, Reason] = {
    134: Reason.ACCESS_DENIED,  # bad user name or password
    135: Reason.ACCESS_DENIED,  # not authorized
    138: Reason.ACCESS_DENIED,  # banned
    140: Reason.ACCESS_DENIED,  # bad authentication method
    137: Reason.BUSY,  # server busy
    151: Reason.BUSY,  # quota exceeded
    159: Reason.BUSY,  # connection rate exceeded
    144: Reason.ACCESS_DENIED,  # topic name invalid: not one that the broker takes
    149: Reason.BODY_REFUSED,  # packet too large
    153: Reason.BODY_REFUSED,  # payload format invalid
}
"""What a reason code of the broker means; another one confirms nothing."""


class MqttChannel:
    """Publishes to subscribers' topics, at brokers whose addresses pass the guard."""

    def __init__(self, guard: Guard, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._lines = MqttLines(guard, timeout_seconds=timeout_seconds)

    async def send(self, push: Push) -> Answer:
        """Publish once, and wait until the broker has acknowledged every message.

        Nobody need have subscribed to the topic: what is acknowledged is delivered.
        """
        began = monotonic()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                line = await self._lines.line(push.url)
                await line.publish(messages_of(push), push.headers)
        except Refused as refused:
            if refused.by_connection:
                await self._lines.drop(push.url)
            reason = REFUSALS.get(refused.code, Reason.NOT_CONFIRMED)
            return Answer(_since(began), body=str(refused), fault=reason)
        except tuple(FAULTS) as fault:
            await self._lines.drop(push.url)
            return Answer(_since(began), body=_in_words(fault), fault=_meaning(fault))
        return Answer(_since(began), body="acknowledged", is_confirmed=True)

    async def close(self) -> None:
        """Close the connections that are open."""
        await self._lines.close()


def _meaning(fault: BaseException) -> Reason:
    return next(reason for kind, reason in FAULTS.items() if isinstance(fault, kind))


def _in_words(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
