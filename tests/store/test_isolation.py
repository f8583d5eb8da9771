"""Budgets and breakers of subscribers, as the ledger keeps them."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from config.settings import RelaySettings
from ordercast.contracts.subscriber import NewSubscriber, SubscriberChange, SubscriberView
from ordercast.delivery.signing import new_secret
from ordercast.services.relay.deliver_ledger import DeliverLedger
from ordercast.services.relay.lanes import Room
from ordercast.store import recovering, subscribers
from ordercast.store.clock import now
from ordercast.store.push_recording import Tried
from ordercast.store.push_tables import PushAttempt, PushDelivery, Subscriber
from ordercast.store.pushes import DeliveryState, NewEvent, add_events
from ordercast.store.tables import ServiceOrder

pytestmark = pytest.mark.usefixtures("home")

COMPLETED = NewEvent("order.completed", 1)
DAY = timedelta(days=1)
ROOM = Room(32, {}, {}, frozenset())


def subscribe(database, name="partner", **wanted):
    document = {"kind": "public", "url": "http://127.0.0.1:9/hook", "name": name, **wanted}
    with database.write() as session:
        new = NewSubscriber.model_validate(document)
        return subscribers.create(session, new, secret=new_secret()).id


def tell(database, *events, order_no="ord-1"):
    with database.write() as session:
        order = session.get(ServiceOrder, order_no)
        if order is None:
            order = ServiceOrder(
                order_no=order_no,
                agent="agent-x",
                content_sha256="",
                message_id="m",
                title="a SIM",
                state="completed",
                ordered_at=now(),
            )
            session.add(order)
            session.flush()
        add_events(session, order, events or [COMPLETED])


def backlog(database, count):
    for n in range(count):
        tell(database, order_no=f"ord-{n}")


def relay(database, holder="relay", **trust):
    return Relay(DeliverLedger(database, RelaySettings(), holder), trust)


class Relay:
    """A relay that has as much trust in each subscriber as it can have."""

    def __init__(self, ledger, trust):
        self._ledger, self._trust = ledger, trust

    def lease(self, outcomes=(), free=32):
        return self._ledger.turn(list(outcomes), Room(free, {}, Everybody(), frozenset()))

    def fail(self, leased):
        return self.lease([outcome(each, "retry") for each in leased], free=0)

    def answer(self, leased):
        return self.lease([outcome(each, "delivered") for each in leased], free=0)


class Everybody(dict):
    def get(self, *_):
        return 1000


def outcome(leased, verdict, due_at=None):
    reasons = {"delivered": "acknowledged", "retry": "server-error", "our-fault": "internal"}
    states = {"delivered": DeliveryState.DELIVERED, "gone": DeliveryState.GONE}
    state = states.get(verdict, DeliveryState.PENDING)
    attempt = PushAttempt(
        delivery_id=leased.delivery.id,
        number=leased.delivery.attempts + 1,
        started_at=now(),
        duration_ms=1,
        verdict=verdict,
        reason=reasons.get(verdict, verdict),
        answer="",
    )
    pending = state is DeliveryState.PENDING
    return leased, Tried(attempt, state, (due_at or now()) if pending else None)


def stored(database, key):
    with database.read() as session:
        return session.get_one(Subscriber, key)


def deliveries(database):
    with database.read() as session:
        return session.exec(select(PushDelivery).order_by(col(PushDelivery.sequence))).all()


def change(database, key, **document):
    with database.write() as session:
        return subscribers.change(session, key, SubscriberChange.model_validate(document))


def set_to(database, key, **values):
    with database.write() as session:
        subscriber = session.get_one(Subscriber, key)
        for name, value in values.items():
            setattr(subscriber, name, value)


def open_breaker(database):
    """A subscriber of whom ten attempts have failed, with a backlog of thirty."""
    key, one = subscribe(database), relay(database)
    backlog(database, 30)
    while stored(database, key).open_until is None:
        one.fail(one.lease(free=5))
    return key, one


def test_without_a_budget_of_its_own_a_subscriber_gets_a_quarter_of_a_relay(database):
    subscribe(database)
    backlog(database, 20)
    assert len(relay(database).lease()) == 8
    assert len(relay(database, "another").lease()) == 8


def test_a_budget_holds_for_all_relays_together_and_what_is_answered_makes_room(database):
    subscribe(database, concurrency=3)
    backlog(database, 10)
    one, other = relay(database), relay(database, "another")
    first = one.lease(free=2)
    assert (len(first), len(other.lease())) == (2, 1)
    assert one.lease() == other.lease() == []
    one.answer(first)
    assert len(other.lease()) == 2


def test_a_rate_holds_for_all_relays_together(database):
    key = subscribe(database, rate_per_second=4, concurrency=100)
    backlog(database, 20)
    began = now()
    sent = [len(relay(database, f"relay-{n}").lease()) for n in range(6)]
    assert 4 <= sum(sent) <= 4 + 4 * (now() - began).total_seconds() + 1
    set_to(database, key, paced_until=now() - timedelta(seconds=1))
    assert len(relay(database).lease()) == 4


def test_a_budget_that_is_changed_counts_at_once(database):
    key = subscribe(database)
    backlog(database, 20)
    change(database, key, concurrency=2)
    assert len(relay(database).lease()) == 2
    change(database, key, concurrency=None)
    assert len(relay(database, "another").lease()) == 8


def test_ten_failures_open_the_breaker_for_every_relay(database):
    key, _ = open_breaker(database)
    assert len(attempts(database)) == 10
    assert relay(database, "another").lease() == []
    assert SubscriberView.model_validate(stored(database, key)).health == "open breaker"


def attempts(database):
    with database.read() as session:
        return session.exec(select(PushAttempt)).all()


def test_after_half_a_minute_one_canary_goes_out_for_all_relays_then_ever_more(database):
    key, one = open_breaker(database)
    set_to(database, key, open_until=now())
    other, sent = relay(database, "another"), []
    while stored(database, key).open_until:
        assert SubscriberView.model_validate(stored(database, key)).health == "recovering"
        leased = one.lease()
        assert other.lease() == []
        sent.append(len(leased))
        one.answer(leased)
    assert sent == [1, 2, 4]
    assert len(one.lease()) == 8
    assert stored(database, key).failing_since is None


def test_a_canary_that_fails_opens_the_breaker_again(database):
    key, one = open_breaker(database)
    set_to(database, key, open_until=now())
    one.fail(one.lease())
    assert stored(database, key).open_until > now() + timedelta(seconds=29)
    assert one.lease() == []


def test_faults_of_ours_open_no_breaker(database):
    key, one = subscribe(database), relay(database)
    backlog(database, 20)
    for _ in range(4):
        one.lease([outcome(each, "our-fault") for each in one.lease()], free=0)
    assert len(attempts(database)) == 32
    assert (stored(database, key).open_until, stored(database, key).failing_since) == (None, None)


def test_a_dead_subscriber_changes_nothing_for_another(database):
    dead, _ = open_breaker(database)
    healthy = subscribe(database, "healthy")
    tell(database, order_no="ord-new")
    assert [each.subscriber.id for each in relay(database).lease()] == [healthy]
    assert stored(database, dead).open_until


def test_a_turn_costs_the_same_whatever_the_backlog(database):
    def statements(count):
        key = subscribe(database, f"with {count}", tags=[f"{count}"])
        with database.write() as session:
            for n in range(count):
                order = ServiceOrder(
                    order_no=f"ord-{count}-{n}",
                    agent="a",
                    content_sha256="",
                    message_id="m",
                    title="",
                    state="completed",
                    ordered_at=now(),
                )
                session.add(order)
                session.flush()
                add_events(session, order, [COMPLETED], tags=[f"{count}"])
        said = []

        def note(*arguments):
            said.append(arguments[2])

        one = relay(database)
        leased = one.lease()
        event.listen(database.engine, "before_cursor_execute", note)
        one.answer(leased)
        event.remove(database.engine, "before_cursor_execute", note)
        change(database, key, state="disabled")
        assert len(leased) == 8
        return len(said)

    assert statements(10) == statements(200) < 12


def test_a_recovered_subscriber_is_found_once(database):
    key, one = open_breaker(database)
    with database.read() as session:
        assert recovering.recovered(session, limit=9) == []
    set_to(database, key, open_until=now())
    while stored(database, key).open_until:
        one.answer(one.lease())
    with database.write() as session:
        found = recovering.recovered(session, limit=9)
        assert [each.id for each in found] == [key]
        recovering.recovery_told(session, found)
    with database.read() as session:
        assert recovering.recovered(session, limit=9) == []


def test_a_failure_or_two_between_answers_is_no_recovery(database):
    key, one = subscribe(database), relay(database)
    backlog(database, 3)
    one.fail(one.lease(free=1))
    assert SubscriberView.model_validate(stored(database, key)).health == "failing"
    one.answer(one.lease())
    assert (stored(database, key).failing_since, stored(database, key).recovered_at) == (None, None)


def states(database):
    return [each.state for each in deliveries(database)]


def test_who_wants_the_latest_only_is_not_told_of_versions_that_were_followed(database):
    subscribe(database, latest_only=True)
    tell(database, COMPLETED, NewEvent("order.failed", 1))
    tell(database, NewEvent("order.reopened", 2))
    assert states(database) == ["superseded", "superseded", "pending"]
    (leased,) = relay(database).lease()
    assert leased.event.type == "order.reopened"
    assert all(each.ended_at for each in deliveries(database)[:2])


def test_others_are_told_of_every_version_in_turn(database):
    subscribe(database)
    tell(database, COMPLETED)
    tell(database, NewEvent("order.reopened", 2))
    assert states(database) == ["pending", "pending"]
    (leased,) = relay(database).lease()
    assert leased.event.type == "order.completed"


def test_events_of_one_version_do_not_supersede_each_other(database):
    subscribe(database, latest_only=True, event_types=["*"])
    tell(database, *(NewEvent("work-order.completed", 1, line_no=n) for n in range(5)), COMPLETED)
    assert states(database) == ["pending"] * 6


def test_what_is_just_being_sent_is_superseded_only_when_it_fails(database):
    subscribe(database, latest_only=True)
    tell(database, COMPLETED)
    one = relay(database)
    leased = one.lease()
    tell(database, NewEvent("order.reopened", 2))
    assert states(database) == ["pending", "pending"]
    assert one.lease() == []
    one.fail(leased)
    assert states(database) == ["superseded", "pending"]
    assert [each.event.type for each in one.lease()] == ["order.reopened"]
    assert len(attempts(database)) == 1
