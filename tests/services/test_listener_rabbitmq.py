"""Orders and reports by RabbitMQ: stored, then answered, then acknowledged."""

import json
from functools import partial

import pytest
from sqlmodel import select

from ordercast.store.engine import database
from ordercast.store.inbox import MessageOutcome
from ordercast.store.tables import CompletionReport
from tests.orders import CSV, NDJSON, body, complete, named, order, stored, waiting
from tests.services.listening import (
    Queues,
    is_listening,
    listening,
    messages,
    on,
    order_count,
    state,
    the_only_order,
    wait_for_orders,
)
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("home")]

BACKLOG = 120


@pytest.fixture
def queues(monkeypatch, rabbitmq):
    """Queues of the test's own; those of orders and reports are there before the listener."""
    names = Queues(monkeypatch, rabbitmq.url)
    for name in (names.orders, names.reports, names.answers):
        rabbitmq.declare(name)
    yield names
    rabbitmq.delete(names.orders, names.reports, names.answers, names.dead_letters)


def answers(rabbitmq, queue, number=1):
    """So many answers as they come, by correlation id."""
    taken = []

    def enough():
        taken.extend(rabbitmq.take(queue))
        return len(taken) >= number

    wait_for(enough, what=f"no {number} answers in {queue}")
    assert len(taken) == number
    return [(message.correlation_id, json.loads(message.body)) for message in taken]


def is_empty(rabbitmq, queue):
    return rabbitmq.count(queue)[0] == 0


def settled(rabbitmq, queues):
    """Nothing is left in the queues, not even unacknowledged: the consumers are gone."""
    assert is_empty(rabbitmq, queues.orders)
    assert is_empty(rabbitmq, queues.reports)


def redelivered(rabbitmq, queue):
    """Have the message in a queue flagged: it was handed over once, and came back."""

    async def give_back(channel):
        source = await channel.declare_queue(queue, passive=True)
        await (await source.get()).nack(requeue=True)

    rabbitmq.do(give_back)


def test_an_order_is_stored_answered_and_acknowledged(rabbitmq, queues):
    with listening():
        sent = body(order(externalId="A-1"))
        rabbitmq.send(queues.orders, sent, reply_to=queues.answers, correlation_id="c-1")
        ((known_by, answer),) = answers(rabbitmq, queues.answers)
    (kept,) = messages()
    assert known_by == "c-1"
    assert answer == {"status": "201", "orders": [{"id": kept.order_no, "isNew": True}]}
    assert (kept.source, kept.queue, kept.outcome) == ("queue", queues.orders, "accepted")
    settled(rabbitmq, queues)


def test_what_waits_when_the_listener_starts_is_all_taken(rabbitmq, queues):
    rabbitmq.send(queues.orders, *(body(order(externalId=f"B-{n}")) for n in range(BACKLOG)))
    with listening():
        wait_for_orders(BACKLOG)
    settled(rabbitmq, queues)
    assert len(messages()) == BACKLOG


def test_a_batch_as_csv_takes_its_good_rows_if_the_sender_asks_for_it(rabbitmq, queues):
    rows = b"product,action,iccid\niot-card,add,8986001234567890123\niot-card,fly,1\n"
    about = {"content_type": CSV, "reply_to": queues.answers, "message_id": "batch-1"}
    with listening():
        rabbitmq.send(queues.orders, rows, headers={"accept": "valid"}, **about)
        ((known_by, answer),) = answers(rabbitmq, queues.answers)
    assert known_by == "batch-1"
    assert [each["line"] for each in answer["leftOut"]] == [3, 3]
    assert the_only_order().line_count == 1


def test_the_agent_is_that_of_the_order_else_of_the_header_else_of_the_queue(rabbitmq, queues):
    queues.set("ORDERS_QUEUES", f"{queues.orders}=agent-q")
    own = order(externalId="1", relatedParty=[{"id": "agent-o", "role": "agent"}])
    with listening():
        rabbitmq.send(queues.orders, body(own), headers={"agent": "agent-h"})
        rabbitmq.send(queues.orders, body(order(externalId="2")), headers={"agent": "agent-h"})
        rabbitmq.send(queues.orders, body(order(externalId="3")))
        wait_for_orders(3)
    assert {each.external_id: each.agent for each in messages()} == {
        "1": "agent-o",
        "2": "agent-h",
        "3": "agent-q",
    }


