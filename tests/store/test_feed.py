"""The feed is one line of all events; what is behind a position never changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select, update

from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret
from ordercast.domain.errors import InvalidMessage
from ordercast.store import feed, feed_reading, subscribers
from ordercast.store.engine import database
from ordercast.store.feed_reading import FeedFilter, read_feed
from ordercast.store.push_tables import FeedHead, PushDelivery, PushEvent
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.tables import ServiceOrder

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
COMPLETED = NewEvent("order.completed", 1)
REOPENED = NewEvent("order.reopened", 2)
ALL = FeedFilter()

pytestmark = pytest.mark.usefixtures("database")


def add_order(order_no, agent="agent-x", primary_tag=None):
    with database().write() as session:
        session.add(
            ServiceOrder(
                order_no=order_no,
                agent=agent,
                content_sha256="",
                message_id="m",
                title="a SIM",
                state="inProgress",
                ordered_at=NOW,
                primary_tag=primary_tag,
            )
        )


def tell(order_no, *events, tags=(), at=NOW):
    with database().write() as session:
        order = session.get_one(ServiceOrder, order_no)
        add_events(session, order, events, tags=tags, at=at)


def number():
    with database().write() as session:
        return feed.number_events(session)


def read(wanted=ALL, after=0, limit=100):
    with database().read() as session:
        return read_feed(session, wanted, after=after, limit=limit)


def told(page):
    return [(row.event.order_no, row.event.type) for row in page.events]


def subscriber(**wanted):
    document = {"kind": "public", "url": "http://127.0.0.1:9/", "name": "n", **wanted}
    with database().write() as session:
        new = NewSubscriber.model_validate(document)
        return subscribers.create(session, new, secret=new_secret())


def test_events_stand_in_the_feed_in_the_order_of_their_commits_without_a_gap():
    for name in "abc":
        add_order(f"ord-{name}")
    tell("ord-b", COMPLETED)
    number()
    tell("ord-a", COMPLETED, at=NOW - timedelta(hours=1))
    tell("ord-b", REOPENED)
    number()
    page = read()
    assert [row.position for row in page.events] == [1, 2, 3]
    assert told(page)[0] == ("ord-b", "order.completed")
    assert (page.next, page.more) == (3, False)


def test_the_events_of_an_order_keep_their_sequence_though_a_clock_is_wrong():
    add_order("ord-a")
    tell("ord-a", COMPLETED, at=NOW)
    tell("ord-a", REOPENED, at=NOW - timedelta(minutes=5))
    number()
    assert told(read()) == [("ord-a", "order.completed"), ("ord-a", "order.reopened")]


def test_a_reader_goes_on_after_what_it_has_read():
    add_order("ord-a")
    tell("ord-a", COMPLETED, REOPENED, NewEvent("order.failed", 2))
    number()
    first = read(limit=2)
    assert (len(first.events), first.next, first.more) == (2, 2, True)
    second = read(after=first.next, limit=2)
    assert (len(second.events), second.next, second.more) == (1, 3, False)
    assert read(after=3) == feed_reading.FeedPage([], 3, more=False)


def test_a_reader_of_few_events_gets_ahead_through_the_many(monkeypatch):
    monkeypatch.setattr(feed_reading, "SCAN", 2)
    add_order("ord-a")
    tell("ord-a", *(NewEvent("work-order.completed", 1, n=n) for n in range(5)), COMPLETED)
    number()
    wanted, after, pages = FeedFilter(types=frozenset({"order.completed"})), 0, []
    while not pages or pages[-1].more:
        pages.append(read(wanted, after=after))
        after = pages[-1].next
    assert [len(page.events) for page in pages] == [0, 0, 1]
    assert after == 6


def test_a_position_ahead_of_the_feed_is_refused_in_words():
    with pytest.raises(InvalidMessage, match=r"after: is ahead of the feed, which is at 0"):
        read(after=1)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"kind": "agent", "agent": "agent-y"}, ["ord-y"]),
        ({"agents": ["agent-x"]}, ["ord-x"]),
        ({"tags": ["iot"]}, ["ord-y"]),
        ({"event_types": ["order.failed"]}, []),
        ({}, ["ord-x", "ord-y"]),
    ],
    ids=["agent", "agents", "tags", "types", "all"],
)
def test_a_subscriber_is_shown_what_it_would_be_told_of(wanted, expected):
    add_order("ord-x")
    add_order("ord-y", agent="agent-y", primary_tag="sim")
    before = subscriber(**wanted)
    tell("ord-x", COMPLETED)
    tell("ord-y", COMPLETED, tags=["iot"])
    number()
    page = read(FeedFilter(subscriber=before))
    assert [row.event.order_no for row in page.events] == expected
    with database().read() as session:
        deliveries = session.exec(select(PushDelivery.order_no)).all()
    assert sorted(deliveries) == expected


def test_one_order_is_read_however_far_its_events_are_apart(monkeypatch):
    monkeypatch.setattr(feed_reading, "SCAN", 1)
    for name in "ab":
        add_order(f"ord-{name}")
    tell("ord-a", COMPLETED)
    tell("ord-b", *(NewEvent("work-order.completed", 1, n=n) for n in range(5)))
    tell("ord-a", REOPENED)
    number()
    page = read(FeedFilter(order_no="ord-a"))
    assert (told(page), page.more) == (
        [("ord-a", "order.completed"), ("ord-a", "order.reopened")],
        False,
    )


def test_a_position_is_never_given_twice_though_events_are_removed():
    add_order("ord-a")
    tell("ord-a", COMPLETED)
    number()
    with database().write() as session:
        session.delete(session.exec(select(PushEvent)).one())
    tell("ord-a", REOPENED)
    number()
    assert [row.position for row in read().events] == [2]


def test_a_head_that_is_not_there_is_made():
    with database().write() as session:
        session.delete(session.get_one(FeedHead, feed.FEED))
    add_order("ord-a")
    tell("ord-a", COMPLETED)
    number()
    assert read().next == 1


def test_a_transaction_that_fails_takes_no_position():
    add_order("ord-a")
    with pytest.raises(ZeroDivisionError), database().write() as session:
        add_events(session, session.get_one(ServiceOrder, "ord-a"), [COMPLETED], at=NOW)
        raise ZeroDivisionError
    tell("ord-a", REOPENED)
    number()
    assert told(read()) == [("ord-a", "order.reopened")]
    assert read().next == 1


@given(
    times=st.lists(st.tuples(st.sampled_from("abc"), st.integers(-9, 9)), min_size=1, max_size=12),
    limit=st.integers(1, 5),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_the_clocks_and_rounds_every_event_is_read_once_and_in_sequence(times, limit):
    with database().write() as session:
        for table in (PushEvent, ServiceOrder):
            for row in session.exec(select(table)):
                session.delete(row)
        began = feed.head_of(session)
    for name in "abc":
        add_order(f"ord-{name}")
    for version, (name, hours) in enumerate(times):
        tell(f"ord-{name}", NewEvent("order.failed", version), at=NOW + timedelta(hours=hours))
    with database().write() as session:  # as if none had been numbered yet
        session.execute(update(PushEvent).values(position=None))
    count = limit
    while count == limit:
        with database().write() as session:
            count = feed.number_events(session, limit=limit)
    after, seen, more = began, [], True
    while more:
        page = read(after=after, limit=limit)
        seen += [(row.event.order_no, row.event.sequence) for row in page.events]
        after, more = page.next, page.more
    assert len(seen) == len(set(seen)) == len(times)
    for name in "abc":
        own = [sequence for order_no, sequence in seen if order_no == f"ord-{name}"]
        assert own == sorted(own)


def test_only_on_sqlite_an_event_has_its_position_with_its_own_commit():
    add_order("ord-a")
    tell("ord-a", COMPLETED)
    with database().read() as session:
        assert feed.has_unnumbered(session) is not database().is_sqlite
        assert session.exec(select(PushEvent)).one().position == (
            1 if database().is_sqlite else None
        )
