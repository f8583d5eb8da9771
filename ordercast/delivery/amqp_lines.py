"""Lines to AMQP brokers: one connection with one confirming channel for each address.

A line is kept as long as it is used, and dropped with the first fault: whoever needs it next
opens it anew, so that nothing is mended in the background for a broker that is gone.
"""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiormq import AMQPError, Connection, exceptions
from aiormq.abc import AbstractChannel
from aiormq.connection import TransportFactory
from yarl import URL

from ordercast.delivery.guard import Guard

IDLE_SECONDS = 60
CLOSE_SECONDS = 2
HEARTBEAT_SECONDS = 30
PORTS = {"amqp": 5672, "amqps": 5671}


class Unreachable(Exception):
    """No connection to the broker."""


class NotAdmitted(Exception):
    """There is no such virtual host, or not for this user."""


@dataclass
class Line:
    """A connection, its channel, and the exchanges known to be there."""

    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    connection: Connection | None = None
    channel: AbstractChannel | None = None
    exchanges: set[str] = field(default_factory=set)
    idle: asyncio.TimerHandle | None = None


class AmqpLines:
    """Lines by URL; without a guard every address may be connected to."""

    def __init__(self, guard: Guard | None) -> None:
        self._guard = guard
        self._lines: dict[str, Line] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def channel(self, url: str, *, exchange: str = "") -> AbstractChannel:
        """An open channel at an address, where the exchange is there."""
        while True:
            line = self._lines.setdefault(url, Line())
            async with line.opening:
                if self._lines.get(url) is not line:
                    continue  # who held it before us has dropped it
                if line.channel is None or line.channel.is_closed:
                    await self._open(line, url)
                assert line.connection and line.channel
                if exchange and exchange not in line.exchanges:
                    await _make_exchange(line.connection, exchange)
                    line.exchanges.add(exchange)
                self._put_off(line, url)
                return line.channel

    async def drop(self, url: str) -> None:
        """Close what is open at an address."""
        line = self._lines.pop(url, None)
        if line is None:
            return
        if line.idle:
            line.idle.cancel()
        if line.connection:
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await line.connection.close()

    async def close(self) -> None:
        """Close all lines."""
        for url in list(self._lines):
            await self.drop(url)

    async def _open(self, line: Line, url: str) -> None:
        line.exchanges.clear()
        if line.connection:
            await _close_quietly(line.connection)
        factory = _CheckedTransport(self._guard)
        line.connection = Connection(
            plain_url(url),
            transport_factory=factory,
            client_properties={"connection_name": "ordercast-relay"},
        )
        try:
            await line.connection.connect()
        except OSError as fault:
            if factory.connected or isinstance(fault, ssl.SSLError):
                raise
            raise Unreachable(str(fault)) from fault
        except exceptions.InvalidFrameError as fault:  # in place of an answer to Connection.Open
            raise NotAdmitted("the virtual host is not there, or not for this user") from fault
        line.channel = await line.connection.channel(publisher_confirms=True)

    def _put_off(self, line: Line, url: str) -> None:
        """Close the line when it has not been used for a minute."""
        if line.idle:
            line.idle.cancel()
        loop = asyncio.get_running_loop()
        line.idle = loop.call_later(IDLE_SECONDS, self._close_idle, url)

    def _close_idle(self, url: str) -> None:
        task = asyncio.get_running_loop().create_task(self.drop(url))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _CheckedTransport(TransportFactory):
    """Connects to an address that the guard has checked; TLS is for the name."""

    def __init__(self, guard: Guard | None) -> None:
        self._guard = guard
        self.connected = False

    async def create(
        self, url: URL, **options: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        provider = options.pop("ssl_context_provider", None)
        tls: dict[str, Any] = {}
        if url.scheme == "amqps" and provider:
            tls = {"ssl": await provider.get_context(), "server_hostname": url.host}
        host, port = url.host or "", url.port or PORTS[url.scheme]
        addresses = await self._guard.resolve_async(host, port) if self._guard else [host]
        fault: OSError = OSError(f"{host} has no address")
        for address in addresses:
            try:
                streams = await asyncio.open_connection(address, port, **tls)
            except OSError as failed:
                fault = failed
            else:
                self.connected = True
                return streams
        raise fault


def plain_url(url: str) -> URL:
    """The URL for the driver: without a query, by which it would read files of this machine."""
    parts = urlsplit(url)
    plain = URL(parts._replace(query="", fragment="").geturl(), encoded=True)
    return plain.with_query(heartbeat=str(HEARTBEAT_SECONDS))


async def _make_exchange(connection: Connection, exchange: str) -> None:
    """Declare an exchange that is not there; one that is stays as its owner made it.

    By channels of its own: the broker closes one on which it finds nothing.
    """
    try:
        channel = await connection.channel(publisher_confirms=False)
        await channel.exchange_declare(exchange, passive=True)
    except exceptions.ChannelNotFoundEntity:
        channel = await connection.channel(publisher_confirms=False)
        await channel.exchange_declare(exchange, exchange_type="fanout", durable=True)
    await channel.close()


async def _close_quietly(connection: Connection) -> None:
    with suppress(AMQPError, OSError, TimeoutError, RuntimeError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
