"""Budgets, breakers and the health of subscribers, as the ledger keeps them."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import col, select, update

from config.settings import RelaySettings
from ordercast.contracts.subscriber import NewSubscriber, SubscriberChange, SubscriberView
from ordercast.delivery import breaker
from ordercast.delivery.signing import new_secret
from ordercast.services.relay.deliver_ledger import DeliverLedger
from ordercast.services.relay.lanes import Room
from ordercast.store import alerts, recovering, subscriber_health, subscribers
from ordercast.store.clock import now
from ordercast.store.push_recording import Tried
from ordercast.store.push_tables import PushAttempt, PushDelivery, Subscriber
from ordercast.store.pushes import DeliveryState, NewEvent, add_events
from ordercast.store.tables import OperatorAlert, ServiceOrder

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


def watch(database):
    with database.write() as session:
        subscriber_health.watch(session, at=now(), disable_after=2 * DAY, failing=breaker.FAILING)


def told_to_operators(database):
    with database.read() as session:
        assert len(alerts.unsent(session, limit=9)) == len(
            session.exec(select(OperatorAlert)).all()
        )
        return [(each.kind, each.subject) for each in alerts.unsent(session, limit=9)]


def test_who_fails_for_long_is_warned_of_once_then_disabled_and_what_is_for_it_is_kept(database):
    key, _ = open_breaker(database)
    set_to(database, key, failing_since=now() - 0.9 * DAY)
    watch(database)
    assert told_to_operators(database) == []
    set_to(database, key, failing_since=now() - 1.1 * DAY)
    watch(database)
    watch(database)
    assert told_to_operators(database) == [("subscriber-failing", key)]
    set_to(database, key, failing_since=now() - 2.1 * DAY, warned_at=now() - 1.1 * DAY)
    watch(database)
    assert told_to_operators(database)[1:] == [("subscriber-disabled", key)]
    assert "has failed since" in stored(database, key).disabled_because
    tell(database, order_no="ord-after")
    assert {each.state for each in deliveries(database)} == {"pending"}
    assert len(deliveries(database)) == 31


def failed_once(database, ago):
    key, one = subscribe(database), relay(database)
    tell(database)
    one.fail(one.lease())
    with database.write() as session:
        session.execute(update(PushAttempt).values(started_at=now() - ago))
    set_to(database, key, failing_since=now() - ago)
    return key


def test_who_is_sent_nothing_after_a_failure_is_neither_warned_of_nor_disabled(database):
    key = failed_once(database, ago=9 * DAY)
    watch(database)
    assert (stored(database, key).state, told_to_operators(database)) == ("active", [])


@pytest.mark.parametrize(("warned", "state"), [(1.9, "active"), (2.1, "disabled")])
def test_who_was_warned_of_is_disabled_only_if_it_fails_half_the_time_later(
    database, warned, state
):
    key = failed_once(database, ago=1 * DAY)
    set_to(database, key, failing_since=now() - 9 * DAY, warned_at=now() - warned * DAY)
    watch(database)
    assert stored(database, key).state == state


def test_a_warning_of_an_earlier_time_of_failing_does_not_count(database):
    key = failed_once(database, ago=timedelta())
    set_to(database, key, failing_since=now() - 2.5 * DAY, warned_at=now() - 9 * DAY)
    watch(database)
    assert stored(database, key).state == "active"
    assert told_to_operators(database) == [("subscriber-failing", key)]


def test_another_url_is_another_chance_and_an_answer_there_is_a_recovery(database):
    key = failed_once(database, ago=9 * DAY)
    set_to(database, key, warned_at=now() - 8 * DAY)
    changed = change(database, key, url="http://127.0.0.1:9/mended", concurrency=1)
    assert (changed.failing_since, changed.warned_at) == (None, None)
    assert SubscriberView.model_validate(changed).health == "recovering"
    one = relay(database)
    one.answer(one.lease())
    assert stored(database, key).recovered_at
    assert SubscriberView.model_validate(stored(database, key)).health == "healthy"


def test_who_was_warned_of_is_told_to_be_well_again(database):
    key, one = open_breaker(database)
    set_to(database, key, failing_since=now() - 1.1 * DAY, open_until=now())
    watch(database)
    while stored(database, key).open_until:
        one.answer(one.lease())
    assert [kind for kind, _ in told_to_operators(database)] == [
        "subscriber-failing",
        "subscriber-recovered",
    ]
    assert stored(database, key).warned_at is None


def test_410_disables_with_a_reason_that_operators_hear(database):
    key, one = subscribe(database), relay(database)
    backlog(database, 2)
    (leased,) = one.lease(free=1)
    one.lease([outcome(leased, "gone")], free=0)
    assert stored(database, key).disabled_because == "its receiver answered 410 Gone"
    assert told_to_operators(database) == [("subscriber-disabled", key)]
    assert one.lease() == []


def test_a_paused_subscriber_resumes_with_all_that_was_kept_the_oldest_first(database):
    key, one = subscribe(database), relay(database)
    backlog(database, 4)
    waiting = [outcome(each, "retry", now() + DAY) for each in one.lease(free=2)]
    one.lease(waiting, free=0)
    change(database, key, state="disabled")
    tell(database, order_no="ord-later")
    assert one.lease() == []
    assert stored(database, key).disabled_because == "an operator paused it"
    assert told_to_operators(database) == []
    change(database, key, state="active")
    order_nos = []
    while leased := one.lease():
        order_nos.append([each.delivery.order_no for each in leased])
        one.answer(leased)
    assert order_nos == [["ord-0"], ["ord-1", "ord-2"], ["ord-3", "ord-later"]]
    assert stored(database, key).disabled_at is None


def test_another_url_is_tried_at_once_and_a_password_in_it_is_sealed(database):
    key, one = open_breaker(database)
    change(database, key, url="amqp://user:hunter2@127.0.0.1/?exchange=x")
    assert len(one.lease()) == 1
    assert "hunter2" not in stored(database, key).url
    assert "hunter2" in subscribers.url_of(stored(database, key))
    change(database, key, url="http://127.0.0.1:9/new")
    assert subscribers.url_of(stored(database, key)) == "http://127.0.0.1:9/new"


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
