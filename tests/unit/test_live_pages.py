"""A page of the desk is told of every change since it was drawn, and of nothing else."""

import asyncio
from contextlib import aclosing

import pytest

from ordercast.services.gateway.desk.live import Live, LivePage
from tests.orders import order, submit

LONG_SECONDS = 10
A_MOMENT = 0.3


@pytest.fixture
def live(database):
    return Live(look_seconds=0.05)


async def first_told(live: Live, seen: str, *, within: float) -> str:
    """What a page that has seen this is told first; empty if it is told nothing."""
    async with aclosing(LivePage(live, seen).chunks(within)) as chunks:
        return (await anext(chunks)).decode()


def test_a_page_is_told_what_has_changed_since_it_was_drawn(live):
    seen = live.seen()
    submit(order())
    told = asyncio.run(first_told(live, seen, within=LONG_SECONDS))
    assert "data: orders" in told
    assert "subscribers\n" not in told


def test_a_page_is_not_told_what_it_has_seen(live):
    submit(order())
    assert asyncio.run(first_told(live, live.seen(), within=A_MOMENT)) == ""


def test_a_page_that_goes_on_where_it_was_is_told_what_it_has_missed_meanwhile(live):
    seen = live.seen()
    submit(order())
    told = asyncio.run(first_told(live, seen, within=LONG_SECONDS))
    (where,) = [line.removeprefix("id: ") for line in told.splitlines() if "id:" in line]
    elsewhere = Live(look_seconds=0.05)
    assert asyncio.run(first_told(elsewhere, where, within=A_MOMENT)) == ""
    submit(order())
    assert "data: orders" in asyncio.run(first_told(elsewhere, where, within=LONG_SECONDS))


def test_a_page_that_comes_while_another_follows_is_told_at_once(live):
    async def both() -> str:
        old = live.seen()
        submit(order())
        async with aclosing(LivePage(live, old).chunks(LONG_SECONDS)) as other:
            await anext(other)
            assert await first_told(live, live.seen(), within=A_MOMENT) == ""
            return await first_told(live, old, within=LONG_SECONDS)

    assert "data: orders" in asyncio.run(both())


@pytest.mark.parametrize("seen", ["", "x", "orders=00\ndata: x", "=,,="])
def test_a_page_that_does_not_say_what_it_has_seen_asks_again_for_everything(live, seen):
    told = asyncio.run(first_told(live, seen, within=LONG_SECONDS))
    assert "data: orders pushes subscribers work-orders\n" in told
