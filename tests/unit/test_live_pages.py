"""A page of the desk is told of every change since it was drawn."""

import asyncio
from contextlib import aclosing

import pytest

from ordercast.services.gateway.desk.live import Live, LivePage

HEARTBEAT_SECONDS = 10


@pytest.fixture
def live(database):
    return Live(look_seconds=0.05)


async def first_of(page: LivePage, seconds: float = HEARTBEAT_SECONDS) -> bytes:
    """What a page is told first; nothing if there is nothing to tell for so long."""
    async with aclosing(page.chunks(seconds)) as chunks:
        return await anext(chunks)


def test_the_first_page_asks_again_for_what_changed_before_the_first_look(live):
    for last_seen in (None, str(live.count)):
        page = LivePage(live, last_seen=last_seen)
        assert b"data: all" in asyncio.run(first_of(page))


def test_a_page_that_comes_while_another_follows_asks_again_unless_it_has_seen_all(live):
    async def told() -> list[bytes]:
        async with aclosing(LivePage(live, last_seen=None).chunks(HEARTBEAT_SECONDS)) as other:
            await anext(other)
            new = await first_of(LivePage(live, last_seen=None))
            here_before = await first_of(LivePage(live, last_seen=str(live.count)), 0.2)
        return [new, here_before]

    new, here_before = asyncio.run(told())
    assert b"data: all" in new
    assert here_before == b""
