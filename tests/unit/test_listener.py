"""The listener without a broker: its queues, keys, letters, and when a session is lost."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from config.addresses import without_password
from config.settings import BrokerSettings, Settings
from ordercast.domain.errors import ConfigurationError
from ordercast.services.listener.choosing import open_middleware
from ordercast.services.listener.deliveries import LONGEST_KEY, Delivery, Kind, Lost, Queue, key_of
from ordercast.services.listener.letters import LONGEST_HEADER, dead_letter
from ordercast.services.listener.queues import queues
from ordercast.services.listener.session import IDLE_LOOKS, Session
from ordercast.services.listener.storing import Stored
from ordercast.services.supervisor import children_of


def test_queues_are_named_by_comma_with_their_agents():
    chosen = BrokerSettings(orders_queues="a, b = agent-b", reports_queues="c")
    assert queues(chosen) == [
        Queue("a", Kind.ORDERS),
        Queue("b", Kind.ORDERS, "agent-b"),
        Queue("c", Kind.REPORTS),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"orders_queues": "a,a"},
        {"orders_queues": "a", "reports_queues": "a"},
        {"orders_queues": "a", "dead_letters": "a"},
        {"orders_queues": "", "reports_queues": ""},
        {"orders_queues": "a="},
        {"orders_queues": "=agent"},
    ],
)
def test_queues_that_make_no_sense_are_a_configuration_error(wrong):
    with pytest.raises(ConfigurationError, match="ORDERCAST_BROKER__ORDERS_QUEUES"):
        queues(BrokerSettings(**wrong))


@pytest.mark.parametrize("url", ["", "kafka://host", "redis://host", "http://host", "host:5672"])
def test_a_url_of_no_known_broker_is_a_configuration_error(url):
    with pytest.raises(ConfigurationError, match="ORDERCAST_BROKER__URL"):
        open_middleware(BrokerSettings(url=SecretStr(url)), [])


@given(st.text(min_size=1), st.text(min_size=1))
def test_keys_fit_and_tell_messages_apart(one, other):
    first, second = key_of("orders", one), key_of("orders", other)
    assert len(first) <= LONGEST_KEY and first.isprintable()
    assert (first == second) == (one == other)
    assert first != key_of("other-orders", one)


@given(
    st.text(st.characters(categories=["L", "N"]), min_size=1),
    st.text(st.characters(exclude_characters="@/?#:"), min_size=1, max_size=40),
)
def test_no_password_is_shown(user, password):
    shown = without_password(f"amqp://{user}:{password}@host:5672/vhost?exchange=e")
    assert shown == f"amqp://{user}:***@host:5672/vhost?exchange=e"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://host/vhost", "amqp://host/vhost"),
        ("nats://token@host:4222", "nats://***@host:4222"),
        ("redis://:secret@host/0", "redis://***@host/0"),
        ("amqp://user:p@ss/word@host/", "amqp://user:***@host/"),
        ("https://host/hook?to=a@b", "https://host/hook?to=a@b"),
    ],
)
def test_other_credentials_are_hidden_too(url, shown):
    assert without_password(url) == shown


def delivery(**more):
    async def acknowledge():
        return None

    return Delivery(Queue("orders", Kind.ORDERS), b"body", "text/plain", acknowledge, **more)


@given(st.text())
def test_what_a_dead_letter_says_is_one_line_of_ascii_that_fits(reason):
    letter = dead_letter(delivery(), Stored({"problems": [{"problem": reason}]}, reason), to="dead")
    for text in letter.headers.values():
        assert text.isascii() and len(text) <= LONGEST_HEADER and len(text.splitlines()) == 1


def test_a_dead_letter_that_is_resent_and_refused_again_carries_one_reason():
    first = dead_letter(delivery(headers={"trace": "t"}), Stored({}, "one"), to="dead")
    second = dead_letter(delivery(headers=dict(first.headers)), Stored({}, "two"), to="dead")
    assert second.headers == {
        "trace": "t",
        "x-ordercast-queue": "orders",
        "x-ordercast-reason": "two",
        "x-ordercast-problems": "[]",
    }


class Silent:
    """A broker whose messages wait, and which hands none over."""

    faults = ()

    def __init__(self, waiting):
        self.lost = asyncio.get_running_loop().create_future()
        self.waiting, self.looks, self.is_closed = waiting, 0, False

    async def open(self, take):
        self.take = take

    async def look(self):
        self.looks += 1
        return self.waiting

    async def close(self):
        self.is_closed = True


def watch(waiting, during=None):
    """Run a session until it ends, or for some looks; its broker, and why it ended."""

    async def run():
        broker, stop = Silent(waiting), asyncio.Event()
        with ThreadPoolExecutor(1) as threads:
            session = Session(
                broker, threads, BrokerSettings(look_seconds=0.01), is_alive=lambda: None
            )
            running = asyncio.create_task(session.run(stop))
            while not running.done() and broker.looks < 3 * IDLE_LOOKS:
                await asyncio.sleep(0.001)
                if during:
                    during(broker)
            stop.set()
            fault = (await asyncio.gather(running, return_exceptions=True))[0]
        return SimpleNamespace(broker=broker, fault=fault)

    return asyncio.run(run())


def test_messages_that_wait_while_none_comes_end_the_session():
    ended = watch(waiting=5)
    assert isinstance(ended.fault, Lost)
    assert ended.broker.looks == IDLE_LOOKS
    assert ended.broker.is_closed


def test_a_connection_that_does_not_let_go_ends_the_process(monkeypatch):
    async def hang(_):
        await asyncio.Event().wait()

    monkeypatch.setattr(Silent, "close", hang)
    monkeypatch.setattr("ordercast.services.listener.session.CLOSE_SECONDS", 0.01)
    with pytest.raises(SystemExit, match="does not let go"):
        watch(waiting=5)


@pytest.mark.parametrize(("url", "is_there"), [("", False), ("amqp://host/", True)])
def test_up_starts_a_listener_where_a_broker_is_set(url, is_there):
    children = children_of(Settings(broker=BrokerSettings(url=SecretStr(url))))
    assert ("listener" in [child.name for child in children]) is is_there


def test_an_empty_queue_ends_no_session():
    ended = watch(waiting=0)
    assert ended.fault is None
    assert ended.broker.is_closed


def test_a_connection_that_is_lost_ends_the_session_at_once():
    def lose(broker):
        if not broker.lost.done():
            broker.lost.set_result("cut")

    ended = watch(waiting=0, during=lose)
    assert isinstance(ended.fault, Lost) and "cut" in str(ended.fault)
