"""A line to an MQTT broker: opened to a checked address, with every publish acknowledged.

aiomqtt forgets the reason code of an acknowledgement, which is what a verdict needs, and
connects by name, which the guard does not allow: both are done here.
"""

import asyncio
import math
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from uuid import uuid4

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ordercast.delivery.mqtt_topics import Message

CLOSE_SECONDS = 2
KEEPALIVE_SECONDS = 30
QOS_AT_LEAST_ONCE = 1


class Unreachable(Exception):
    """No connection to the broker."""


class Refused(Exception):
    """The broker refuses, with a reason code of MQTT 5."""

    def __init__(self, reason: ReasonCode, *, by_connection: bool) -> None:
        super().__init__(f"{reason.value} {reason}")
        self.code, self.by_connection = int(reason.value), by_connection


class MqttLine(aiomqtt.Client):
    """One connection; any number of publishes may be under way."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        username: str | None,
        password: str | None,
        is_tls: bool,
        timeout_seconds: float,
    ) -> None:
        super().__init__(
            host,
            port,
            username=username,
            password=password,
            identifier=f"ordercast-{uuid4().hex[:12]}",
            protocol=aiomqtt.ProtocolVersion.V5,
            timeout=math.inf,  # the attempt as a whole has a limit
            keepalive=KEEPALIVE_SECONDS,
            tls_context=ssl.create_default_context() if is_tls else None,
        )
        self._client.connect_timeout = timeout_seconds
        self._is_tls = is_tls
        self._awaited: dict[int, asyncio.Future[None]] = {}
        self._fault: OSError | None = None
        self._is_given_up = False
        self._disconnected.add_done_callback(_look_at)

    @property
    def is_open(self) -> bool:
        return self._client.is_connected() and not self._disconnected.done()

    async def open(self, addresses: Iterable[str]) -> None:
        """Connect to the first of the addresses that answers; Unreachable, Refused, OSError."""
        connection = await _connected(addresses, self._port)
        self._client._create_socket_connection = lambda: connection  # pyright: ignore[reportAttributeAccessIssue]
        try:
            await self.__aenter__()
        except aiomqtt.exceptions.MqttConnectError as refused:
            self._give_up(connection)
            reason = refused.rc
            if isinstance(reason, ReasonCode):
                raise Refused(reason, by_connection=True) from None
            raise
        except aiomqtt.MqttError as fault:
            self._give_up(connection)
            raise (self._fault or fault) from None
        except BaseException:
            self._give_up(connection)
            raise
        self._disconnected.add_done_callback(_look_at)

    async def publish(self, messages: Iterable[Message], headers: Mapping[str, str]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Publish, and wait for each acknowledgement; Refused by the first that is a refusal."""
        waiting = [self._send(message, headers) for message in messages]
        try:
            await asyncio.gather(*waiting)
        finally:
            for each in waiting:
                each.add_done_callback(_look_at)

    async def close(self) -> None:
        """Take leave of the broker, if it is still there."""
        if self.is_open:
            with suppress(aiomqtt.MqttError, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self.__aexit__(None, None, None)
        self._give_up(None)

    def _send(self, message: Message, headers: Mapping[str, str]) -> asyncio.Future[None]:
        info = self._client.publish(
            message.topic,
            message.body,
            qos=QOS_AT_LEAST_ONCE,
            retain=message.is_retained,
            properties=_properties(message, headers),
        )
        answer = self._loop.create_future()
        if info.rc == MQTT_ERR_SUCCESS:
            self._awaited[info.mid] = answer
        else:
            answer.set_exception(aiomqtt.MqttCodeError(info.rc, "cannot publish"))
        return answer

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        del client, userdata, properties
        answer = self._awaited.pop(mid, None)
        if answer is None or answer.done():
            return
        if reason_code.is_failure:
            answer.set_exception(Refused(reason_code, by_connection=False))
        else:
            answer.set_result(None)

    def _on_disconnect(
        self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None
    ) -> None:
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        awaited, self._awaited = self._awaited, {}
        for answer in awaited.values():
            if not answer.done():
                answer.set_exception(aiomqtt.MqttError(f"disconnected: {reason_code}"))
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError(f"not connected: {reason_code}"))

    def _client_connect(self) -> None:
        """In a thread: for TLS the handshake is made here, and ends with its own time."""
        try:
            super()._client_connect()
        except ConnectionError as fault:  # there was a connection: it ended in the handshake
            self._fault = ssl.SSLError(f"the handshake failed: {fault}") if self._is_tls else fault
            raise
        except OSError as fault:
            self._fault = fault
            raise
        if self._is_given_up:
            self._loop.call_soon_threadsafe(self._give_up, None)

    def _give_up(self, connection: socket.socket | None) -> None:
        self._is_given_up = True
        with suppress(OSError, ValueError):
            self._client._sock_close()
        if connection:
            connection.close()


async def _connected(addresses: Iterable[str], port: int) -> socket.socket:
    fault: OSError | None = None
    for address in addresses:
        family = socket.AF_INET6 if ip_address(address.partition("%")[0]).version == 6 else None
        connection = socket.socket(family or socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, (address, port))
        except OSError as failed:
            connection.close()
            fault = failed
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise Unreachable(str(fault))


def _properties(message: Message, headers: Mapping[str, str]) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = message.media_type
    if message.is_utf_8:
        properties.PayloadFormatIndicator = 1
    if message.expiry_seconds:
        properties.MessageExpiryInterval = message.expiry_seconds
    if headers and not message.is_retained:
        properties.UserProperty = list(headers.items())
    return properties


def _look_at(answer: asyncio.Future[None]) -> None:
    """A fault that nobody waits for any more is no news."""
    if not answer.cancelled():
        answer.exception()
