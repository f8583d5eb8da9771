import os
import signal
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from sqlmodel import SQLModel, col, select, update
from standardwebhooks.webhooks import Webhook

from config.settings import settings
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.guard import guard
from ordercast.delivery.signing import new_secret
from ordercast.services.relay.deliver import deliver_forever
from ordercast.services.relay.deliver_ledger import DeliverLedger
from ordercast.store import subscribers
from ordercast.store.engine import database
from ordercast.store.push_tables import PushAttempt, PushDelivery, Subscriber
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.sealing import sealer
from ordercast.store.tables import ServiceOrder
from tests.services.certificates import make_certificate
from tests.services.receivers import Receiver, answer, drop, eventually

CACHED = (settings, database, sealer, guard)
SECRET = new_secret()
COMPLETED = NewEvent("order.completed", 1, {"state": "completed"})
REOPENED = NewEvent("order.reopened", 2)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("ORDERCAST_HOME", str(tmp_path))
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", Fernet.generate_key().decode())
    monkeypatch.setenv("ORDERCAST_RELAY__POLL_SECONDS", "0.05")
    forget()
    SQLModel.metadata.create_all(database().engine)
    yield monkeypatch
    database().engine.dispose()
    forget()


def forget():
    for cached in CACHED:
        cached.cache_clear()


@contextmanager
def relay(count=1):
    """So many deliver loops, each in its thread, stopped at the end."""
    stop = threading.Event()
    threads = [threading.Thread(target=deliver_forever, args=(stop, None)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()


def subscribe(url, name="partner", **wanted):
    with database().write() as session:
        document = {"kind": "public", "name": name, "url": url, **wanted}
        new = NewSubscriber.model_validate(document)
        return subscribers.create(session, new, secret=SECRET).id


def tell(*events, order_no="ord-20261122-aaaaaa"):
    with database().write() as session:
        order = session.get(ServiceOrder, order_no)
        if order is None:
            order = ServiceOrder(
                order_no=order_no,
                agent="agent-x",
                content_sha256="",
                message_id="m",
                title="a SIM",
                state="completed",
                ordered_at=datetime.now(UTC),
            )
            session.add(order)
            session.flush()
        return add_events(session, order, events)


def deliveries():
    with database().read() as session:
        return session.exec(select(PushDelivery).order_by(col(PushDelivery.sequence))).all()


def attempts():
    with database().read() as session:
        return session.exec(select(PushAttempt).order_by(col(PushAttempt.number))).all()


def states():
    return [each.state for each in deliveries()]


def hasten():
    """Let what is to be tried again be due now."""
    with database().write() as session:
        session.execute(
            update(PushDelivery)
            .where(col(PushDelivery.due_at).is_not(None))
            .values(due_at=datetime.now(UTC) - timedelta(seconds=1))
        )


def test_a_push_arrives_signed_as_a_cloud_event_and_is_noted():
    with Receiver([(200, {}, "thank you")]) as receiver:
        subscribe(receiver.url)
        (event,) = tell(COMPLETED)
        with relay():
            eventually(lambda: states() == ["delivered"])
    (push,) = receiver.pushes
    headers = push.headers
    body = Webhook(SECRET).verify(push.body, headers)
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert headers["webhook-id"] == body["id"] == str(event.id)
    assert body["type"] == "com.ordercast.order.completed.v1"
    assert (body["specversion"], body["subject"]) == ("1.0", event.order_no)
    assert int(body["sequence"]) == 1
    assert body["data"] == {"order_no": event.order_no, "version": 1, "state": "completed"}
    (attempt,) = attempts()
    assert (attempt.status, attempt.verdict, attempt.answer) == (200, "delivered", "thank you")


def test_a_batch_too_large_for_a_push_links_to_the_order_instead():
    lines = [{"line_no": n, "state": "completed"} for n in range(10_000)]
    with Receiver() as receiver:
        subscribe(receiver.url)
        tell(NewEvent("order.completed", 1, {"state": "completed", "lines": lines}))
        with relay():
            eventually(lambda: states() == ["delivered"])
    (push,) = receiver.pushes
    assert len(push.body.encode()) < 20_000
    assert push.event["data"]["omitted"] == ["lines"]
    assert push.event["data"]["state"] == "completed"
    assert push.event["dataref"].endswith("/serviceOrder/ord-20261122-aaaaaa")


def test_a_500_is_tried_again_with_the_same_id_and_body():
    with Receiver([500, (503, {"retry-after": "7200"}, "down"), 200]) as receiver:
        subscribe(receiver.url)
        tell(COMPLETED)
        with relay():
            eventually(lambda: len(attempts()) == 1)
            (waiting,) = deliveries()
            assert waiting.due_at < datetime.now(UTC) + timedelta(seconds=7)
            hasten()
            eventually(lambda: len(attempts()) == 2)
            (waiting,) = deliveries()
            assert waiting.due_at > datetime.now(UTC) + timedelta(seconds=7100)
            hasten()
            eventually(lambda: states() == ["delivered"])
    assert len({push.body for push in receiver.pushes}) == 1
    assert [each.reason for each in attempts()] == ["server-error", "server-error", "acknowledged"]


def test_a_410_disables_the_subscriber():
    with Receiver([410]) as receiver:
        subscriber = subscribe(receiver.url)
        tell(COMPLETED, REOPENED)
        with relay():
            eventually(lambda: states() == ["gone", "pending"])
    with database().read() as session:
        assert session.get_one(Subscriber, subscriber).state == "disabled"
    assert len(receiver.pushes) == 1


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        (drop, "dropped"),
        ((302, {"location": "http://127.0.0.1:1/"}, ""), "redirected"),
        (429, "busy"),
        (404, "unexpected-status"),
        (422, "body-refused"),
        ((200, {}, '{"errcode": 93000}'), "business-refused"),
        ((200, {"content-length": "500", "connection": "close"}, "cut off"), "dropped"),
        ((500, {}, "\x00é" + "x" * 9000), "server-error"),
    ],
)
def test_every_other_answer_is_noted_with_its_reason(answered, reason):
    with Receiver([answered]) as receiver:
        subscribe(receiver.url, acknowledgement="errcode-zero")
        tell(COMPLETED)
        with relay():
            eventually(attempts)
    (attempt,) = attempts()
    assert attempt.reason == reason
    assert len(attempt.answer.encode()) <= 1027


