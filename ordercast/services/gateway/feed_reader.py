"""A reader of the feed: what one stream has seen, and what waits for it."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ordercast.store.feed_reading import FeedEvent, FeedFilter


@dataclass(frozen=True)
class Item:
    """An event at its position, spelled as the stream sends it."""

    position: int
    row: FeedEvent
    frame: bytes


class Tail(Protocol):
    """Where readers get their events from."""

    def attach(self, reader: "FeedReader") -> bool: ...

    def detach(self, reader: "FeedReader") -> None: ...

    def frame(self, row: FeedEvent, *, masking: Sequence[str]) -> bytes: ...

    async def missed(self, reader: "FeedReader") -> Sequence[Item]: ...


class FeedReader:
    """What a stream has `seen` of the feed, wanted or not, and its bounded line.

    `head` is where the feed was when the stream began, `key_id` the API key that it came with.
    """

    def __init__(
        self,
        tail: Tail,
        wanted: FeedFilter,
        seen: int,
        *,
        head: int,
        most_waiting: int,
        key_id: str | None = None,
    ) -> None:
        self.wanted, self.seen, self.head, self.key_id = wanted, seen, head, key_id
        self.on_drop: Callable[[], None] = self.end
        self._tail, self._most_waiting = tail, most_waiting
        self._line: deque[Item] = deque()
        self._wake = asyncio.Event()
        self._has_ended = False

    def offer(self, item: Item) -> None:
        """Put an event into the line, if it is new and wanted; drop a reader that is too slow."""
        if item.position <= self.seen or self._has_ended:
            return
        self.seen = item.position
        if not self.wanted.shows(item.row):
            return
        if len(self._line) >= self._most_waiting:
            self._tail.detach(self)
            self._has_ended = True
            self.on_drop()
            return
        self._line.append(item)
        self._wake.set()

    def end(self) -> None:
        """Have the stream end when it has sent what it was offered."""
        self._has_ended = True
        self._wake.set()

    async def chunks(self, heartbeat_seconds: float) -> AsyncGenerator[bytes]:
        """What is to be sent, as it comes; empty when nothing came for so long."""
        while not self._tail.attach(self):
            if missed := await self._tail.missed(self):
                yield self._frames(missed)
        try:
            while self._line or not self._has_ended:
                yield await self._next(heartbeat_seconds)
        finally:
            self._tail.detach(self)

    async def _next(self, seconds: float) -> bytes:
        if not self._line:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                return b""
        frames = self._frames(self._line)
        self._line.clear()
        return frames

    def _frames(self, items: Iterable[Item]) -> bytes:
        if masking := self.wanted.masking:
            return b"".join(self._tail.frame(each.row, masking=masking) for each in items)
        return b"".join(each.frame for each in items)
