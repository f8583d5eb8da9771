"""The broker goes away, the database goes away, the listener is killed: nothing is lost,
nothing is doubled, and all goes on by itself."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from itertools import count

import aio_pika
import pytest

from ordercast.store.engine import database
from ordercast.store.migrating import upgrade
from tests.orders import body, order
from tests.services.listening import (
    Queues,
    is_listening,
    listening,
    messages,
    on,
    order_count,
    state,
    wait_for_orders,
)
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("home")]

EACH = 60
AWAY = (aio_pika.exceptions.AMQPError, OSError, RuntimeError)


@pytest.fixture
def queues(monkeypatch, rabbit_node):
    names = Queues(monkeypatch, rabbit_node.url)
    rabbit_node.declare(names.orders)
    yield names
    rabbit_node.delete(names.orders, names.reports, names.dead_letters)


@contextmanager
def sending(node, queue):
    """A sender that goes on until the end, and sends again what was not confirmed."""
    stop, sent = threading.Event(), []

    def send():
        for number in count(1):
            if stop.is_set():
                return
            message = body(order(externalId=f"under-load-{number}"))
            while True:
                try:
                    node.send(queue, message)
                    break
                except AWAY:
                    stop.wait(0.1)
            sent.append(number)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def all_taken_once(node, queue, sent):
    wait_for(lambda: order_count() >= len(sent), what="orders are missing", seconds=60)
    assert order_count() == len(sent)
    wait_for(lambda: node.count(queue)[0] == 0, what="the queue is not drained")


def some_more(sent):
    before = len(sent)
    wait_for(lambda: len(sent) >= before + 5, what="the sender does not go on")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "crashed"])
def test_the_broker_restarts_under_load(rabbit_node, queues, number):
    with listening(), sending(rabbit_node, queues.orders) as sent:
        some_more(sent)
        rabbit_node.stop(number)
        wait_for(lambda: state() == "waiting", what="the loss is not shown")
        rabbit_node.start()
        some_more(sent)
        wait_for(is_listening, what="the listener does not listen again")
        some_more(sent)
    with listening():
        all_taken_once(rabbit_node, queues.orders, sent)


def test_every_connection_is_closed_from_outside_again_and_again(rabbit_node, queues):
    with listening():
        with sending(rabbit_node, queues.orders) as sent:
            for _ in range(3):
                some_more(sent)
                rabbit_node.control("close_all_connections", "a test")
        all_taken_once(rabbit_node, queues.orders, sent)


def test_a_queue_that_is_deleted_is_declared_and_consumed_again(rabbit_node, queues):
    with listening():
        for number in range(1, 3):
            rabbit_node.send(queues.orders, body(order(externalId=f"{number}")))
            wait_for_orders(number)
            rabbit_node.delete(queues.orders)
            wait_for(partial(rabbit_node.has, queues.orders), what="it is not declared again")
        rabbit_node.send(queues.orders, body(order(externalId="last")))
        wait_for_orders(3)


def test_a_listener_that_starts_before_the_broker_begins_when_it_is_there(rabbit_node, queues):
    rabbit_node.send(queues.orders, body(order()))
    rabbit_node.stop()
    try:
        with listening():
            wait_for(lambda: state() == "waiting", what="it is not shown that it waits")
            rabbit_node.start()
            wait_for_orders(1)
    finally:
        rabbit_node.wait()


def test_a_listener_that_is_killed_leaves_nothing_behind(rabbit_node, queues, home):
    names = [f"killed-{n}" for n in range(EACH)]
    rabbit_node.send(queues.orders, *(body(order(externalId=each)) for each in names))
    for place in (1, EACH // 3):
        with process(home):
            wait_for(lambda least=place: order_count() >= least, what="it takes nothing")
    with listening():
        all_taken_once(rabbit_node, queues.orders, names)


@contextmanager
def process(home):
    """A listener in a process of its own, killed at the end."""
    command = [sys.executable, "-m", "ordercast", "serve", "listener"]
    with (home / "listener.log").open("ab") as log:
        begun = subprocess.Popen(command, env=dict(os.environ), stdout=log, stderr=log)
    try:
        yield
    finally:
        begun.kill()
        begun.wait(30)


def test_while_the_database_is_away_messages_wait_in_the_queue(
    rabbit_node, queues, cluster, monkeypatch
):
    with cluster.temporary() as url:
        monkeypatch.setenv("ORDERCAST_DATABASE__POOL_TIMEOUT_SECONDS", "1")
        on(monkeypatch, url)
        upgrade(database())
        cluster.be_durable()
        with listening():
            with sending(rabbit_node, queues.orders) as sent:
                some_more(sent)
                cluster.stop(signal.SIGQUIT)
                try:
                    some_more(sent)
                    wait_for(
                        lambda: rabbit_node.count(queues.orders)[1] == 0,
                        what="it goes on consuming",
                    )
                finally:
                    cluster.start()
                some_more(sent)
            all_taken_once(rabbit_node, queues.orders, sent)
        assert not rabbit_node.has(queues.dead_letters) or not rabbit_node.take(queues.dead_letters)
        assert {each.outcome for each in messages()} <= {"accepted", "duplicate"}
