"""Subscribers that fail for long are warned of and disabled, and come back with what was kept."""

from datetime import timedelta

import pytest
from sqlmodel import select, update

from ordercast.contracts.subscriber import SubscriberView
from ordercast.delivery import breaker
from ordercast.store import alerts, subscriber_health, subscribers
from ordercast.store.clock import now
from ordercast.store.push_tables import PushAttempt
from ordercast.store.tables import OperatorAlert
from tests.store.test_isolation import (
    DAY,
    backlog,
    change,
    deliveries,
    open_breaker,
    outcome,
    relay,
    set_to,
    stored,
    subscribe,
    tell,
)

pytestmark = pytest.mark.usefixtures("home")


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
