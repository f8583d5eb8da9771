from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel, func, select

from config.settings import settings as ordercast_settings
from ordercast.contracts.subscriber import NewSubscriber, SubscriberState
from ordercast.delivery.signing import new_secret
from ordercast.domain.errors import Conflict, NotFound
from ordercast.store import push_leases, push_ledger, subscriber_health, subscribers
from ordercast.store.engine import Database
from ordercast.store.push_leases import lease_due
from ordercast.store.push_ledger import PushFilter
from ordercast.store.push_recording import Tried, record_attempts
from ordercast.store.push_tables import PushAttempt, PushDelivery, PushEvent, Subscriber
from ordercast.store.pushes import DeliveryState, NewEvent, add_events, event_id
from ordercast.store.sealing import sealer
from ordercast.store.tables import ServiceOrder

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
COMPLETED = NewEvent("order.completed", 1, {"state": "completed"})
REOPENED = NewEvent("order.reopened", 2)


@pytest.fixture(autouse=True)
def keys(monkeypatch, tmp_path):
    monkeypatch.setenv("ORDERCAST_HOME", str(tmp_path))
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", Fernet.generate_key().decode())
    for cached in (ordercast_settings, sealer):
        cached.cache_clear()
    yield
    for cached in (ordercast_settings, sealer):
        cached.cache_clear()


@pytest.fixture
def db(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    SQLModel.metadata.create_all(database.engine)
    yield database
    database.engine.dispose()


def add_order(db, order_no="ord-20261122-aaaaaa", agent="agent-x", primary_tag=None):
    with db.write() as session:
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
    return order_no


def subscribe(db, name="all", **wanted):
    document = {"kind": "public", "url": "http://127.0.0.1:9/hook", "name": name, **wanted}
    with db.write() as session:
        new = NewSubscriber.model_validate(document)
        return subscribers.create(session, new, secret=new_secret()).id


def tell(db, order_no, *events, tags=()):
    with db.write() as session:
        order = session.get_one(ServiceOrder, order_no)
        return add_events(session, order, events, tags=tags, at=NOW)


def lease(db, at=NOW, limit=10, holder="relay", seconds=60.0):
    with db.write() as session:
        return lease_due(session, now=at, limit=limit, lease_seconds=seconds, holder=holder)


def tried(leased, state=DeliveryState.DELIVERED, due_at=None, charged=True, at=NOW):
    attempt = PushAttempt(
        delivery_id=leased.delivery.id,
        number=leased.delivery.attempts + 1,
        started_at=at,
        duration_ms=7,
        status=200,
        verdict="delivered",
        reason="acknowledged",
        answer="",
    )
    return Tried(attempt, state, due_at, charged)


def record(db, leased, *args, **kwargs):
    with db.write() as session:
        return bool(record_attempts(session, [(leased, tried(leased, *args, **kwargs))]))


def told(db, subscriber_id):
    """The event types that a subscriber is to be told, in their order."""
    with db.read() as session:
        _, entries = push_ledger.deliveries(
            session, PushFilter(subscriber_id=subscriber_id), limit=100
        )
    return [entry.event.type for entry in entries]


def test_an_event_told_twice_is_written_once_and_takes_one_sequence_number(db):
    order_no, subscriber = add_order(db), subscribe(db)
    assert [each.sequence for each in tell(db, order_no, COMPLETED, COMPLETED)] == [1]
    assert [each.type for each in tell(db, order_no, COMPLETED, REOPENED)] == ["order.reopened"]
    with db.read() as session:
        assert session.get_one(ServiceOrder, order_no).event_count == 2
    assert told(db, subscriber) == ["order.completed", "order.reopened"]


@given(st.integers(1, 9), st.none() | st.integers(0, 99), st.integers(0, 9))
def test_the_id_of_an_event_depends_on_what_it_says_and_not_on_its_data(version, line_no, n):
    this = NewEvent("order.completed", version, {"a": 1}, line_no, n)
    same = NewEvent("order.completed", version, {"b": 2}, line_no, n)
    other = NewEvent("order.completed", version, {"a": 1}, line_no, n + 1)
    assert event_id("ord-1", this) == event_id("ord-1", same)
    assert event_id("ord-1", this) != event_id("ord-1", other)
    assert event_id("ord-1", this) != event_id("ord-2", this)


def test_who_names_no_event_types_hears_of_final_outcomes_and_reopening_alone(db):
    order_no, subscriber = add_order(db), subscribe(db)
    tell(db, order_no, NewEvent("work-order.completed", 1, line_no=1), COMPLETED, REOPENED)
    assert told(db, subscriber) == ["order.completed", "order.reopened"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["order.*"], ["order.completed"]),
        (["work-order.*"], ["work-order.failed"]),
        (["*"], ["work-order.failed", "order.completed"]),
        (["order.failed"], []),
    ],
)
def test_event_types_are_patterns(db, patterns, expected):
    order_no, subscriber = add_order(db), subscribe(db, event_types=patterns)
    tell(db, order_no, NewEvent("work-order.failed", 1, line_no=1), COMPLETED)
    assert told(db, subscriber) == expected


