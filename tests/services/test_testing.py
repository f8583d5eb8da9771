"""Testing a subscriber: a real relay sends a test event to a real receiver, once."""

import json
import threading
from contextlib import contextmanager

import pytest
from sqlmodel import select
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner

from ordercast.cli import app as cli
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret
from ordercast.services.relay.deliver import deliver_forever
from ordercast.store import subscribers as store
from ordercast.store.engine import database
from ordercast.store.push_tables import PushAttempt, PushDelivery, Subscriber
from tests.conftest import forget
from tests.gateway import gateway
from tests.keys import keyed
from tests.services.at_once import at_once
from tests.services.receivers import Receiver, drop

SECRET = new_secret()


@pytest.fixture(autouse=True)
def quick(home, monkeypatch):
    monkeypatch.setenv("ORDERCAST_RELAY__POLL_SECONDS", "0.05")
    forget()
    return monkeypatch


@pytest.fixture
def http():
    return keyed(gateway())


@contextmanager
def relay():
    stop = threading.Event()
    thread = threading.Thread(target=deliver_forever, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def subscribe(url, name="crm"):
    with database().write() as session:
        new = NewSubscriber.model_validate({"kind": "public", "name": name, "url": url})
        return store.create(session, new, secret=SECRET).id


def rows(model):
    with database().read() as session:
        return session.exec(select(model)).all()


def test_a_test_event_arrives_signed_is_acknowledged_and_noted(http):
    with Receiver([(200, {}, "thank you")]) as receiver, relay():
        subscriber = subscribe(receiver.url)
        told = http.post(f"/subscribers/{subscriber}/test").json()
    (push,) = receiver.pushes
    event = Webhook(SECRET).verify(push.body, push.headers)
    assert (event["type"], event["id"]) == ("com.ordercast.test.v1", told["event"])
    assert event["data"]["test"] is True
    assert (told["is_delivered"], told["verdict"]) == (True, "delivered")
    assert told["attempt"]["answer"] == "thank you"
    assert [each.state for each in rows(PushDelivery)] == ["delivered"]
    assert len(rows(PushAttempt)) == 1


@pytest.mark.parametrize(
    ("answer", "reason"), [(500, "server-error"), (422, "body-refused"), (drop, "dropped")]
)
def test_what_goes_wrong_is_explained_in_both_languages_and_not_tried_again(http, answer, reason):
    with Receiver([answer]) as receiver, relay():
        told = http.post(f"/subscribers/{subscribe(receiver.url)}/test").json()
    assert (told["is_delivered"], told["attempt"]["reason"]) == (False, reason)
    assert told["meaning"].keys() == told["remedy"].keys() == {"en", "zh"}
    (delivery,) = rows(PushDelivery)
    assert delivery.state in ("withdrawn", "rejected") and delivery.due_at is None


def test_an_address_that_is_refused_is_blocked_on_the_way(http, quick):
    with Receiver() as receiver:
        subscriber = subscribe(receiver.url)
        quick.setenv("ORDERCAST_RELAY__ALLOW_NETWORKS", "")
        forget()
        with relay():
            told = http.post(f"/subscribers/{subscriber}/test").json()
        assert receiver.pushes == []
    assert (told["verdict"], told["attempt"]["reason"]) == ("blocked", "address-refused")


def test_a_receiver_that_is_gone_is_disabled_by_a_test_as_by_any_push(http):
    with Receiver([410]) as receiver, relay():
        subscriber = subscribe(receiver.url)
        assert http.post(f"/subscribers/{subscriber}/test").json()["verdict"] == "gone"
    refused = http.post(f"/subscribers/{subscriber}/test")
    assert (refused.status_code, "disabled" in refused.text) == (409, True)


def test_nobody_is_tested_twice_within_five_seconds_not_even_at_once(http):
    with Receiver() as receiver, relay():
        subscriber = subscribe(receiver.url)
        path = f"/subscribers/{subscriber}/test"
        answers = at_once(*[lambda: http.post(path)] * 3)
        assert sorted(each.status_code for each in answers) == [200, 429, 429]
        refused = http.post(path)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 5
        other = subscribe(receiver.url, "other")
        assert http.post(f"/subscribers/{other}/test").status_code == 200
    assert len(receiver.pushes) == 2


def test_without_a_relay_it_is_said_that_none_has_sent_it(http, quick):
    quick.setenv("ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS", "0")
    quick.setattr("ordercast.delivery.testing.GRACE_SECONDS", 0.2)
    forget()
    told = http.post(f"/subscribers/{subscribe('http://127.0.0.1:9/')}/test").json()
    assert (told["is_delivered"], told["attempt"]) == (False, None)
    assert "ordercast serve relay" in told["remedy"]["en"]
    assert [each.state for each in rows(PushDelivery)] == ["withdrawn"]


def test_who_does_not_exist_is_not_found(http):
    assert http.post("/subscribers/sub-x/test").status_code == 404


def test_the_command_says_what_was_answered_and_ends_with_it():
    runner = CliRunner()
    with Receiver([200, (500, {}, "oh [bold]no")]) as receiver, relay():
        good, bad = subscribe(receiver.url, "good"), subscribe(receiver.url, "bad")
        well = runner.invoke(cli, ["subscribers", "test", good, "--json"])
        assert (well.exit_code, json.loads(well.output)["is_delivered"]) == (0, True)
        ill = runner.invoke(cli, ["subscribers", "test", bad], env={"COLUMNS": "200"})
    assert ill.exit_code == 1
    assert "oh [bold]no" in ill.output and "接收方内部错误" in ill.output
    with database().read() as session:
        assert {each.state for each in session.exec(select(Subscriber))} == {"active"}
