"""Transactions on PostgreSQL that commit in another order than they began: none is missed."""

import random
import threading
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from ordercast.store import feed
from ordercast.store.engine import database
from ordercast.store.feed_reading import FeedFilter, read_feed
from ordercast.store.push_tables import PushEvent
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.tables import ServiceOrder
from tests.conftest import forget

pytestmark = pytest.mark.service

WRITERS, EVENTS, NUMBERERS = 6, 40, 2


@pytest.fixture(autouse=True)
def on_postgres(home, postgres_url, monkeypatch):
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", postgres_url)
    forget()
    with database().write() as session:
        for number in range(WRITERS):
            session.add(
                ServiceOrder(
                    order_no=f"ord-{number}",
                    agent="agent-x",
                    content_sha256="",
                    message_id="m",
                    title="a SIM",
                    state="inProgress",
                    ordered_at=datetime.now(UTC),
                )
            )
    yield
    forget()


def add(session, order_no, n=0):
    order = session.get_one(ServiceOrder, order_no, with_for_update=True)
    add_events(session, order, [NewEvent("work-order.completed", 1, n=n)])
    session.flush()


def number():
    with database().write() as session:
        return feed.number_events(session)


def page(after, limit=100):
    with database().read() as session:
        return read_feed(session, FeedFilter(), after=after, limit=limit)


def test_what_was_written_first_and_commits_last_comes_behind_what_was_read_already():
    with ExitStack() as late:
        slow = late.enter_context(database().write())
        add(slow, "ord-0")
        with database().write() as fast:
            add(fast, "ord-1")
        assert number() == 1
        first = page(after=0)
        assert [row.event.order_no for row in first.events] == ["ord-1"]
    assert number() == 1
    rest = page(after=first.next)
    assert [row.event.order_no for row in rest.events] == ["ord-0"]
    assert rest.events[0].event.occurred_at < first.events[0].event.occurred_at


def test_a_reader_in_the_middle_of_a_numbering_sees_nothing_of_it():
    with database().write() as session:
        add(session, "ord-0")
    with database().write() as numbering:
        assert feed.number_events(numbering) == 1
        before = page(after=0)
        assert (before.events, before.next, before.more) == ([], 0, False)
    assert page(after=0).next == 1


def test_one_who_numbers_waits_for_the_other_and_goes_on_behind_it():
    with database().write() as session:
        add(session, "ord-0")
    counts, began = [], threading.Event()

    def other():
        began.set()
        counts.append(number())

    with database().write() as numbering:
        assert feed.number_events(numbering) == 1
        waiting = threading.Thread(target=other)
        waiting.start()
        assert began.wait(10)
        with database().write() as session:
            add(session, "ord-1")
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(10)
    assert counts == [1]
    assert [row.position for row in page(after=0).events] == [1, 2]


def test_many_writers_that_take_their_time_and_a_reader_that_follows_lose_nothing():
    writing, over = threading.Event(), threading.Event()
    seen, dice = [], random.Random(7)  # noqa: S311 - no secret hangs on it
    naps = [[dice.uniform(0, 0.02) for _ in range(EVENTS)] for _ in range(WRITERS)]

    def write(order_no, pauses):
        for n, pause in enumerate(pauses):
            with database().write() as session:
                add(session, order_no, n)
                over.wait(pause)

    def number_on():
        while not writing.is_set() or number():
            number()

    def read_on():
        after = 0
        while not over.is_set() or page(after).more:
            found = page(after, limit=7)
            after = found.next
            seen.extend((row.event.order_no, row.event.sequence) for row in found.events)

    writers = [
        threading.Thread(target=write, args=(f"ord-{number}", pauses))
        for number, pauses in enumerate(naps)
    ]
    numberers = [threading.Thread(target=number_on) for _ in range(NUMBERERS)]
    reader = threading.Thread(target=read_on)
    for each in (*writers, *numberers, reader):
        each.start()
    for group, told in ((writers, writing), (numberers, over)):
        for each in group:
            each.join(60)
        told.set()
    reader.join(60)
    assert len(seen) == len(set(seen)) == WRITERS * EVENTS
    for number_ in range(WRITERS):
        own = [sequence for order_no, sequence in seen if order_no == f"ord-{number_}"]
        assert own == list(range(1, EVENTS + 1))
    with database().read() as session:
        positions = session.exec(select(PushEvent.position)).all()
    assert sorted(positions) == list(range(1, WRITERS * EVENTS + 1))
