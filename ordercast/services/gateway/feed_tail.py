"""The tail of the feed: one thread a gateway reads what is new, for all streams at once.

It runs while there are streams. Each stream has a bounded line of what it has not sent yet; one
that is too slow for it is dropped, and goes on by the id of the last event that it got.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from time import monotonic
from typing import Any

from fastapi.sse import format_sse_event

from ordercast.delivery.cloud_events import body_of
from ordercast.delivery.composing import masked
from ordercast.services.gateway.feed_reader import FeedReader, Item
from ordercast.store import api_keys, subscribers
from ordercast.store.clock import now
from ordercast.store.engine import DATABASE_AWAY, database
from ordercast.store.feed import head_of
from ordercast.store.feed_reading import FeedEvent, FeedFilter, FeedPage, read_feed
from ordercast.store.nudges import Listener, Topic
from ordercast.store.push_tables import Subscriber

log = logging.getLogger("ordercast.gateway")

PAGE = 500
KEPT = 500
"""So many of the newest events are kept for those who come back soon."""

LOOK_SECONDS = 2
RECHECK_SECONDS = 10
DATABASE_READERS = 4
"""So many of those who are far behind read the database at once."""


class FeedTail:
    """Reads the feed once for all its readers; all but `reader` in the loop of the streams."""

    def __init__(self, *, base_url: str, most_waiting: int) -> None:
        self._base_url, self._most_waiting = base_url, most_waiting
        self._readers: set[FeedReader] = set()
        self._recent: deque[Item] = deque(maxlen=KEPT)
        self._floor = 0
        self._round: threading.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = asyncio.Semaphore(DATABASE_READERS)
        self._is_closed = False

    def reader(
        self, wanted: FeedFilter, after: int | None, *, key_id: str | None = None
    ) -> FeedReader:
        """A reader from a position on, else from the head; InvalidMessage if it is ahead."""
        with database().read() as session:
            head = head_of(session)
            if after is not None:
                read_feed(session, wanted, after=after, limit=1)
        begin = head if after is None else after
        line = {"head": head, "most_waiting": self._most_waiting}
        return FeedReader(self, wanted, begin, **line, key_id=key_id)

    def attach(self, reader: FeedReader) -> bool:
        """Have a reader told from now on; False if it must read what it missed before."""
        if self._is_closed:
            reader.end()
            return True
        if self._round is None:
            self._begin(reader.head)
        if reader.seen < self._floor:
            return False
        self._readers.add(reader)
        for item in [each for each in self._recent if each.position > reader.seen]:
            reader.offer(item)
        return True

    def detach(self, reader: FeedReader) -> None:
        """Tell a reader nothing more; after the last one the thread ends."""
        self._readers.discard(reader)
        if not self._readers and self._round:
            self._round.set()
            self._round = None

    async def missed(self, reader: FeedReader) -> Sequence[Item]:
        """The next events that a reader missed; it has then seen a page more."""
        async with self._turns:
            page = await asyncio.to_thread(self._page, reader.wanted, reader.seen)
        reader.seen = page.next
        return self._items(page)

    def close(self) -> None:
        """End all streams; from any thread."""
        self._is_closed = True
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_all)

    def _end_all(self) -> None:
        for reader in list(self._readers):
            reader.end()

    def _begin(self, position: int) -> None:
        self._loop, self._round = asyncio.get_running_loop(), threading.Event()
        self._recent.clear()
        self._floor = position
        threading.Thread(
            target=self._follow, args=(self._round, position), name="feed-tail", daemon=True
        ).start()

    def _follow(self, over: threading.Event, position: int) -> None:
        """Read what is new until the round is over; a fault of the database is waited out."""
        checked = monotonic()
        with closing(Listener(Topic.FEED)) as listener:
            while not over.is_set():
                try:
                    page = self._page(FeedFilter(), position)
                    if page.next > position:
                        self._in_loop(self._take, over, self._items(page))
                    position = page.next
                    if monotonic() - checked > RECHECK_SECONDS:
                        self._in_loop(self._renew, over, *self._admitted())
                        checked = monotonic()
                except DATABASE_AWAY as fault:
                    log.warning("event streams wait: %s", type(fault).__name__)
                    over.wait(LOOK_SECONDS)
                except Exception:
                    log.exception("event streams end: the feed cannot be followed")
                    return self._in_loop(self._give_up, over)
                else:
                    if not page.more:
                        listener.wait(LOOK_SECONDS)
        return None

    def _take(self, over: threading.Event, items: Sequence[Item]) -> None:
        if self._round is not over:
            return
        for item in items:
            if len(self._recent) == KEPT:
                self._floor = self._recent[0].position
            self._recent.append(item)
            for reader in list(self._readers):
                reader.offer(item)

    def _renew(
        self, over: threading.Event, known: dict[str, Subscriber], key_ids: set[str]
    ) -> None:
        """Who was changed sees as it now may.

        Who was removed, or its key, or whose secret was rotated away, sees nothing more.
        """
        for reader in list(self._readers) if self._round is over else ():
            if reader.key_id and reader.key_id not in key_ids:
                reader.end()
            elif who := reader.wanted.subscriber:
                found = known.get(who.id)
                if found and _admits(found, reader.wanted.admitted_by):
                    reader.wanted = replace(reader.wanted, subscriber=found)
                else:
                    reader.end()

    def _give_up(self, over: threading.Event) -> None:
        if self._round is over:
            self._round = None
            self._end_all()

    def _admitted(self) -> tuple[dict[str, Subscriber], set[str]]:
        """The subscribers that there are, and the keys that let somebody in."""
        with database().read() as session:
            known = {each.id: each for each in subscribers.kept(session)}
            return known, api_keys.valid_ids(session)

    def _page(self, wanted: FeedFilter, after: int) -> FeedPage:
        with database().read() as session:
            return read_feed(session, wanted, after=after, limit=PAGE)

    def _items(self, page: FeedPage) -> list[Item]:
        return [Item(row.position, row, self.frame(row, masking=())) for row in page.events]

    def frame(self, row: FeedEvent, *, masking: Sequence[str]) -> bytes:
        """An event as a stream sends it to who may see it so."""
        body = body_of(row.event, masked(row.event, masking), base_url=self._base_url)
        return format_sse_event(data_str=body, id=str(row.position))

    def _in_loop(self, deed: Callable[..., None], *arguments: Any) -> None:
        assert self._loop
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deed, *arguments)


def _admits(subscriber: Subscriber, sealed: bytes | None) -> bool:
    """Whether a secret still lets its knower read as a subscriber; who has a key needs none."""
    return sealed is None or sealed in subscribers.sealed_secrets(subscriber, at=now())
