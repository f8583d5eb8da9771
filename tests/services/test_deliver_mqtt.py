"""Pushes by MQTT to a real broker: events, the last states of devices, and what may hinder them."""

import json
import signal
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import uuid4

import pytest
from sqlmodel import col, select, update
from standardwebhooks.webhooks import Webhook

from ordercast.contracts.subscriber import NewSubscriber, SubscriberView
from ordercast.delivery.signing import new_secret
from ordercast.services.relay.deliver import deliver_forever
from ordercast.store import subscribers
from ordercast.store.engine import database
from ordercast.store.push_tables import PushAttempt, PushDelivery, Subscriber
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.tables import OrderOutcome, ServiceOrder
from tests.conftest import forget
from tests.services.mosquitto import Consumer
from tests.waiting import free_port, wait_for

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("settled")]

SECRET = new_secret()
COMPLETED = NewEvent("order.completed", 1, {"state": "completed"})
ORDER_NO = "ord-20261122-aaaaaa"


@pytest.fixture
def settled(home, monkeypatch):
    monkeypatch.setenv("ORDERCAST_RELAY__POLL_SECONDS", "0.05")
    monkeypatch.setenv("ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS", "3")
    forget()


@pytest.fixture
def prefix():
    """A topic of the test's own: what is retained there is nobody else's."""
    return f"fleet/{uuid4().hex[:8]}"


@contextmanager
def relay():
    stop = threading.Event()
    thread = threading.Thread(target=deliver_forever, args=(stop, None))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def subscribe(url, name="fleet", **wanted):
    with database().write() as session:
        document = {"kind": "iot", "name": name, "url": url, **wanted}
        return subscribers.create(session, NewSubscriber.model_validate(document), secret=SECRET)


def add_order(session, order_no):
    moment = datetime.now(UTC)
    order = ServiceOrder(
        order_no=order_no,
        agent="agent-x",
        content_sha256="",
        message_id="m",
        title="a SIM",
        state="completed",
        ordered_at=moment,
    )
    session.add(order)
    session.flush()
    return order


def line(line_no, state="completed", **characteristics):
    return {
        "line_no": line_no,
        "state": state,
        "action": "add",
        "product": "iot-card",
        "characteristics": characteristics,
    }


def seal(session, order_no, *lines, version=1, state="completed"):
    session.add(
        OrderOutcome(
            order_no=order_no,
            version=version,
            state=state,
            sealed_at=datetime.now(UTC),
            primary_tag="iot",
            summary={"lines": list(lines)},
            evidence=b"",
        )
    )


def tell(*events, order_no=ORDER_NO, lines=()):
    with database().write() as session:
        order = session.get(ServiceOrder, order_no) or add_order(session, order_no)
        if lines:
            seal(session, order_no, *lines)
        return add_events(session, order, events)


def reasons():
    with database().read() as session:
        rows = session.exec(select(PushAttempt).order_by(col(PushAttempt.started_at)))
        return [row.reason for row in rows]


def states():
    with database().read() as session:
        rows = session.exec(select(PushDelivery).order_by(col(PushDelivery.sequence)))
        return [row.state for row in rows]


def hasten():
    moment = datetime.now(UTC) - timedelta(seconds=1)
    pending = col(PushDelivery.due_at).is_not(None)
    with database().write() as session:
        session.execute(update(PushDelivery).where(pending).values(due_at=moment))


def delivered(count=1):
    wait_for(lambda: states() == ["delivered"] * count, what="not delivered")


def test_an_event_is_a_signed_cloud_event_at_qos_1_that_expires_and_is_not_retained(
    mosquitto, prefix
):
    subscribe(f"{mosquitto.url}/{prefix}?expiry=3600")
    with Consumer(mosquitto, f"{prefix}/#") as consumer:
        (event,) = tell(COMPLETED)
        with relay():
            delivered()
        (message,) = consumer.wait(1)
    assert message.topic == f"{prefix}/orders/{ORDER_NO}/events"
    assert (message.qos, message.retain) == (1, False)
    headers = dict(message.properties.UserProperty)
    told = Webhook(SECRET).verify(message.payload.decode(), headers)
    assert (told["type"], told["id"]) == ("com.ordercast.order.completed.v1", str(event.id))
    assert message.properties.ContentType.startswith("application/cloudevents+json")
    assert 3500 < message.properties.MessageExpiryInterval <= 3600
    assert reasons() == ["acknowledged"]
    with Consumer(mosquitto, f"{prefix}/#") as late, Consumer(mosquitto, f"{prefix}/x") as other:
        assert_nothing_came(late, other)


def assert_nothing_came(*consumers):
    """What is retained comes right behind the answer to the subscription."""
    for each in consumers:
        each._client.loop_stop()
        each._client.loop(0.2)
        assert each.messages == []


