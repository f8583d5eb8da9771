"""A listener in a thread of the test, and what came of the messages that it took."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from sqlmodel import func, select

from config.settings import settings
from ordercast.services.listener.service import run
from ordercast.store import inbox
from ordercast.store.engine import database
from ordercast.store.inbox import MessageOutcome
from ordercast.store.tables import InboxMessage, ListenerBeat, ServiceOrder
from tests.conftest import forget
from tests.waiting import wait_for

NUMBERS = count(1)
PATIENCE_SECONDS = 60


class Queues:
    """Names that no other test uses, and the settings that say them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        number = next(NUMBERS)
        self.orders, self.reports = f"orders-{number}", f"reports-{number}"
        self.dead_letters, self.answers = f"dead-letters-{number}", f"answers-{number}"
        self._monkeypatch = monkeypatch
        self.set("URL", url)
        self.set("ORDERS_QUEUES", self.orders)
        self.set("REPORTS_QUEUES", self.reports)
        self.set("DEAD_LETTERS", self.dead_letters)
        self.set("LOOK_SECONDS", "0.3")
        self.set("RECONNECT_SECONDS", "0.2")
        self.set("RECONNECT_MAX_SECONDS", "1")

    def set(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(f"ORDERCAST_BROKER__{name}", value)
        settings.cache_clear()


@contextmanager
def listening() -> Iterator[None]:
    """A listener, stopped in order at the end."""
    stop, failed = threading.Event(), []

    def serve() -> None:
        try:
            run(stop)
        except BaseException as fault:
            failed.append(fault)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
        assert not failed


def is_listening() -> bool:
    return state() == "listening"


def state() -> str | None:
    """How the listener stands with its broker, as it shows it."""
    with database().read() as session:
        row = session.exec(select(ListenerBeat)).first()
    return row.state if row else None


def order_count() -> int:
    with database().read() as session:
        return session.exec(select(func.count()).select_from(ServiceOrder)).one()


def wait_for_orders(number: int) -> None:
    """Wait until there are so many orders; there must not be more."""
    wait_for(lambda: order_count() >= number, what=f"no {number} orders", seconds=PATIENCE_SECONDS)
    assert order_count() == number


def messages(outcome: MessageOutcome | None = None) -> list[InboxMessage]:
    with database().read() as session:
        return list(inbox.messages(session, outcome=outcome, limit=1000))


def the_only_order() -> ServiceOrder:
    with database().read() as session:
        return session.exec(select(ServiceOrder)).one()


def on(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """Let the test and its listener use another database."""
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", database_url)
    forget()