@pytest.mark.parametrize(
    ("sent", "about", "problem"),
    [
        (b"not json", {}, "is not JSON"),
        (b"\xff\xfe", {}, "is not UTF-8"),
        (b"", {}, "is not JSON"),
        (b"{}", {"content_type": "application/pdf"}, "is not known"),
        (b"x" * 5000, {}, "over 4000 bytes"),
    ],
    ids=["not JSON", "not text", "empty", "unknown type", "too large"],
)
def test_a_refused_message_is_a_dead_letter_with_its_reason(rabbitmq, queues, sent, about, problem):
    queues.set("MAX_BODY_BYTES", "4000")
    about = {"headers": {"trace": "t-1"}, "message_id": "m-1", "reply_to": queues.answers} | about
    with listening():
        rabbitmq.send(queues.orders, sent, **about)
        ((_, answer),) = answers(rabbitmq, queues.answers)
        wait_for(lambda: not is_empty(rabbitmq, queues.dead_letters), what="no dead letter")
        good = body(order(externalId="after"))
        rabbitmq.send(queues.orders, good)
        wait_for_orders(1)
    (letter,) = rabbitmq.take(queues.dead_letters)
    assert (letter.body, letter.message_id, letter.delivery_mode) == (sent, "m-1", 2)
    assert problem in letter.headers["x-ordercast-reason"]
    assert letter.headers["x-ordercast-queue"] == queues.orders
    assert letter.headers["trace"] == "t-1"
    assert problem in answer["message"]
    kept = [each.id for each in messages(MessageOutcome.REFUSED)]
    assert kept == [letter.headers[name] for name in ["x-ordercast-message-id"] if kept]
    assert bool(kept) == ("bytes" not in problem)
    settled(rabbitmq, queues)


def test_other_content_under_the_same_external_id_is_a_dead_letter_too(rabbitmq, queues):
    with listening():
        rabbitmq.send(queues.orders, body(order(externalId="same", description="a")))
        wait_for_orders(1)
        rabbitmq.send(
            queues.orders, body(order(externalId="same", description="b")), reply_to=queues.answers
        )
        ((_, answer),) = answers(rabbitmq, queues.answers)
        wait_for(lambda: not is_empty(rabbitmq, queues.dead_letters), what="no dead letter")
    assert answer["status"] == "409"
    assert "description" in answer["fields"]
    (kept,) = messages(MessageOutcome.CONFLICT)
    (letter,) = rabbitmq.take(queues.dead_letters)
    assert letter.headers["x-ordercast-message-id"] == kept.id
    assert order_count() == 1


def test_the_same_message_id_makes_one_order_of_each_in_it(rabbitmq, queues):
    both = body([order(), order()])
    with listening():
        for _ in range(2):
            rabbitmq.send(queues.orders, both, message_id="twice", reply_to=queues.answers)
        (_, first), (_, second) = answers(rabbitmq, queues.answers, 2)
    assert order_count() == 2
    assert [each["id"] for each in first["orders"]] == [each["id"] for each in second["orders"]]
    assert (
        sorted(each["isNew"] for each in first["orders"] + second["orders"])
        == [False] * 2 + [True] * 2
    )


def test_without_any_id_a_redelivery_is_one_order_and_a_second_message_another(rabbitmq, queues):
    same = body(order())
    with listening():
        rabbitmq.send_without_id(queues.orders, same)
        wait_for_orders(1)
        rabbitmq.send_without_id(queues.orders, same)
        wait_for_orders(2)
    rabbitmq.send_without_id(queues.orders, same, reply_to=queues.answers)
    redelivered(rabbitmq, queues.orders)
    with listening():
        ((_, answer),) = answers(rabbitmq, queues.answers)
    assert [each["isNew"] for each in answer["orders"]] == [False]
    assert order_count() == 2


def test_what_is_redelivered_but_was_never_stored_is_taken(rabbitmq, queues):
    rabbitmq.send_without_id(queues.orders, body(order()))
    redelivered(rabbitmq, queues.orders)
    with listening():
        wait_for_orders(1)


def test_a_report_sent_again_is_answered_alike_though_it_has_no_id_of_its_own(rabbitmq, queues):
    order_no, _ = waiting(order())
    one = body({"work_order_id": named(order_no, "card-binding").id, "result": "completed"})
    with listening():
        for _ in range(2):
            rabbitmq.send(queues.reports, one, message_id="r-1", reply_to=queues.answers)
        (_, first), (_, second) = answers(rabbitmq, queues.answers, 2)
    assert first == second
    assert first["counts"] == {"accepted": 1}
    with database().read() as session:
        (kept,) = session.exec(select(CompletionReport)).all()
    assert kept.report_id == f"{queues.reports}:r-1"