def test_the_last_state_of_each_device_is_there_for_who_comes_late(mosquitto, prefix):
    subscribe(f"{mosquitto.url}/{prefix}")
    lines = (
        line(1, iccid="8986001", msisdn="13800000001"),
        line(2, "failed", msisdn="+8613800000002"),
        line(3, iccid="***", msisdn="***"),
        line(4, apn="cmiot"),
    )
    tell(COMPLETED, lines=lines)
    with relay():
        delivered()
    with Consumer(mosquitto, f"{prefix}/+/state") as late:
        found = {each.topic: json.loads(each.payload) for each in late.wait(2)}
        assert all(each.retain and each.qos == 1 for each in late.messages)
    assert found.keys() == {f"{prefix}/8986001/state", f"{prefix}/8613800000002/state"}
    first = found[f"{prefix}/8986001/state"]
    assert (first["state"], first["named_by"], first["line_no"]) == ("completed", "iccid", 1)
    assert (first["order_no"], first["product"]) == (ORDER_NO, "iot-card")
    assert found[f"{prefix}/8613800000002/state"]["state"] == "failed"


def test_a_subscriber_that_sees_cards_in_part_is_told_of_no_device_by_one(mosquitto, prefix):
    subscribe(f"{mosquitto.url}/{prefix}", masking=["iccid"])
    tell(COMPLETED, lines=(line(1, iccid="8986001"), line(2, msisdn="13800000002")))
    with relay():
        delivered()
    with Consumer(mosquitto, f"{prefix}/+/state") as late:
        assert [each.topic for each in late.wait(1)] == [f"{prefix}/13800000002/state"]


def test_a_newer_state_takes_the_place_of_the_older_one(mosquitto, prefix):
    subscribe(f"{mosquitto.url}/{prefix}")
    tell(COMPLETED, lines=[line(1, iccid="8986001")])
    with relay():
        delivered()
        tell(
            NewEvent("order.completed", 1),
            order_no="ord-20261122-bbbbbb",
            lines=[line(1, "cancelled", iccid="8986001")],
        )
        delivered(2)
    with Consumer(mosquitto, f"{prefix}/+/state") as late:
        (only,) = late.wait(1)
    assert json.loads(only.payload)["state"] == "cancelled"


def test_a_state_that_is_tried_again_late_does_not_take_the_place_of_a_newer_one(mosquitto, prefix):
    subscribe(f"{mosquitto.url}/{prefix}")
    with relay():
        with mosquitto.hanging():
            tell(COMPLETED, lines=[line(1, iccid="8986001"), line(2, msisdn="+8613800000002")])
            wait_for(lambda: reasons() == ["timeout"], what="no timeout is noted")
        tell(
            NewEvent("order.completed", 1),
            order_no="ord-20261122-bbbbbb",
            lines=[line(1, "cancelled", iccid="8986001")],
        )
        wait_for(lambda: "delivered" in states(), what="the newer one is not delivered")
        with Consumer(mosquitto, f"{prefix}/orders/{ORDER_NO}/events") as consumer:
            hasten()
            delivered(2)
            consumer.wait(1)
    with Consumer(mosquitto, f"{prefix}/+/state") as late:
        found = {each.topic: json.loads(each.payload)["state"] for each in late.wait(2)}
    assert found == {
        f"{prefix}/8986001/state": "cancelled",
        f"{prefix}/8613800000002/state": "completed",
    }


def test_a_state_lasts_as_long_as_the_address_says(mosquitto, prefix):
    subscribe(f"{mosquitto.url}/{prefix}?state_expiry=1")
    tell(COMPLETED, lines=[line(1, iccid="8986001")])
    with relay():
        delivered()

    def is_gone():
        with Consumer(mosquitto, f"{prefix}/+/state") as late:
            late._client.loop_stop()
            late._client.loop(0.2)
            return not late.messages

    wait_for(is_gone, what="the state does not expire")


def test_a_large_order_tells_all_its_devices_in_one_attempt(mosquitto, prefix):
    count = 2000
    subscribe(f"{mosquitto.url}/{prefix}")
    lines = [line(number, iccid=f"8986{number:012}") for number in range(count)]
    tell(COMPLETED, lines=lines)
    with relay():
        delivered()
    assert reasons() == ["acknowledged"]
    with Consumer(mosquitto, f"{prefix}/+/state") as late:
        assert len({each.topic for each in late.wait(count)}) == count


def test_many_pushes_share_one_connection(mosquitto, prefix):
    subscribe(f"{mosquitto.url}/{prefix}")
    before = mosquitto.connections()
    for number in range(30):
        tell(COMPLETED, order_no=f"ord-20261122-{number:06}")
    with Consumer(mosquitto, f"{prefix}/#") as consumer, relay():
        delivered(30)
        consumer.wait(30)
    assert mosquitto.connections() == before + 1