def test_what_no_connection_can_be_made_to_is_noted_in_words():
    with Receiver() as receiver:
        url = receiver.url
    subscribe(url)
    subscribe("http://no-such-host.invalid/", "nowhere")
    tell(COMPLETED)
    with relay():
        eventually(lambda: len(attempts()) == 2)
    assert {each.reason for each in attempts()} == {"unreachable", "name-unknown"}
    assert all(each.answer and each.status is None for each in attempts())


def test_a_push_to_a_refused_address_is_blocked_without_a_connection(home):
    home.setenv("ORDERCAST_RELAY__ALLOW_NETWORKS", "")
    forget()
    with Receiver() as receiver:
        subscribe(receiver.url.replace("127.0.0.1", "localhost"))
        tell(COMPLETED)
        with relay():
            eventually(attempts)
        assert receiver.pushes == []
    (attempt,) = attempts()
    assert (attempt.verdict, attempt.reason) == ("blocked", "address-refused")
    assert "loopback" in attempt.answer


def test_the_name_of_the_receiver_stays_in_the_host_header():
    with Receiver() as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        subscribe(url)
        tell(COMPLETED)
        with relay():
            eventually(lambda: states() == ["delivered"])
    assert receiver.pushes[0].headers["host"] == url.split("/")[2]


