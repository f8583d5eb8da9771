"""Receivers that misbehave, through the whole deliver loop: they hold up nobody but themselves."""

import threading
import time
from datetime import timedelta

import pytest
from sqlmodel import func, select

from ordercast.contracts.subscriber import SubscriberChange
from ordercast.services.relay.deliver_ledger import DeliverLedger
from ordercast.store import recovering, subscribers
from ordercast.store.engine import database
from ordercast.store.push_tables import PushDelivery, Subscriber
from tests.services import test_deliver
from tests.services.receivers import Receiver, answer, drop, eventually
from tests.services.test_deliver import COMPLETED, REOPENED, deliveries, relay, states, subscribe
from tests.services.test_deliver import tell as tell_of

home = test_deliver.home


def tell(count, prefix):
    for n in range(count):
        tell_of(COMPLETED, order_no=f"{prefix}-{n}")


def told(subscriber_id):
    with database().read() as session:
        delivered = select(func.count()).where(
            PushDelivery.subscriber_id == subscriber_id, PushDelivery.state == "delivered"
        )
        return session.exec(delivered).one()


def stored(subscriber_id):
    with database().read() as session:
        return session.get_one(Subscriber, subscriber_id)


def stay_silent(released):
    def wait(handler):
        released.wait(60)
        answer(handler, 200)

    return wait


@pytest.mark.parametrize("misbehaviour", [500, 429, drop], ids=["500", "429", "drop"])
def test_who_only_fails_is_left_alone_after_ten_attempts_and_the_healthy_are_told(misbehaviour):
    with Receiver([misbehaviour]) as bad, Receiver() as good:
        failing, healthy = subscribe(bad.url, "bad"), subscribe(good.url, "good")
        tell(60, "ord")
        with relay(count=2):
            eventually(lambda: told(healthy) == 60 and stored(failing).open_until)
            made = len(bad.pushes)
            tell(5, "more")
            eventually(lambda: told(healthy) == 65)
            assert len(bad.pushes) == made
    assert 10 <= made <= 40
    assert states().count("pending") == 65


def test_hanging_receivers_that_take_every_slot_give_them_back_after_a_second(home):
    home.setenv("ORDERCAST_RELAY__DELIVER_CONCURRENCY", "4")
    home.setenv("ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS", "60")
    test_deliver.forget()
    released = threading.Event()
    with Receiver([stay_silent(released)]) as hanging, Receiver() as good:
        for n in range(6):
            subscribe(f"{hanging.url}/{n}", f"hanging-{n}")
        tell(5, "ord")
        with relay():
            eventually(lambda: len(hanging.pushes) >= 4)
            healthy = subscribe(good.url, "good")
            tell(10, "more")
            eventually(lambda: told(healthy) == 10)
            assert len(hanging.pushes) == 6
            released.set()


def test_the_breaker_lets_a_mended_receiver_back_in_by_ones_and_twos(home):
    home.setattr("ordercast.delivery.breaker.OPEN_TIME", timedelta(seconds=1))
    with Receiver([500] * 40) as receiver:
        key = subscribe(receiver.url)
        tell(40, "ord")
        with relay():
            eventually(lambda: stored(key).open_until)
            receiver.answers = [200]
            change(key, state="disabled")
            change(key, state="active")
            eventually(lambda: told(key) == 40)
        assert stored(key).open_until is None
        assert stored(key).recovered_at
    with database().read() as session:
        assert [each.id for each in recovering.recovered(session, limit=2)] == [key]


def change(key, **document):
    with database().write() as session:
        subscribers.change(session, key, SubscriberChange.model_validate(document))


def test_a_rate_is_kept_by_two_relays_together():
    with Receiver() as receiver:
        key = subscribe(receiver.url, rate_per_second=10)
        tell(40, "ord")
        began = time.monotonic()
        with relay(count=2):
            eventually(lambda: told(key) == 40)
        assert time.monotonic() - began >= 2.8


def test_two_relays_together_send_no_more_at_once_than_the_budget():
    at_once, most, lock = [0], [0], threading.Lock()

    def count(handler):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.05)  # a slow receiver is what is being tried
        with lock:
            at_once[0] -= 1
        answer(handler, 200)

    with Receiver([count]) as receiver:
        key = subscribe(receiver.url, concurrency=3)
        tell(40, "ord")
        with relay(count=2):
            eventually(lambda: told(key) == 40)
    assert most[0] <= 3


def test_a_paused_subscriber_is_told_everything_in_its_order_when_it_resumes():
    with Receiver() as receiver:
        key = subscribe(receiver.url)
        change(key, state="disabled")
        for n in range(12):
            tell_of(COMPLETED, REOPENED, order_no=f"ord-{n}")
        with relay():
            other = subscribe(f"{receiver.url}/other", "other")
            tell_of(COMPLETED, order_no="ord-other")
            eventually(lambda: told(other) == 1)
            assert told(key) == 0
            change(key, state="active")
            eventually(lambda: told(key) == 25)
    mine = [push.event for push in receiver.pushes if push.path == "/hook"]
    for n in range(12):
        of_order = [each["sequence"] for each in mine if each["subject"] == f"ord-{n}"]
        assert of_order == sorted(of_order)


def test_an_attempt_that_cannot_be_recorded_is_left_out_and_all_others_are(home):
    made = DeliverLedger._record

    def record(ledger, session, outcomes):
        if any(leased.delivery.order_no == "ord-3" for leased, _ in outcomes):
            raise ValueError("ord-3 is poison")
        return made(ledger, session, outcomes)

    home.setattr(DeliverLedger, "_record", record)
    with Receiver() as receiver:
        key = subscribe(receiver.url)
        tell(8, "ord")
        with relay():
            eventually(lambda: told(key) == 7)
    assert [each.order_no for each in deliveries() if each.state == "pending"] == ["ord-3"]
    assert len(receiver.pushes) == 8
