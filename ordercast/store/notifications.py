"""Nudges between machines: NOTIFY and LISTEN of PostgreSQL."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from ordercast.store.engine import Database
from ordercast.store.topics import Topic

log = logging.getLogger("ordercast.store")

PREFIX = "ordercast_"
RECONNECT_SECONDS = 1
LOOK_SECONDS = 5


def notify(connection: Connection, topics: Iterable[str]) -> None:
    """Notify the listeners of topics on all machines when the transaction commits."""
    connection.execute(select(*(func.pg_notify(f"{PREFIX}{topic}", "") for topic in topics)))


def notify_now(database: Database, topics: Iterable[str]) -> None:
    """Notify at once; while the database is away, only the listeners of this process."""
    try:
        with database.engine.begin() as connection:
            notify(connection, topics)
    except SQLAlchemyError:
        ear_of(database).tell(topics)


class NotificationListener:
    """Hears the notifications of a topic, from whichever machine they come."""

    def __init__(self, database: Database, topic: str) -> None:
        self.topic, self.heard = topic, threading.Event()
        self._ear = ear_of(database)
        self._ear.add(self)

    def wait(self, seconds: float) -> bool:
        """Wait for a notification, at most so long; whether there was one.

        There may have been one while the database was away: it counts once it is back.
        """
        if not self.heard.wait(max(seconds, 0)):
            return False
        self.heard.clear()
        return True

    def close(self) -> None:
        """Hear nothing more."""
        self._ear.remove(self)


class Ear:
    """The one connection by which a process hears, as long as it has listeners."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._listeners: list[NotificationListener] = []
        self._closing = threading.Event()

    def add(self, listener: NotificationListener) -> None:
        with self._guard:
            self._listeners.append(listener)
            if len(self._listeners) == 1:
                self._closing = threading.Event()
                threading.Thread(
                    target=self._hear, args=[self._closing], name="nudge-ear", daemon=True
                ).start()

    def remove(self, listener: NotificationListener) -> None:
        with self._guard:
            self._listeners.remove(listener)
            if not self._listeners:
                self._closing.set()

    def tell(self, topics: Iterable[str] | None) -> None:
        """Tell the listeners of these topics; None: all of them."""
        with self._guard:
            for each in self._listeners:
                if topics is None or each.topic in topics:
                    each.heard.set()

    def _hear(self, closing: threading.Event) -> None:
        """Listen, and after every loss of the connection listen again."""
        while not closing.is_set():
            try:
                with _listening(self._database) as connection:
                    self._pass_on(connection, closing)
            except (psycopg.Error, SQLAlchemyError) as fault:
                log.debug("no nudges while the database is away: %s", type(fault).__name__)
                closing.wait(RECONNECT_SECONDS)

    def _pass_on(self, connection: psycopg.Connection, closing: threading.Event) -> None:
        self.tell(None)  # nobody knows what was missed before
        while not closing.is_set():
            for each in connection.notifies(timeout=LOOK_SECONDS):
                self.tell([each.channel.removeprefix(PREFIX)])


@contextmanager
def _listening(database: Database) -> Iterator[psycopg.Connection]:
    """A connection of its own, outside the pool and its transactions, that listens."""
    with database.engine.connect() as pooled:
        connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        for topic in Topic:
            connection.exec_driver_sql(f"LISTEN {PREFIX}{topic}")
        listening = connection.connection.dbapi_connection
        assert isinstance(listening, psycopg.Connection)
        yield listening


@cache
def ear_of(database: Database) -> Ear:
    """The ear of this process for a database."""
    return Ear(database)