@pytest.mark.parametrize(
    ("wanted", "hears"),
    [
        ({}, True),
        ({"tags": ["iot"]}, True),
        ({"tags": ["batch", "gold"]}, True),
        ({"tags": ["gold"]}, False),
        ({"agents": ["agent-x"]}, True),
        ({"agents": ["agent-y"]}, False),
        ({"kind": "agent", "agent": "agent-x"}, True),
        ({"kind": "agent", "agent": "agent-y"}, False),
        ({"kind": "agent", "agent": "agent-y", "agents": ["agent-x"]}, False),
        ({"tags": ["iot"], "agents": ["agent-y"]}, False),
    ],
)
def test_tags_and_agents_narrow_down_who_hears_of_an_order(db, wanted, hears):
    order_no = add_order(db, primary_tag="iot")
    subscriber = subscribe(db, **wanted)
    tell(db, order_no, COMPLETED, tags=["iot", "batch"])
    assert told(db, subscriber) == (["order.completed"] if hears else [])


def test_for_a_disabled_subscriber_deliveries_are_kept_for_a_deleted_one_not(db):
    order_no, disabled, deleted = add_order(db), subscribe(db, "a"), subscribe(db, "b")
    with db.write() as session:
        subscriber_health.disable(session, disabled, because="it is tried", at=NOW)
        subscribers.delete(session, deleted)
    tell(db, order_no, COMPLETED)
    assert (told(db, disabled), told(db, deleted)) == (["order.completed"], [])
    assert lease(db) == []


def test_ten_thousand_events_take_few_statements(db):
    order_no = add_order(db)
    subscribe(db, event_types=["work-order.*"])
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    events = [NewEvent("work-order.completed", 1, {"line_no": n}, n) for n in range(10_000)]
    assert len(tell(db, order_no, *events)) == 10_000
    assert len(statements) < 100
    with db.read() as session:
        assert session.exec(select(func.count()).select_from(PushDelivery)).one() == 10_000


def test_a_leased_delivery_is_leased_to_nobody_else_until_the_lease_ends(db):
    subscribe(db)
    tell(db, add_order(db), COMPLETED)
    (first,) = lease(db, holder="a")
    assert lease(db, holder="b", at=NOW + timedelta(seconds=59)) == []
    (again,) = lease(db, holder="b", at=NOW + timedelta(seconds=60))
    assert (again.delivery.id, again.event.id) == (first.delivery.id, first.event.id)


def test_who_lost_the_lease_records_nothing(db):
    subscribe(db)
    tell(db, add_order(db), COMPLETED)
    (lost,) = lease(db, holder="a")
    (held,) = lease(db, holder="b", at=NOW + timedelta(minutes=2))
    assert not record(db, lost, DeliveryState.REJECTED)
    assert record(db, held)
    with db.read() as session:
        assert session.get_one(PushDelivery, held.delivery.id).state == "delivered"
        assert len(push_ledger.attempts(session, held.delivery.id)) == 1


def test_the_same_holder_that_leased_again_cannot_record_with_the_old_lease(db):
    subscribe(db)
    tell(db, add_order(db), COMPLETED)
    (old,) = lease(db)
    (new,) = lease(db, at=NOW + timedelta(minutes=2))
    assert not record(db, old)
    assert record(db, new)


def test_a_later_event_of_an_order_waits_until_the_earlier_one_has_ended(db):
    order_no, _ = add_order(db), subscribe(db)
    tell(db, order_no, COMPLETED)
    tell(db, order_no, REOPENED)
    (first,) = lease(db)
    assert first.event.type == "order.completed"
    later = NOW + timedelta(seconds=30)
    assert record(db, first, DeliveryState.PENDING, due_at=later)
    assert lease(db) == []
    (again,) = lease(db, at=later)
    assert (again.event.type, again.delivery.attempts) == ("order.completed", 1)
    record(db, again, at=later)
    (second,) = lease(db, at=later)
    assert second.event.type == "order.reopened"


@pytest.mark.parametrize(
    "state", [DeliveryState.DELIVERED, DeliveryState.REJECTED, DeliveryState.GAVE_UP]
)
def test_every_end_lets_the_next_event_go(db, state):
    order_no, _ = add_order(db), subscribe(db)
    tell(db, order_no, COMPLETED, REOPENED)
    (first,) = lease(db)
    record(db, first, state)
    assert [each.event.type for each in lease(db)] == ["order.reopened"]


def test_an_order_that_waits_holds_back_neither_other_orders_nor_other_subscribers(db):
    one, other = add_order(db), add_order(db, "ord-20261122-bbbbbb")
    subscribe(db, "a")
    subscribe(db, "b")
    tell(db, one, COMPLETED, REOPENED)
    tell(db, other, COMPLETED)
    leased = lease(db)
    assert len(leased) == 4
    assert all(each.event.type == "order.completed" for each in leased)