def test_a_broker_that_restarts_is_told_again_by_the_schedule(mosquitto, prefix):
    subscribe(f"{mosquitto.url}/{prefix}")
    tell(COMPLETED)
    with relay():
        delivered()
        mosquitto.stop(signal.SIGKILL)
        try:
            tell(NewEvent("order.reopened", 2))
            wait_for(lambda: reasons()[1:], what="not tried")
            assert reasons()[1:] in (["unreachable"], ["dropped"])
        finally:
            mosquitto.start()
        with Consumer(mosquitto, f"{prefix}/#") as consumer:
            hasten()
            delivered(2)
            (message,) = consumer.wait(1)
    assert json.loads(message.payload)["type"] == "com.ordercast.order.reopened.v1"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda broker: broker.url.replace(":hunter2@", ":hunter3@"), "access-denied"),
        (lambda broker: broker.url.replace("ordercast:hunter2@", ""), "access-denied"),
        (lambda broker: broker.url.replace("ordercast:hunter2@", "guest:guest@"), "access-denied"),
        (lambda _: f"mqtt://u:hunter3@127.0.0.1:{free_port()}", "unreachable"),
        (lambda _: "mqtt://u:hunter3@no-such-host.invalid", "name-unknown"),
        (lambda broker: broker.url.replace("mqtt://", "mqtts://"), "tls"),
        (
            lambda broker: f"mqtts://ordercast:hunter2@localhost:{broker.tls_port}",
            "tls",
        ),
    ],
    ids=["password", "no password", "no right", "port", "host", "no TLS there", "not trusted"],
)
def test_what_hinders_a_push_is_noted_with_its_reason_and_without_the_password(
    mosquitto, prefix, wrong, reason
):
    subscribe(f"{wrong(mosquitto)}/{prefix}")
    tell(COMPLETED)
    with relay():
        wait_for(reasons, what="not tried")
    with database().read() as session:
        (attempt,) = session.exec(select(PushAttempt)).all()
    assert attempt.reason == reason, attempt.answer
    assert states() == ["pending"]
    assert "hunter" not in attempt.answer


def test_a_broker_with_a_trusted_certificate_is_told_over_tls(mosquitto, prefix, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(mosquitto.certificate))
    subscribe(f"mqtts://ordercast:hunter2@localhost:{mosquitto.tls_port}/{prefix}")
    tell(COMPLETED, lines=[line(1, iccid="8986001")])
    with Consumer(mosquitto, f"{prefix}/#") as consumer, relay():
        delivered()
        consumer.wait(2)


def test_a_broker_that_hangs_holds_nobody_else_up(mosquitto, prefix):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = f"127.0.0.1:{silent.getsockname()[1]}"
        subscribe(f"mqtt://{hanging}/{prefix}", name="hangs")
        subscribe(f"mqtts://{hanging}/{prefix}", name="hangs in TLS")
        subscribe(f"{mosquitto.url}/{prefix}")
        began = monotonic()
        with relay(), Consumer(mosquitto, f"{prefix}/#") as consumer:
            for number in range(20):
                tell(COMPLETED, order_no=f"ord-20261122-{number:06}")
            consumer.wait(20)
            assert monotonic() - began < 3
            wait_for(lambda: "timeout" in reasons(), what="no timeout is noted")


def test_a_broker_that_stops_answering_is_noted_and_told_once_it_answers(mosquitto, prefix):
    subscribe(f"{mosquitto.url}/{prefix}")
    tell(COMPLETED)
    with relay():
        delivered()
        with mosquitto.hanging():
            tell(NewEvent("order.reopened", 2))
            wait_for(lambda: reasons()[1:] == ["timeout"], what="no timeout is noted")
        hasten()
        delivered(2)


def test_the_guard_has_its_say_on_mqtt_too(mosquitto, prefix, monkeypatch):
    monkeypatch.setenv("ORDERCAST_RELAY__ALLOW_NETWORKS", "")
    forget()
    subscribe(f"{mosquitto.url}/{prefix}")
    tell(COMPLETED)
    with relay():
        wait_for(reasons, what="not tried")
    assert reasons() == ["address-refused"]


def test_the_password_in_an_address_is_sealed_and_shown_to_nobody():
    created = subscribe("mqtt://user:hunter2@127.0.0.1/fleet?expiry=60")
    assert SubscriberView.model_validate(created).url == "mqtt://user:***@127.0.0.1/fleet?expiry=60"
    with database().read() as session:
        kept = session.get_one(Subscriber, created.id)
    assert b"hunter2" not in (kept.sealed_url or b"")
    assert subscribers.url_of(kept) == "mqtt://user:hunter2@127.0.0.1/fleet?expiry=60"
