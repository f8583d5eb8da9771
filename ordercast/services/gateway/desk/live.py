"""Following what happens: one thread a gateway looks for changes, for all pages at once.

It runs while there are pages that follow. A page is told of what, never what: it asks again.
What a page has seen is noted before it is drawn, and goes with it: no change is missed before
its stream has begun, while that is broken, or at another gateway.
"""

import asyncio
import logging
import re
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from hashlib import blake2b
from time import monotonic

from fastapi.sse import format_sse_event

from ordercast.store.changes import Mark, marks
from ordercast.store.engine import DATABASE_AWAY, database

log = logging.getLogger("ordercast.gateway")

LONGEST_SECONDS = 600
"""Then a page connects again, and whether it still may is looked at."""

REST = 10
"""After a look that took long the thread rests so many times as long: it costs a tenth at most."""

Seen = Mapping[str, str]
"""How each topic stood, as a digest of its mark."""

SEEN = re.compile(r"([a-z-]+)=([0-9a-f]+)")


class Live:
    """Tells pages which topics have changed; all but `seen` and `close` in the streams' loop."""

    def __init__(self, *, look_seconds: float) -> None:
        self._look_seconds = look_seconds
        self._pages: set[LivePage] = set()
        self._round: threading.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self._newest: Seen | None = None

    def seen(self) -> str:
        """What a page has seen that is drawn from now on; from any thread."""
        return _text(self._newest or _look())

    def attach(self, page: "LivePage") -> None:
        """Tell a page from now on."""
        if self._is_closed:
            page.end()
            return
        self._pages.add(page)
        if self._round is None:
            self._loop, self._round = asyncio.get_running_loop(), threading.Event()
            threading.Thread(
                target=self._follow, args=(self._round,), name="desk-live", daemon=True
            ).start()
        elif self._newest:
            page.tell(self._newest)

    def detach(self, page: "LivePage") -> None:
        """Tell a page nothing more; after the last one the thread ends."""
        self._pages.discard(page)
        if not self._pages and self._round:
            self._round.set()
            self._round = self._newest = None

    def close(self) -> None:
        """End all streams; from any thread."""
        self._is_closed = True
        self._in_loop(self._end_all)

    def _end_all(self) -> None:
        for page in list(self._pages):
            page.end()

    def _follow(self, over: threading.Event) -> None:
        rest = 0.0
        while not over.wait(rest):
            began = monotonic()
            try:
                found = _look()
            except DATABASE_AWAY as fault:
                log.warning("live pages wait: %s", type(fault).__name__)
                rest = self._look_seconds
                continue
            except Exception:
                log.exception("live pages end: changes cannot be looked for")
                return self._in_loop(self._end_all)
            self._in_loop(self._tell, found)
            rest = max(self._look_seconds, REST * (monotonic() - began))
        return None

    def _tell(self, found: Seen) -> None:
        if self._pages:
            self._newest = found
        for page in self._pages:
            page.tell(found)

    def _in_loop(self, deed: Callable[..., None], *given: object) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deed, *given)


class LivePage:
    """A page that follows from what it has seen: what it is to be told next, each topic once."""

    def __init__(self, live: Live, seen: str) -> None:
        self.on_drop: Callable[[], None] = self.end
        self._live = live
        self._seen: Seen = dict(SEEN.findall(seen))
        self._topics: set[str] = set()
        self._wake = asyncio.Event()
        self._has_ended = False

    @property
    def seen(self) -> str:
        """What the page has seen once it has been told of all that is to be told."""
        return _text(self._seen)

    def tell(self, found: Seen) -> None:
        """Have the page told of the topics that stand otherwise than it has seen them."""
        self._topics |= {topic for topic in found if self._seen.get(topic) != found[topic]}
        self._seen = found
        if self._topics:
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
        return format_sse_event(event="changed", data_str=told, id=self.seen)


def _look() -> Seen:
    with database().read() as session:
        found = marks(session)
    return {topic: _digest(mark) for topic, mark in found.items()}


def _digest(mark: Mark) -> str:
    return blake2b(repr(mark).encode(), digest_size=6).hexdigest()


def _text(seen: Seen) -> str:
    return ",".join(f"{topic}={digest}" for topic, digest in seen.items())