def test_a_certificate_must_be_for_the_name_although_the_address_is_connected_to(home, tmp_path):
    certificate = tmp_path / "certificate.pem"
    make_certificate(certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    home.setenv("SSL_CERT_FILE", str(certificate))
    with Receiver(tls=tls) as receiver:
        subscribe(receiver.url.replace("127.0.0.1", "localhost"), "right")
        subscribe(receiver.url, "wrong")
        tell(COMPLETED)
        with relay():
            eventually(lambda: len(attempts()) == 2)
    assert {each.reason for each in attempts()} == {"acknowledged", "tls"}


def test_a_receiver_that_answers_too_late_times_out_and_rests_a_minute(home):
    home.setenv("ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS", "0.2")
    forget()
    with Receiver(delay_seconds=20) as receiver:
        subscribe(receiver.url)
        tell(COMPLETED)
        with relay():
            eventually(attempts)
    assert attempts()[0].reason == "timeout"
    assert deliveries()[0].due_at > datetime.now(UTC) + timedelta(seconds=50)


def test_a_sealing_key_that_is_lost_is_our_fault_and_not_the_subscribers(home):
    with Receiver() as receiver:
        subscribe(receiver.url)
        tell(COMPLETED)
        home.setenv("ORDERCAST_SEALING_KEYS", Fernet.generate_key().decode())
        forget()
        with relay():
            eventually(attempts)
        assert receiver.pushes == []
    assert (attempts()[0].verdict, attempts()[0].reason) == ("our-fault", "no-key")
    assert (deliveries()[0].attempts, deliveries()[0].tries) == (1, 0)


def test_a_slow_receiver_holds_up_nobody_else(home):
    home.setenv("ORDERCAST_RELAY__DELIVER_CONCURRENCY", "8")
    home.setenv("ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS", "60")
    forget()
    released = threading.Event()

    def answer_late(handler):
        released.wait(60)
        answer(handler, 200)

    with Receiver([answer_late]) as slow, Receiver() as quick:
        subscribe(slow.url, "slow")
        for n in range(30):
            tell(COMPLETED, order_no=f"ord-{n}")
        with relay():
            eventually(lambda: len(slow.pushes) == 1)
            subscribe(quick.url, "quick")
            for n in range(30, 60):
                tell(COMPLETED, order_no=f"ord-{n}")
            eventually(lambda: states().count("delivered") == 30)
            assert len(slow.pushes) == 1
            released.set()
    assert len(quick.pushes) == 30


def test_events_of_an_order_arrive_in_their_order():
    events = [NewEvent("work-order.completed", 1, {"n": n}, line_no=n) for n in range(20)]
    with Receiver([500, 200]) as receiver:
        subscribe(receiver.url, event_types=["*"])
        tell(*events)
        with relay():
            eventually(attempts)
            hasten()
            eventually(lambda: states() == ["delivered"] * 20)
    assert [int(push.event["sequence"]) for push in receiver.pushes] == [1, *range(1, 21)]


def test_a_nudge_is_heard_before_the_next_look(home):
    home.setenv("ORDERCAST_RELAY__POLL_SECONDS", "30")
    forget()
    stop, nudge = threading.Event(), threading.Event()
    thread = threading.Thread(target=deliver_forever, args=(stop, nudge))
    with Receiver() as receiver:
        subscribe(receiver.url)
        tell(COMPLETED, order_no="ord-1")
        thread.start()
        eventually(lambda: states() == ["delivered"])
        tell(COMPLETED, order_no="ord-2")
        nudge.set()
        eventually(lambda: len(receiver.pushes) == 2)
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def test_what_is_in_flight_at_the_stop_is_finished_and_noted():
    with Receiver(delay_seconds=0.5) as receiver:
        subscribe(receiver.url)
        tell(COMPLETED)
        with relay() as stop:
            eventually(lambda: receiver.pushes)
            stop.set()
    assert states() == ["delivered"]


def test_what_does_not_end_in_time_at_the_stop_is_noted_and_sent_by_the_next_relay(home):
    home.setattr("ordercast.services.relay.deliver.STOP_GRACE_SECONDS", 0.1)
    with Receiver(delay_seconds=20) as receiver:
        subscribe(receiver.url)
        tell(COMPLETED)
        with relay() as stop:
            eventually(lambda: receiver.pushes)
            stop.set()
        assert [each.reason for each in attempts()] == ["stopped"]
        receiver.delay_seconds = 0
        with relay():
            eventually(lambda: states() == ["delivered"])
    first, second = receiver.pushes
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert deliveries()[0].tries == 1


def test_after_kill_minus_nine_the_same_id_and_body_is_sent_again(home):
    home.setenv("ORDERCAST_RELAY__LEASE_SECONDS", "3")
    home.setenv("ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS", "3")
    forget()
    run = (
        "import threading; from ordercast.services.relay.deliver import deliver_forever; "
        "deliver_forever(threading.Event())"
    )
    with Receiver(delay_seconds=20) as receiver:
        subscribe(receiver.url)
        tell(COMPLETED)
        killed = subprocess.Popen([sys.executable, "-c", run])
        try:
            eventually(lambda: receiver.pushes, within_seconds=60)
        finally:
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
        assert states() == ["pending"]
        assert deliveries()[0].leased_by
        receiver.delay_seconds = 0
        with relay():
            eventually(lambda: states() == ["delivered"])
    first, second = receiver.pushes
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert len(attempts()) == 1


def test_two_relays_never_send_the_same_push():
    count = 60
    with Receiver(delay_seconds=0.02) as one, Receiver(delay_seconds=0.02) as other:
        subscribe(one.url, "one")
        subscribe(other.url, "other")
        for n in range(count):
            tell(COMPLETED, order_no=f"ord-{n}")
        with relay(count=2):
            eventually(lambda: states().count("delivered") == 2 * count)
    for receiver in (one, other):
        ids = [push.event["id"] for push in receiver.pushes]
        assert len(ids) == len(set(ids)) == count
    assert len(attempts()) == 2 * count


def test_a_database_that_is_busy_for_a_while_loses_no_push_and_is_told_of_once(home, caplog):
    turns, turn = [], DeliverLedger.turn
    home.setattr(DeliverLedger, "turn", lambda *given: turns.append(given) or turn(*given))

    def told():
        return [each.getMessage() for each in caplog.records if each.levelname != "DEBUG"]

    caplog.set_level("INFO", "ordercast.services.relay")
    home.setenv("ORDERCAST_DATABASE__BUSY_TIMEOUT_SECONDS", "0.1")
    forget()
    with Receiver(delay_seconds=0.3) as receiver:
        subscribe(receiver.url)
        tell(COMPLETED)
        with relay():
            eventually(lambda: receiver.pushes)
            with database().write() as session:
                session.connection()  # the lock is taken by the first statement
                eventually(told)
                begun = len(turns)
                eventually(lambda: len(turns) >= begun + 3)
            eventually(lambda: states() == ["delivered"])
    assert len(receiver.pushes) == 1
    assert told() == ["the deliver loop waits: OperationalError", "the deliver loop goes on"]
