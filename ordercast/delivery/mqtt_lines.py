"""Lines to MQTT brokers: one connection for each address, by which many pushes go at once.

A line is kept as long as it is used, and dropped with the first fault: whoever needs it next
opens it anew.
"""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ordercast.delivery.guard import Guard
from ordercast.delivery.mqtt_line import MqttLine, Refused, Unreachable

__all__ = ["MqttLines", "Refused", "Unreachable"]

IDLE_SECONDS = 60
PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass
class Place:
    """Where the line to an address is, once it is open."""

    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    line: MqttLine | None = None
    idle: asyncio.TimerHandle | None = None


class MqttLines:
    """Lines by URL."""

    def __init__(self, guard: Guard, *, timeout_seconds: float) -> None:
        self._guard, self._timeout_seconds = guard, timeout_seconds
        self._places: dict[str, Place] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def line(self, url: str) -> MqttLine:
        """An open line to an address."""
        while True:
            place = self._places.setdefault(url, Place())
            async with place.opening:
                if self._places.get(url) is not place:
                    continue  # who held it before us has dropped it
                if place.line is None or not place.line.is_open:
                    place.line = await self._open(url, place.line)
                self._put_off(place, url)
                return place.line

    async def drop(self, url: str) -> None:
        """Close what is open at an address."""
        place = self._places.pop(url, None)
        if place and place.idle:
            place.idle.cancel()
        if place and place.line:
            await place.line.close()

    async def close(self) -> None:
        """Close all lines."""
        for url in list(self._places):
            await self.drop(url)

    async def _open(self, url: str, former: MqttLine | None) -> MqttLine:
        if former:
            await former.close()
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        addresses = await self._guard.resolve_async(host, port)
        line = MqttLine(
            host,
            port,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            is_tls=parts.scheme == "mqtts",
            timeout_seconds=self._timeout_seconds,
        )
        await line.open(addresses)
        return line

    def _put_off(self, place: Place, url: str) -> None:
        """Close the line when it has not been used for a minute."""
        if place.idle:
            place.idle.cancel()
        loop = asyncio.get_running_loop()
        place.idle = loop.call_later(IDLE_SECONDS, self._close_idle, url)

    def _close_idle(self, url: str) -> None:
        task = asyncio.get_running_loop().create_task(self.drop(url))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
