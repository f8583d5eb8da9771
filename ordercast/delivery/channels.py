"""Channels: the ways by which a push goes out. The scheme of its URL says which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ordercast.delivery.answers import Answer
from ordercast.delivery.verdicts import Reason
from ordercast.store.devices import DeviceState
from ordercast.store.inbox import ReplyTo


@dataclass(frozen=True)
class Push:
    """One event on its way to one subscriber: the same id and body at every attempt.

    `reply_to` is where the sender of an order waits, if it is the sender who is told. `devices`
    are there for a channel that keeps their last states; `time` is when it happened.
    """

    url: str
    event_id: str
    event_type: str
    media_type: str
    body: bytes
    headers: Mapping[str, str]
    reply_to: ReplyTo | None = None
    order_no: str = ""
    time: str = ""
    devices: Sequence[DeviceState] = ()


class Channel(Protocol):
    """A way by which pushes go out; connections it keeps are its own affair."""

    async def send(self, push: Push) -> Answer:
        """Send a push once; the answer, or the fault in words, never an exception.

        The whole attempt takes at most the time that the settings allow for one.
        """
        ...

    async def close(self) -> None:
        """Let go of what is kept open."""
        ...


class Channels:
    """All channels, by the schemes of the URLs that each of them serves."""

    def __init__(self, by_scheme: Mapping[str, Channel]) -> None:
        self._by_scheme = by_scheme

    async def send(self, push: Push) -> Answer:
        channel = self._by_scheme.get(push.url.partition(":")[0].lower())
        if channel is None:
            return Answer(0, body="no channel serves this URL", fault=Reason.INTERNAL)
        return await channel.send(push)

    async def close(self) -> None:
        for channel in set(self._by_scheme.values()):
            await channel.close()
