"""Following what happens: one thread a gateway looks for changes, for all pages at once.

It runs while there are pages that follow. A page is told of what, never what: it asks again.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Set
from secrets import randbits
from time import monotonic

from fastapi.sse import format_sse_event

from ordercast.store.changes import Mark, marks
from ordercast.store.engine import DATABASE_AWAY, database

log = logging.getLogger("ordercast.gateway")

LONGEST_SECONDS = 600
"""Then a page connects again, and whether it still may is looked at."""

REST = 10
"""After a look that took long the thread rests so many times as long: it costs a tenth at most."""

EVERYTHING = frozenset({"all"})
"""What a page is told that may have missed something."""


class Live:
    """Tells pages which topics have changed; all but `close` in the streams' loop."""

    def __init__(self, *, look_seconds: float) -> None:
        self._look_seconds = look_seconds
        self._pages: set[LivePage] = set()
        self._round: threading.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self.count = randbits(32)  # told apart from the count of another gateway

    def attach(self, page: "LivePage") -> None:
        """Tell a page from now on, and that it asks again for what it may have missed."""
        if self._is_closed:
            page.end()
            return
        self._pages.add(page)
        if self._round is None:
            self._loop, self._round = asyncio.get_running_loop(), threading.Event()
            threading.Thread(
                target=self._follow, args=(self._round,), name="desk-live", daemon=True
            ).start()
        elif page.last_seen != str(self.count):
            page.tell(EVERYTHING, self.count)

    def detach(self, page: "LivePage") -> None:
        """Tell a page nothing more; after the last one the thread ends."""
        self._pages.discard(page)
        if not self._pages and self._round:
            self._round.set()
            self._round = None

    def close(self) -> None:
        """End all streams; from any thread."""
        self._is_closed = True
        self._in_loop(self._end_all)

    def _end_all(self) -> None:
        for page in list(self._pages):
            page.end()

    def _follow(self, over: threading.Event) -> None:
        known: Mapping[str, Mark] | None = None
        rest = 0.0
        while not over.wait(rest):
            began = monotonic()
            try:
                with database().read() as session:
                    found = marks(session)
            except DATABASE_AWAY as fault:
                log.warning("live pages wait: %s", type(fault).__name__)
                rest = self._look_seconds
                continue
            except Exception:
                log.exception("live pages end: changes cannot be looked for")
                return self._in_loop(self._end_all)
            if known is None:
                changed = EVERYTHING  # what changed before the first look nobody knows
            else:
                changed = {topic for topic in found if known[topic] != found[topic]}
            known = found
            rest = max(self._look_seconds, REST * (monotonic() - began))
            if changed:
                self._in_loop(self._tell, changed)
        return None

    def _tell(self, topics: Set[str]) -> None:
        self.count += 1
        for page in list(self._pages):
            page.tell(topics, self.count)

    def _in_loop(self, deed: Callable[..., None], *given: object) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deed, *given)


class LivePage:
    """A page that follows, and what it last saw if it did before: is told each topic once."""

    def __init__(self, live: Live, *, last_seen: str | None) -> None:
        self.last_seen = last_seen
        self.seen = live.count
        self.on_drop: Callable[[], None] = self.end
        self._live = live
        self._topics: set[str] = set()
        self._wake = asyncio.Event()
        self._has_ended = False

    def tell(self, topics: Set[str], count: int) -> None:
        """Have the page told of topics; whatever happened before it is told."""
        self._topics |= topics
        self.seen = count
        self._wake.set()

    def end(self) -> None:
        """Have the stream end."""
        self._has_ended = True
        self._wake.set()

    async def chunks(self, heartbeat_seconds: float) -> AsyncGenerator[bytes]:
        """What is to be sent, as it comes; empty when nothing came for so long."""
        self._live.attach(self)
        until = monotonic() + LONGEST_SECONDS
        try:
            while not self._has_ended and monotonic() < until:
                yield await self._next(heartbeat_seconds)
        finally:
            self._live.detach(self)

    async def _next(self, seconds: float) -> bytes:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return b""
        self._wake.clear()
        topics, self._topics = self._topics, set()
        if not topics:
            return b""
        told = " ".join(sorted(topics))
        return format_sse_event(event="changed", data_str=told, id=str(self.seen))
