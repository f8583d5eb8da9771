"""Replays: what goes out once more, how fast, and that a crash at any point changes nothing."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from sqlmodel import col, func, select, update

from ordercast.contracts.replay import NewReplay
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret
from ordercast.domain.errors import Conflict, NotFound
from ordercast.store import push_leases, replaying, replays, subscribers
from ordercast.store.clock import now
from ordercast.store.push_recording import Tried, record_attempts
from ordercast.store.push_tables import PushAttempt, PushDelivery, PushEvent, PushReplay, Subscriber
from ordercast.store.pushes import DeliveryState, NewEvent, add_events
from ordercast.store.tables import ServiceOrder
from tests.store.plans import noted, plan

THEN = datetime(2026, 11, 22, 9, tzinfo=UTC)
LATER = datetime(2099, 1, 1, tzinfo=UTC)
END = datetime(2099, 1, 2, tzinfo=UTC)
COMPLETED = NewEvent("order.completed", 1, {"state": "completed"})


def subscribe(database, name="all", **wanted):
    document = {"kind": "public", "url": "http://127.0.0.1:9/hook", "name": name, **wanted}
    with database.write() as session:
        new = NewSubscriber.model_validate(document)
        return subscribers.create(session, new, secret=new_secret()).id


def tell(database, order_no, *events, at=THEN, agent="agent-x", tags=()):
    with database.write() as session:
        order = session.get(ServiceOrder, order_no)
        if order is None:
            order = ServiceOrder(
                order_no=order_no,
                agent=agent,
                content_sha256="",
                message_id="m",
                title="a SIM",
                state="completed",
                ordered_at=at,
            )
            session.add(order)
            session.flush()
        return add_events(session, order, events or [COMPLETED], at=at, tags=tags)


def end(database, state="delivered", verdict="delivered", at=THEN):
    """Every pending push is sent once and ends so."""
    while True:
        with database.write() as session:
            leased = push_leases.lease_due(
                session, now=END, limit=500, lease_seconds=9, holder="relay"
            )
            for each in leased:
                attempt = PushAttempt(
                    delivery_id=each.delivery.id,
                    number=each.delivery.attempts + 1,
                    started_at=at,
                    duration_ms=5,
                    status=200,
                    verdict=verdict,
                    reason="acknowledged",
                    answer="",
                )
                record_attempts(session, [(each, Tried(attempt, DeliveryState(state)))])
        if not leased:
            return


def ask(database, **wanted):
    expected = count(database, **wanted)
    with database.write() as session:
        return replays.ask(session, NewReplay(**wanted), expected=expected, asked_by="tester").id


def count(database, **wanted):
    with database.read() as session:
        return replays.estimate(session, NewReplay(**wanted)).pushes


def carry_on(database, at=LATER, most_waiting=10**6):
    with database.write() as session:
        return replaying.carry_on(session, now=at, most_waiting=most_waiting) is not None


def carry_out(database, replay_id):
    """Until everything is put back; time passes as it must."""
    at = LATER
    for _ in range(10_000):
        if replay(database, replay_id).is_read:
            return
        carry_on(database, at)
        at += timedelta(seconds=1)
    raise AssertionError("the replay does not end")


def replay(database, replay_id):
    with database.read() as session:
        return replays.replay(session, replay_id)


def deliveries(database, **which):
    with database.read() as session:
        query = select(PushDelivery).order_by(col(PushDelivery.due_at), PushDelivery.order_no)
        return session.exec(query.filter_by(**which)).all()


def pending(database):
    return {(each.order_no, each.subscriber_id) for each in deliveries(database, state="pending")}


def test_what_was_delivered_goes_out_again_with_its_attempts_kept(database):
    subscriber = subscribe(database)
    (event,) = tell(database, "ord-1")
    end(database)
    made = ask(database, order_no="ord-1")
    carry_out(database, made)
    (again,) = deliveries(database, state="pending")
    assert (again.event_id, again.subscriber_id, again.attempts) == (event.id, subscriber, 1)
    assert (again.tries, again.ended_at, again.replay_id) == (0, None, made)
    end(database)
    with database.read() as session:
        numbers = session.exec(select(PushAttempt.number).order_by(col(PushAttempt.number))).all()
    assert numbers == [1, 2]
    carry_on(database, END)
    ended = replay(database, made)
    assert (ended.state, ended.expected, ended.put_back, ended.made) == ("done", 1, 1, 0)


def test_what_a_subscriber_never_had_is_made_and_only_what_concerns_it(database):
    tell(database, "ord-1", agent="agent-x")
    tell(database, "ord-2", NewEvent("work-order.completed", 1), agent="agent-x")
    tell(database, "ord-3", agent="agent-y")
    late = subscribe(database, "late", agents=["agent-x"])
    made = ask(database, subscriber_id=late)
    carry_out(database, made)
    assert pending(database) == {("ord-1", late)}
    assert replay(database, made).made == 1
    assert count(database, subscriber_id=late) == 0


def test_tags_count_for_what_was_never_had_as_they_did_when_the_event_was_new(database):
    for number, tags in (("ord-1", ["iot"]), ("ord-2", ["vip"])):
        tell(database, number, NewEvent("work-order.completed", 1), at=THEN - timedelta(hours=1))
        tell(database, number, tags=tags)
    late = subscribe(database, "late", tags=["iot"], event_types=["*order.*"])
    carry_out(database, ask(database, subscriber_id=late))
    (only,) = deliveries(database, state="pending")
    assert (only.order_no, only.sequence) == ("ord-1", 2)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"states": ["gave-up"]}, {"ord-2"}),
        ({"states": ["delivered", "rejected"]}, {"ord-1", "ord-3"}),
        ({"verdict": "blocked"}, {"ord-2"}),
        ({"since": THEN + timedelta(hours=1)}, {"ord-2", "ord-3"}),
        ({"since": THEN, "until": THEN + timedelta(hours=2)}, {"ord-1", "ord-2"}),
        ({"order_no": "ord-3"}, {"ord-3"}),
        ({"order_no": "ord-3", "states": ["gone"]}, set()),
    ],
)
def test_all_that_is_asked_for_must_hold(database, wanted, expected):
    subscribe(database)
    for hours, (state, verdict) in enumerate(
        [("delivered", "delivered"), ("gave-up", "blocked"), ("rejected", "rejected")]
    ):
        tell(database, f"ord-{hours + 1}", at=THEN + timedelta(hours=hours))
        end(database, state, verdict)
    assert count(database, **wanted) == len(expected)
    carry_out(database, ask(database, **wanted))
    assert {order_no for order_no, _ in pending(database)} == expected


def given_up(database, *, hours_ago):
    """By their order's number, pushes that were given up so long ago, of events of long before."""
    for each in hours_ago:
        tell(database, f"ord-{each}", at=now() - timedelta(hours=each + 75))
        end(database, "gave-up", "retry", at=now() - timedelta(hours=each))