def test_many_reports_come_as_ndjson_and_the_last_one_wakes_the_order(rabbitmq, queues):
    order_no, _ = waiting(order())
    first, unknown = named(order_no, "card-binding").id, "wo-20261122-zzzzzz-1-1"
    lines = [body({"work_order_id": each, "result": "completed"}) for each in (first, unknown)]
    about = {"content_type": NDJSON, "message_id": "bulk", "reply_to": queues.answers}
    with listening():
        rabbitmq.send(queues.reports, b"\n".join(lines), **about)
        ((_, answer),) = answers(rabbitmq, queues.answers)
    assert answer["counts"] == {"accepted": 1, "unknown": 1}
    assert [each["report_id"][-2:] for each in answer["reports"]] == ["-1", "-2"]
    complete(order_no)
    assert stored(order_no).state == "inProgress"


def test_a_report_that_cannot_be_read_is_a_dead_letter(rabbitmq, queues):
    with listening():
        rabbitmq.send(queues.reports, body({"work_order_id": "wo-1-1-1", "result": "perhaps"}))
        wait_for(partial(dead_letters_of, rabbitmq, queues), what="no dead letter")
    (kept,) = messages(MessageOutcome.REFUSED)
    (letter,) = rabbitmq.take(queues.dead_letters)
    problems = json.loads(letter.headers["x-ordercast-problems"])
    assert [each["field"] for each in problems] == ["result"]
    assert (kept.queue, letter.headers["x-ordercast-message-id"]) == (queues.reports, kept.id)


def dead_letters_of(rabbitmq, queues):
    return rabbitmq.has(queues.dead_letters) and not is_empty(rabbitmq, queues.dead_letters)


def test_an_answer_that_nobody_waits_for_holds_nothing_up(rabbitmq, queues):
    with listening():
        rabbitmq.send(queues.orders, body(order(externalId="1")), reply_to="nobody-waits-here")
        rabbitmq.send(queues.orders, body(order(externalId="2")))
        wait_for_orders(2)
        wait_for(is_listening, what="the listener does not listen")
    settled(rabbitmq, queues)


def test_what_no_database_can_store_is_a_dead_letter_and_blocks_nobody(
    rabbitmq, queues, postgres_url, monkeypatch
):
    on(monkeypatch, postgres_url)
    queues.set("TRIES", "2")
    with listening():
        rabbitmq.send(queues.orders, body(order()), headers={"agent": "nul\x00agent"})
        rabbitmq.send(queues.orders, body(order(externalId="good")))
        wait_for_orders(1)
        wait_for(partial(dead_letters_of, rabbitmq, queues), what="no dead letter")
    (letter,) = rabbitmq.take(queues.dead_letters)
    assert letter.headers["x-ordercast-reason"].startswith("cannot be stored")
    settled(rabbitmq, queues)


def kind_of(rabbitmq, queue, kind):
    """Whether a queue is of a kind: to declare it as one would fail if it were another."""

    async def declare(channel):
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": kind})

    rabbitmq.do(declare)
    return True


def test_quorum_queues_are_made_by_a_setting_and_count_how_often_they_deliver(
    rabbitmq, queues, monkeypatch
):
    rabbitmq.delete(queues.orders)
    queues.set("QUEUE_TYPE", "quorum")
    queues.set("MAX_DELIVERIES", "2")
    with listening():
        wait_for(is_listening, what="the listener does not listen")
        rabbitmq.send(queues.orders, body(order(externalId="by quorum")))
        wait_for_orders(1)
    assert kind_of(rabbitmq, queues.orders, "quorum")
    assert kind_of(rabbitmq, queues.dead_letters, "quorum")
    rabbitmq.send(queues.orders, body(order(externalId="too often")))
    for _ in range(2):
        redelivered(rabbitmq, queues.orders)
    with listening():
        wait_for(partial(dead_letters_of, rabbitmq, queues), what="no dead letter")
    (letter,) = rabbitmq.take(queues.dead_letters)
    assert "delivered" in letter.headers["x-ordercast-reason"]
    assert order_count() == 1


def test_over_tls_the_url_names_the_authority_to_trust(rabbit_node, queues):
    rabbit_node.declare(queues.orders)
    queues.set("URL", f"{rabbit_node.tls_url}?cafile={rabbit_node.certificate}")
    rabbit_node.send(queues.orders, body(order()))
    with listening():
        wait_for_orders(1)
        wait_for(is_listening, what="it does not say that it listens")
    queues.set("URL", rabbit_node.tls_url)
    with listening():
        wait_for(lambda: state() == "waiting", what="an unknown authority is trusted")
    rabbit_node.delete(queues.orders)
