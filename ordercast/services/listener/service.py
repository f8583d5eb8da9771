"""The listener service: takes orders and completion reports from the message middleware."""

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from config.addresses import without_password
from config.settings import BrokerSettings, settings
from ordercast.services.listener.choosing import open_middleware
from ordercast.services.listener.deliveries import Lost
from ordercast.services.listener.queues import queues
from ordercast.services.listener.session import PASSING, Session
from ordercast.store.listeners import ListenerState, forget, show

log = logging.getLogger("ordercast.listener")

STEADY_SECONDS = 60


def run(stop: threading.Event) -> None:
    """Listen until `stop` is set. Any number of listeners may run at once."""
    asyncio.run(_run(stop))


async def _run(stop: threading.Event) -> None:
    stopping = asyncio.Event()
    listening = asyncio.create_task(Listener(settings().broker).run(stopping))
    while not listening.done() and not stop.is_set():
        await asyncio.wait([listening], timeout=0.1)
    stopping.set()
    await listening


class Listener:
    """One session after the other; between two a pause that grows until one was steady."""

    def __init__(self, chosen: BrokerSettings) -> None:
        self._chosen, self._queues = chosen, queues(chosen)
        self._name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._broker = without_password(chosen.url.get_secret_value())
        self._threads = ThreadPoolExecutor(chosen.prefetch, thread_name_prefix="listener")
        self._faults = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until told to stop."""
        try:
            while not stop.is_set():
                reason = await self._session(stop)
                if not stop.is_set():
                    await self._rest(stop, reason)
        finally:
            await self._note(lambda: forget(self._name))
            self._threads.shutdown(wait=True)

    async def _session(self, stop: asyncio.Event) -> str:
        """Run a session to its end; why it ended."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        middleware = open_middleware(self._chosen, self._queues)
        session = Session(
            middleware,
            self._threads,
            self._chosen,
            is_alive=lambda: self._show(ListenerState.LISTENING),
        )
        try:
            await loop.run_in_executor(self._threads, self._show_waiting)
            await session.run(stop)
        except Exception as fault:
            if not isinstance(fault, (Lost, TimeoutError, *PASSING, *middleware.faults)):
                log.exception("a session ended in a way that was not foreseen")
            steady = loop.time() - began > STEADY_SECONDS
            self._faults = 1 if steady else self._faults + 1
            return f"{type(fault).__name__}: {fault}"
        return ""

    async def _rest(self, stop: asyncio.Event, reason: str) -> None:
        shortest, longest = self._chosen.reconnect_seconds, self._chosen.reconnect_max_seconds
        pause = min(shortest * 2 ** min(self._faults - 1, 20), longest)
        log.warning("%s: %s; again in %.1f s", self._broker, reason, pause)
        await self._note(lambda: self._show(ListenerState.WAITING, reason))
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            return

    async def _note(self, work: Callable[[], None]) -> None:
        """Show how it stands, if the database is there for it."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except PASSING as fault:
            log.warning("the database is away too: %s", type(fault).__name__)

    def _show_waiting(self) -> None:
        """Before a session: the database must take what it brings."""
        self._show(ListenerState.CONNECTING)

    def _show(self, state: ListenerState, reason: str = "") -> None:
        show(self._name, broker=self._broker, state=state, reason=reason)