def test_what_was_given_up_since_last_night_goes_out_once_however_old_its_event(database):
    subscriber = subscribe(database)
    given_up(database, hours_ago=[1, 23, 49])
    last_night = {"states": ["gave-up"], "ended_since": now() - timedelta(hours=26)}
    assert count(database, **last_night) == 2
    made = ask(database, **last_night)
    carry_out(database, made)
    assert pending(database) == {("ord-1", subscriber), ("ord-23", subscriber)}
    assert replay(database, made).put_back == 2
    assert count(database, **last_night) == 0


def test_what_ended_since_is_put_back_by_and_by_and_what_was_never_had_is_no_part_of_it(
    database, monkeypatch
):
    subscriber, other = subscribe(database), subscribe(database, "other")
    given_up(database, hours_ago=range(1, 8))
    late = subscribe(database, "late")
    monkeypatch.setattr("ordercast.store.replay_pages.MOST_EVENTS", 2)
    made = ask(database, ended_since=now() - timedelta(hours=5.5), per_second=0.5)
    assert replay(database, made).expected == 10
    carry_out(database, made)
    expected = {(f"ord-{n}", each) for n in range(1, 6) for each in (subscriber, other)}
    assert pending(database) == expected
    assert count(database, subscriber_id=late, ended_since=THEN) == 0


