"""Orders and reports by NATS JetStream, by the URL alone."""

import json

import pytest

from ordercast.store.inbox import MessageOutcome
from tests.orders import body, named, order, waiting
from tests.services.certificates import make_certificate
from tests.services.listening import (
    Queues,
    is_listening,
    listening,
    messages,
    order_count,
    state,
    wait_for_orders,
)
from tests.services.nats import NatsServer
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("home")]

BACKLOG = 60


@pytest.fixture
def queues(monkeypatch, nats_server):
    return Queues(monkeypatch, nats_server.url)


@pytest.fixture
def listener(nats_server, queues):
    """A listener that has made its streams."""
    with listening():
        wait_for(lambda: nats_server.count(queues.dead_letters) is not None, what="no streams")
        wait_for(is_listening, what="the listener does not listen")
        yield


def asked(nats_server, subject, *bodies, **headers):
    """Send messages that want an answer; the answers."""

    async def ask(client):
        answers = await client.subscribe("answers")
        for each in bodies:
            await client.jetstream().publish(
                subject, each, headers={"reply_to": "answers", **headers}
            )
        return [await answers.next_msg(20) for _ in bodies]

    return nats_server.do(ask)


def acknowledged(nats_server, subject):
    """A message that is acknowledged leaves the stream."""
    wait_for(lambda: nats_server.count(subject) == 0, what=f"{subject} is not empty")


def test_an_order_is_stored_answered_and_acknowledged(nats_server, queues, listener):
    sent = body(order(externalId="N-1"))
    (answer,) = asked(nats_server, queues.orders, sent, correlation_id="c-1")
    (kept,) = messages()
    assert answer.headers["correlation_id"] == "c-1"
    assert json.loads(answer.data)["orders"] == [{"id": kept.order_no, "isNew": True}]
    acknowledged(nats_server, queues.orders)


def test_a_refused_message_is_a_dead_letter_with_its_reason(nats_server, queues, listener):
    (answer,) = asked(nats_server, queues.orders, b"not json", correlation_id="c-2")
    assert json.loads(answer.data)["status"] == "400"
    acknowledged(nats_server, queues.orders)
    (letter,) = nats_server.take(queues.dead_letters)
    (kept,) = messages(MessageOutcome.REFUSED)
    assert letter.data == b"not json"
    assert letter.headers["x-ordercast-queue"] == queues.orders
    assert letter.headers["x-ordercast-message-id"] == kept.id
    assert "is not JSON" in letter.headers["x-ordercast-reason"]


def test_a_report_without_an_id_is_known_by_its_place_in_the_stream(nats_server, queues, listener):
    order_no, _ = waiting(order())
    one = body({"work_order_id": named(order_no, "card-binding").id, "result": "completed"})
    first, second = asked(nats_server, queues.reports, one, one)
    assert json.loads(first.data)["counts"] == {"accepted": 1}
    assert json.loads(second.data)["counts"] == {"duplicate": 1}  # another message, another id


def test_the_same_message_id_makes_one_order(nats_server, queues, listener):
    same = body(order())
    first, second = asked(nats_server, queues.orders, same, same, message_id="same")
    assert order_count() == 1
    numbers = [json.loads(each.data)["orders"][0]["id"] for each in (first, second)]
    assert numbers[0] == numbers[1]


def test_without_any_id_each_message_is_an_order_and_a_redelivery_is_none(
    nats_server, queues, listener
):
    same = body(order())
    asked(nats_server, queues.orders, same, same)
    assert order_count() == 2
    assert len({each.external_id for each in messages()}) == 2


def test_the_server_restarts_and_all_goes_on(nats_server, queues, listener):
    nats_server.send(queues.orders, body(order(externalId="before")))
    wait_for_orders(1)
    nats_server.stop()
    wait_for(lambda: state() == "waiting", what="the loss is not shown")
    nats_server.start()
    names = [f"after-{n}" for n in range(BACKLOG)]
    nats_server.send(queues.orders, *(body(order(externalId=each)) for each in names))
    wait_for_orders(1 + BACKLOG)
    acknowledged(nats_server, queues.orders)


def test_a_stream_that_is_deleted_is_made_and_consumed_again(nats_server, queues, listener):
    async def delete(client):
        stream = client.jetstream()
        await stream.delete_stream(await stream.find_stream_name_by_subject(queues.orders))

    nats_server.do(delete)
    wait_for(lambda: nats_server.count(queues.orders) is not None, what="it is not made again")
    nats_server.send(queues.orders, body(order()))
    wait_for_orders(1)


def test_what_a_consumer_had_and_did_not_acknowledge_is_delivered_again_as_the_same(
    nats_server, queues
):
    with listening():
        wait_for(lambda: nats_server.count(queues.orders) is not None, what="no streams")
        wait_for(is_listening, what="the listener does not listen")
    nats_server.send(queues.orders, body(order()))

    async def take_and_give_back(client):
        """By the listener's own consumer: so the message counts as delivered once."""
        stream = client.jetstream()
        name = await stream.find_stream_name_by_subject(queues.orders)
        (consumer,) = await stream.consumers_info(name)
        source = await stream.pull_subscribe_bind(consumer.name, stream=name)
        (message,) = await source.fetch(1)
        await message.nak()

    nats_server.do(take_and_give_back)
    with listening():
        wait_for_orders(1)
        acknowledged(nats_server, queues.orders)


def test_over_tls_the_authorities_of_the_machine_or_of_its_setting_are_trusted(
    monkeypatch, tmp_path, nats_server
):
    certificate = tmp_path / "certificate.pem"
    make_certificate(certificate)
    files = f"cert_file: '{certificate}', key_file: '{certificate}'"
    configuration = "jetstream {{ store_dir: '{home}' }}\ntls {{ " + files + " }}"
    with NatsServer(tmp_path, configuration=configuration) as server:
        Queues(monkeypatch, f"tls://localhost:{server.port}")
        with listening():
            wait_for(lambda: state() == "waiting", what="an unknown authority is trusted")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with listening():
            wait_for(is_listening, what="the listener does not listen")
