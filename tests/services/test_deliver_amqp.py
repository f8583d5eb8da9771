"""Pushes to AMQP exchanges, and to the queues that the senders of orders wait at."""

import json
import signal
import threading
from asyncio import to_thread
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select, update
from standardwebhooks.webhooks import Webhook

from ordercast.contracts.subscriber import NewSubscriber, SubscriberView
from ordercast.delivery.signing import new_secret
from ordercast.intake.accept import accept
from ordercast.services.relay.deliver import deliver_forever
from ordercast.store import subscribers
from ordercast.store.engine import database
from ordercast.store.inbox import RawMessage, ReplyTo
from ordercast.store.push_tables import PushAttempt, PushDelivery, Subscriber
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.tables import ServiceOrder
from tasks.broadcast import broadcast
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders
from tests.conftest import forget
from tests.orders import JSON, body, complete, lease, order
from tests.services.listening import Queues
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
def queues(monkeypatch, rabbitmq):
    names = Queues(monkeypatch, rabbitmq.url)
    yield names
    rabbitmq.delete(names.answers)


@pytest.fixture
def exchange(rabbitmq, queues):
    """The name of an exchange that is not there yet."""
    name = f"exchange-of-{queues.answers}"
    yield name
    rabbitmq.do(lambda channel: channel.exchange_delete(name))


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


def subscribe(url):
    with database().write() as session:
        document = {"kind": "public", "name": "partner", "url": url}
        return subscribers.create(session, NewSubscriber.model_validate(document), secret=SECRET)


def tell(*events):
    with database().write() as session:
        told = session.get(ServiceOrder, ORDER_NO)
        if told is None:
            told = ServiceOrder(
                order_no=ORDER_NO,
                agent="agent-x",
                content_sha256="",
                message_id="m",
                title="a SIM",
                state="completed",
                ordered_at=datetime.now(UTC),
            )
            session.add(told)
            session.flush()
        return add_events(session, told, events)


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


def bind(rabbitmq, exchange, queue):
    """Have a queue get what the exchange gets, as the partner would."""

    async def deed(channel):
        source = await channel.declare_exchange(exchange, "fanout", durable=True)
        await (await channel.declare_queue(queue, durable=True)).bind(source)

    rabbitmq.do(deed)


def test_a_push_is_a_persistent_signed_cloud_event_in_the_exchange(rabbitmq, queues, exchange):
    bind(rabbitmq, exchange, queues.answers)
    subscribe(f"{rabbitmq.url}?exchange={exchange}")
    (event,) = tell(COMPLETED)
    with relay():
        wait_for(lambda: states() == ["delivered"], what="not delivered")
    (message,) = rabbitmq.take(queues.answers)
    told = Webhook(SECRET).verify(message.body.decode(), dict(message.headers))
    assert (told["type"], told["subject"]) == ("com.ordercast.order.completed.v1", ORDER_NO)
    assert message.message_id == told["id"] == str(event.id)
    assert (message.type, message.routing_key) == ("order.completed", "order.completed")
    assert message.content_type.startswith("application/cloudevents+json")
    assert message.delivery_mode == 2
    assert reasons() == ["acknowledged"]


def test_an_exchange_that_is_not_there_is_declared_durable_and_fanout(rabbitmq, exchange):
    subscribe(f"{rabbitmq.url}?exchange={exchange}")
    tell(COMPLETED)
    with relay():
        wait_for(lambda: states() == ["delivered"], what="not delivered")
    rabbitmq.do(lambda channel: channel.declare_exchange(exchange, "fanout", durable=True))


def test_an_exchange_that_is_there_stays_as_its_owner_made_it(rabbitmq, queues, exchange):
    async def by_topic(channel):
        source = await channel.declare_exchange(exchange, "topic", durable=True)
        target = await channel.declare_queue(queues.answers, durable=True)
        await target.bind(source, "order.*")

    rabbitmq.do(by_topic)
    subscribe(f"{rabbitmq.url}?exchange={exchange}")
    tell(COMPLETED)
    with relay():
        wait_for(lambda: states() == ["delivered"], what="not delivered")
    assert len(rabbitmq.take(queues.answers)) == 1


def test_a_broker_that_restarts_is_told_again_by_the_schedule(rabbit_node, queues, monkeypatch):
    bind(rabbit_node, "restarting", queues.answers)
    subscribe(f"{rabbit_node.url}?exchange=restarting")
    tell(COMPLETED)
    with relay():
        wait_for(lambda: states() == ["delivered"], what="not delivered")
        rabbit_node.stop(signal.SIGKILL)
        try:
            tell(NewEvent("order.reopened", 2))
            wait_for(lambda: reasons()[1:], what="not tried")
            assert reasons()[1:] in (["unreachable"], ["dropped"])
        finally:
            rabbit_node.start()
        hasten()
        wait_for(lambda: states() == ["delivered"] * 2, what="not delivered again")
    assert [each.type for each in rabbit_node.take(queues.answers)] == [
        "order.completed",
        "order.reopened",
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda url: url.replace(":guest@", ":hunter2@"), "access-denied"),
        (lambda url: url + "no-such-vhost", "access-denied"),
        (lambda _: f"amqp://127.0.0.1:{free_port()}/", "unreachable"),
        (lambda _: "amqp://no-such-host.invalid/", "name-unknown"),
        (lambda url: url.replace("amqp://", "amqps://"), "tls"),
    ],
    ids=["password", "vhost", "port", "host", "no TLS there"],
)
def test_what_hinders_a_push_is_noted_with_its_reason_and_without_the_password(
    rabbit_node, wrong, reason
):
    subscribe(f"{wrong(rabbit_node.url)}?exchange=any")
    tell(COMPLETED)
    with relay():
        wait_for(reasons, what="not tried")
    with database().read() as session:
        (attempt,) = session.exec(select(PushAttempt)).all()
    assert attempt.reason == reason, attempt.answer
    assert states() == ["pending"]
    assert "hunter2" not in attempt.answer