def test_what_is_named_must_exist_and_somebody_who_was_removed_is_told_nothing(database):
    for wanted in ({"order_no": "ord-9"}, {"subscriber_id": "sub-9"}, {"event_id": uuid4()}):
        with pytest.raises(NotFound):
            count(database, **wanted)
    kept, removed = subscribe(database, "kept"), subscribe(database, "removed")
    tell(database, "ord-1")
    end(database)
    with database.write() as session:
        subscribers.delete(session, removed)
    carry_out(database, ask(database, order_no="ord-1"))
    assert pending(database) == {("ord-1", kept)}


def test_what_is_on_its_way_is_left_alone(database):
    subscribe(database)
    tell(database, "ord-1")
    assert count(database, order_no="ord-1") == 0


def test_pushes_fall_due_at_the_rate_that_was_asked_for(database):
    subscribe(database)
    for number in range(30):
        tell(database, f"ord-{number}")
    end(database)
    made = ask(database, states=["delivered"], per_second=4)
    at = LATER
    while not replay(database, made).is_read:
        carry_on(database, at)
        assert len([each for each in deliveries(database) if each.replay_id]) <= 5 + 4 * (
            (at - LATER).total_seconds()
        )
        at += timedelta(seconds=0.5)
    due = [each.due_at for each in deliveries(database) if each.replay_id]
    assert len(due) == 30
    gaps = {(later - earlier).total_seconds() for earlier, later in pairwise(due)}
    assert gaps == {0.25}


def test_a_replay_rests_while_its_pushes_wait_to_be_sent(database):
    subscriber = subscribe(database)
    for number in range(50):
        tell(database, f"ord-{number}")
    end(database)
    made = ask(database, states=["delivered"], per_second=10)
    for seconds in range(60):
        carry_on(database, LATER + timedelta(seconds=seconds), most_waiting=8)
    assert replay(database, made).put_back <= 8 + 11
    with database.write() as session:
        session.get_one(Subscriber, subscriber).state = "disabled"
    for seconds in range(60, 120):
        carry_on(database, LATER + timedelta(seconds=seconds), most_waiting=8)
    assert replay(database, made).put_back == 50


class Killed(Exception):
    """The relay dies."""


def test_a_relay_that_dies_at_any_turn_leaves_nothing_out_and_puts_nothing_back_twice(
    database, monkeypatch
):
    names = [subscribe(database, name) for name in "abc"]
    for number in range(60):
        tell(database, f"ord-{number}")
    end(database)
    late = subscribe(database, "late")
    monkeypatch.setattr("ordercast.store.replay_pages.MOST_EVENTS", 7)
    made = ask(database, since=THEN, states=["delivered", "missing"], per_second=11)
    assert replay(database, made).expected == 240
    sent, at, turns = Counter(), LATER, 0
    while not replay(database, made).is_read:
        turns, at = turns + 1, at + timedelta(seconds=1)
        if turns % 3 == 0:
            with pytest.raises(Killed), database.write() as session:
                replaying.carry_on(session, now=at, most_waiting=10**6)
                session.flush()
                raise Killed
        carry_on(database, at)
        sent.update(
            (each.order_no, each.subscriber_id) for each in deliveries(database, state="pending")
        )
        end(database)
    assert len(sent) == 240
    assert set(sent.values()) == {1}
    assert {subscriber for _, subscriber in sent} == {*names, late}
    assert (replay(database, made).put_back, replay(database, made).made) == (180, 60)