@settings(deadline=None, max_examples=25)
@given(
    limit=st.integers(1, 12),
    backlog=st.lists(st.integers(0, 8), min_size=1, max_size=5),
)
def test_a_lease_is_never_more_than_its_limit_and_gives_every_subscriber_a_share(limit, backlog):
    directory = TemporaryDirectory()
    database = Database(f"sqlite:///{directory.name}/test.db")
    SQLModel.metadata.create_all(database.engine)
    names = [subscribe(database, f"s{n}", agents=[f"agent-{n}"]) for n in range(len(backlog))]
    for place, count in enumerate(backlog):
        for n in range(count):
            tell(database, add_order(database, f"ord-{place}-{n}", f"agent-{place}"), COMPLETED)
    leased = lease(database, limit=limit)
    waiting = sum(1 for count in backlog if count)
    assert len(leased) <= limit
    assert len({each.subscriber.id for each in leased}) == min(limit, waiting)
    assert {each.subscriber.id for each in leased} <= set(names)
    database.engine.dispose()
    directory.cleanup()


def test_a_share_of_nothing_leases_nothing(db):
    subscriber = subscribe(db)
    tell(db, add_order(db), COMPLETED)
    with db.write() as session:
        options = {"now": NOW, "limit": 5, "lease_seconds": 60, "holder": "relay"}
        assert lease_due(session, **options, shares={subscriber: 0}) == []
        assert lease_due(session, **options, shares={}) == []


def test_faults_of_ours_count_as_attempts_and_not_as_tries(db):
    subscribe(db)
    tell(db, add_order(db), COMPLETED)
    (leased,) = lease(db)
    record(db, leased, DeliveryState.PENDING, due_at=NOW, charged=False)
    (again,) = lease(db)
    assert (again.delivery.attempts, again.delivery.tries) == (1, 0)


def test_gone_disables_the_subscriber_and_keeps_what_is_pending(db):
    subscriber = subscribe(db)
    tell(db, add_order(db), COMPLETED, REOPENED)
    (leased,) = lease(db)
    record(db, leased, DeliveryState.GONE)
    assert lease(db) == []
    with db.read() as session:
        assert subscribers.get(session, subscriber).state == SubscriberState.DISABLED
        states = session.exec(select(PushDelivery.state).order_by(PushDelivery.sequence)).all()
    assert states == ["gone", "pending"]


def test_a_deleted_subscriber_leaves_its_ledger_and_takes_no_more(db):
    subscriber, order_no = subscribe(db), add_order(db)
    tell(db, order_no, COMPLETED, REOPENED)
    (leased,) = lease(db)
    record(db, leased)
    with db.write() as session:
        subscribers.delete(session, subscriber)
    assert lease(db) == []
    with db.read() as session:
        _, entries = push_ledger.deliveries(session, PushFilter(order_no=order_no), limit=10)
        assert [entry.delivery.state for entry in entries] == ["delivered", "withdrawn"]
        with pytest.raises(NotFound):
            subscribers.get(session, subscriber)
        assert subscribers.listing(session, limit=10) == (0, [])


def test_the_ledger_is_listed_by_order_subscriber_and_state_with_the_last_attempt(db):
    one, other = add_order(db), add_order(db, "ord-20261122-bbbbbb")
    first, second = subscribe(db, "a"), subscribe(db, "b")
    for order_no in (one, other):
        tell(db, order_no, COMPLETED)
    leased = next(each for each in lease(db) if each.subscriber.id == first)
    record(db, leased)

    def count(**wanted):
        with db.read() as session:
            total, entries = push_ledger.deliveries(session, PushFilter(**wanted), limit=10)
        assert total == len(entries)
        return total

    assert (count(), count(order_no=one), count(subscriber_id=second)) == (4, 2, 2)
    assert count(state=DeliveryState.PENDING) == 3
    with db.read() as session:
        entry = push_ledger.delivery(session, leased.delivery.id)
    assert entry.last is not None
    assert (entry.last.number, entry.last.duration_ms, entry.delivery.attempts) == (1, 7, 1)


def test_a_secret_is_stored_sealed_and_opens_again(db):
    secret = new_secret()
    with db.write() as session:
        wanted = NewSubscriber(kind="iot", name="cards", url="https://iot.example/")
        key = subscribers.create(session, wanted, secret=secret).id
    with db.read() as session:
        kept = session.get_one(Subscriber, key)
    assert secret.encode() not in kept.sealed_secret
    assert subscribers.secret_of(kept) == secret


def test_a_name_is_taken_until_its_subscriber_is_removed(db):
    key = subscribe(db, "partner")
    with pytest.raises(Conflict, match="partner"):
        subscribe(db, "partner")
    with db.write() as session:
        subscribers.delete(session, key)
    subscribe(db, "partner")


def test_on_postgresql_rows_that_another_relay_is_at_are_skipped():
    spelled = str(push_leases._lease_all().compile(dialect=postgresql.dialect()))
    assert "FOR UPDATE OF push_delivery_1 SKIP LOCKED" in spelled


def test_events_without_anybody_to_tell_are_kept_all_the_same(db):
    tell(db, add_order(db), COMPLETED)
    with db.read() as session:
        kept = session.exec(select(PushEvent)).one()
    assert (kept.occurred_at, kept.data) == (NOW, {"state": "completed"})