def test_the_guard_has_its_say_on_brokers_too(rabbitmq, monkeypatch):
    monkeypatch.setenv("ORDERCAST_RELAY__ALLOW_NETWORKS", "")
    forget()
    subscribe(f"{rabbitmq.url}?exchange=any")
    tell(COMPLETED)
    with relay():
        wait_for(reasons, what="not tried")
    assert reasons() == ["address-refused"]


def test_the_password_in_an_address_is_sealed_and_shown_to_nobody(rabbitmq):
    created = subscribe("amqp://user:hunter2@127.0.0.1/vhost?exchange=orders")
    view = SubscriberView.model_validate(created)
    assert view.url == "amqp://user:***@127.0.0.1/vhost?exchange=orders"
    with database().read() as session:
        kept = session.get_one(Subscriber, created.id)
    assert b"hunter2" not in (kept.sealed_url or b"")
    assert subscribers.url_of(kept) == "amqp://user:hunter2@127.0.0.1/vhost?exchange=orders"


def carried(reply_to):
    """An order by a message that wants an answer, from intake to broadcast."""
    raw = RawMessage(body(order(externalId="A-1")), JSON, "queue", queue="q", reply_to=reply_to)
    (accepted,) = accept(database(), raw).orders
    held = lease(accepted.order_no)
    for step in (receive, decompose):
        assert step.fn(held)
    generate_work_orders.fn(held)
    assert not await_completion.fn(held)
    complete(accepted.order_no)
    assert await_completion.fn(held)
    broadcast.fn(held)
    return accepted.order_no


def test_the_sender_of_an_order_is_told_of_its_work_and_its_end(rabbitmq, queues):
    rabbitmq.declare(queues.answers)
    order_no = carried(ReplyTo(queues.answers, "c-1"))
    told = []
    with relay():
        wait_for(
            lambda: told.extend(rabbitmq.take(queues.answers)) or len(told) >= 4,
            what="not told",
        )
    assert [each.type for each in told] == ["work-order.completed"] * 3 + ["order.completed"]
    assert {each.correlation_id for each in told} == {"c-1"}
    assert {json.loads(each.body)["subject"] for each in told} == {order_no}
    assert all("webhook-signature" not in each.headers for each in told)


def test_what_the_sender_is_told_can_be_narrowed_down(rabbitmq, queues):
    queues.set("REPLY_EVENTS", "order.*")
    rabbitmq.declare(queues.answers)
    carried(ReplyTo(queues.answers))
    with relay():
        wait_for(lambda: states() == ["delivered"], what="not told")
    (only,) = rabbitmq.take(queues.answers)
    assert (only.type, only.correlation_id) == ("order.completed", None)


def test_a_sender_that_is_away_is_told_when_its_queue_is_there(rabbitmq, queues):
    queues.set("REPLY_EVENTS", "order.*")
    carried(ReplyTo(queues.answers))
    with relay():
        wait_for(lambda: reasons() == ["no-queue"], what="not tried")
        rabbitmq.declare(queues.answers)
        hasten()
        wait_for(lambda: states() == ["delivered"], what="not told")
    assert len(rabbitmq.take(queues.answers)) == 1


@pytest.mark.parametrize("name", ["amq.gen-gone", "amq.rabbitmq.reply-to.gone"])
def test_a_temporary_queue_that_is_gone_is_not_tried_again(rabbitmq, queues, name):
    carried(ReplyTo(name))
    with relay():
        wait_for(lambda: set(states()) == {"rejected"}, what="tried again")
    assert set(reasons()) == {"queue-gone"}


def test_senders_are_no_subscriber_that_anybody_lists_or_removes(rabbitmq, queues):
    carried(ReplyTo(queues.answers))
    with database().read() as session:
        assert subscribers.listing(session, limit=10) == (0, [])
        with pytest.raises(Exception, match="no subscriber"):
            subscribers.get(session, "sub-senders")


def test_a_sender_is_told_by_nats_as_well(nats_server, monkeypatch):
    Queues(monkeypatch, nats_server.url).set("REPLY_EVENTS", "order.*")

    async def told(client):
        answers = await client.subscribe("senders.a")
        await client.flush()
        order_no = await to_thread(lambda: carried(ReplyTo("senders.a", "c-2")))
        return order_no, await answers.next_msg(20)

    with relay():
        order_no, message = nats_server.do(told)
    assert json.loads(message.data)["subject"] == order_no
    assert message.headers["correlation_id"] == "c-2"