def test_a_paused_replay_rests_goes_on_where_it_was_and_a_cancelled_one_never_does(database):
    subscribe(database)
    for number in range(10):
        tell(database, f"ord-{number}")
    end(database)
    made = ask(database, states=["delivered"], per_second=2)
    carry_on(database, LATER)
    before = replay(database, made).put_back
    with database.write() as session:
        replays.pause(session, made)
    assert not carry_on(database, LATER + timedelta(hours=1))
    with pytest.raises(Conflict), database.write() as session:
        replays.pause(session, made)
    with database.write() as session:
        replays.resume(session, made)
    assert carry_on(database, LATER + timedelta(hours=2))
    assert before < replay(database, made).put_back < 10
    with database.write() as session:
        assert replays.cancel(session, made).ended_at
    assert not carry_on(database, LATER + timedelta(hours=3))
    with pytest.raises(Conflict), database.write() as session:
        replays.cancel(session, made)


def test_live_pushes_of_the_same_order_keep_their_place(database):
    subscribe(database)
    tell(database, "ord-1")
    end(database)
    carry_out(database, ask(database, order_no="ord-1"))
    tell(database, "ord-1", NewEvent("order.reopened", 2))
    with database.write() as session:
        leased = push_leases.lease_due(
            session, now=LATER + timedelta(hours=1), limit=9, lease_seconds=9, holder="relay"
        )
    assert [each.event.type for each in leased] == ["order.completed"]
    with database.write() as session:
        session.execute(update(PushDelivery).values(leased_until=None))
    end(database)
    assert {each.state for each in deliveries(database)} == {"delivered"}


def test_test_pushes_are_never_replayed(database):
    subscriber = subscribe(database)
    with database.write() as session:
        session.add(
            PushEvent(
                id=uuid4(),
                order_no="test-x",
                version=1,
                sequence=1,
                type="test",
                occurred_at=THEN,
            )
        )
    assert count(database, subscriber_id=subscriber) == 0


def test_a_page_of_a_long_ledger_is_read_by_its_index(database):
    """However long the ledger: events from the cursor on, in their order, without a sort."""
    subscribe(database)
    for number in range(30):
        tell(database, f"ord-{number}")
    with noted(database) as statements:
        count(database, since=THEN, states=["delivered", "missing"])
    read = [each for each in statements if "FROM push_event" in each[0]]
    assert read
    for statement, parameters in read:
        told = plan(database, statement, parameters)
        assert "ix_push_event_occurred" in told
        assert "TEMP B-TREE" not in told and "Sort" not in told
    with database.read() as session:
        assert session.exec(select(func.count()).select_from(PushReplay)).one() == 0


def test_what_has_ended_is_counted_by_one_statement_however_long_the_ledger(database, monkeypatch):
    subscribe(database)
    for number in range(10):
        tell(database, f"ord-{number}")
    end(database)
    monkeypatch.setattr("ordercast.store.replay_pages.MOST_EVENTS", 2)
    with noted(database) as statements:
        assert count(database, states=["delivered"]) == 10
    ((statement, parameters),) = [each for each in statements if "SELECT" in each[0]]
    assert "ix_push_delivery_state" in plan(database, statement, parameters)


def test_what_was_given_up_is_read_by_its_index_page_by_page(database):
    subscribe(database)
    given_up(database, hours_ago=range(9))
    with noted(database) as statements:
        made = ask(database, states=["gave-up"], ended_since=THEN)
        carry_out(database, made)
    read = [each for each in statements if "state = 'gave-up'" in each[0]]
    assert len(read) > 2
    for statement, parameters in read:
        assert "ix_push_delivery_gave_up" in plan(database, statement, parameters)
    for statement, parameters in statements:
        if "LEFT OUTER JOIN push_attempt" in statement:
            assert "ix_push_delivery_state" not in plan(database, statement, parameters)
