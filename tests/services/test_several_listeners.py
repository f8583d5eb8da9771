"""Several listeners at one broker: each message is taken once, and what a killed one had goes to
another, without a second effect."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlmodel import select, text

from ordercast.services.listener import jetstream
from ordercast.store.engine import database
from ordercast.store.tables import ListenerBeat
from tests.orders import body, order
from tests.services.listening import Queues, listening, messages, wait_for_orders
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("home")]

EACH = 120
PREFETCH = 8


@dataclass(frozen=True)
class Broker:
    """A broker; how many messages of a queue nobody has; whether two listeners both have some."""

    server: Any
    waiting: Callable[[str], int]
    both_have: Callable[[str], bool]


def of_rabbitmq(server):
    def waiting(queue):
        return server.count(queue)[0]

    return Broker(server, waiting, lambda queue: EACH - waiting(queue) > PREFETCH)


def of_nats(server):
    def consumer_of(subject):
        async def look(client):
            stream = client.jetstream()
            (found,) = await stream.consumers_info(
                await stream.find_stream_name_by_subject(subject)
            )
            return found

        return server.do(look)

    def both_have(subject):
        found = consumer_of(subject)
        return found.num_pending > 0 == found.num_waiting  # whoever asks for more is given it

    return Broker(server, lambda subject: consumer_of(subject).num_pending, both_have)


@pytest.fixture(params=["rabbitmq", "nats_server"])
def broker(request):
    server = request.getfixturevalue(request.param)
    return of_rabbitmq(server) if request.param == "rabbitmq" else of_nats(server)


@pytest.fixture
def queues(monkeypatch, broker):
    monkeypatch.setattr(jetstream, "ACK_WAIT_SECONDS", 2)  # of the consumer, which all share
    names = Queues(monkeypatch, broker.server.url)
    names.set("PREFETCH", str(PREFETCH))
    return names


def listen_too(stack, number):
    """One listener more; there are so many then."""
    stack.enter_context(listening())
    wait_for(lambda: listener_count() == number, what=f"not {number} listeners")


def listener_count():
    with database().read() as session:
        return len(
            session.exec(select(ListenerBeat).where(ListenerBeat.state == "listening")).all()
        )


@contextmanager
def process(home):
    """A listener in a process of its own, killed at the end if it has not been before."""
    command = [sys.executable, "-m", "ordercast", "serve", "listener"]
    with (home / "listener.log").open("ab") as log:
        begun = subprocess.Popen(command, env=dict(os.environ), stdout=log, stderr=log)
    try:
        yield begun
    finally:
        begun.kill()
        begun.wait(30)


def test_of_several_listeners_one_takes_a_message_and_all_take_some(broker, queues):
    agents = [f"agent-{n}" for n in range(3)]
    with ExitStack() as stack:
        for number, agent in enumerate(agents, start=1):
            queues.set("ORDERS_QUEUES", f"{queues.orders}={agent}")  # tells who has taken it
            listen_too(stack, number)
        broker.server.send(queues.orders, *(body(order()) for _ in range(EACH)))
        wait_for_orders(EACH)
    assert {each.outcome for each in messages()} == {"accepted"}
    assert set(Counter(each.agent for each in messages())) == set(agents)
    assert broker.waiting(queues.orders) == 0


def test_what_a_killed_listener_had_not_acknowledged_goes_to_another(broker, queues, home):
    names = {f"killed-{n}" for n in range(EACH)}
    with ExitStack() as stack:
        listen_too(stack, 1)
        killed = stack.enter_context(process(home))
        wait_for(lambda: listener_count() == 2, what="the second one does not listen")
        with database().write() as while_nothing_can_be_stored:
            while_nothing_can_be_stored.execute(text("SELECT 1"))
            broker.server.send(queues.orders, *(body(order(externalId=each)) for each in names))
            wait_for(lambda: broker.both_have(queues.orders), what="one alone has all")
            killed.kill()
            killed.wait(30)
        wait_for_orders(EACH)
    assert {each.external_id for each in messages()} == names
    assert {each.outcome for each in messages()} <= {"accepted", "duplicate"}
    assert broker.waiting(queues.orders) == 0
