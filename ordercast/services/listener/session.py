"""A session: one connection to the broker, from its opening until something is lost.

There is one way to recover from anything: the session ends, all that was not acknowledged is
delivered again, and the next session begins from nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from config.settings import BrokerSettings
from ordercast.domain.errors import ConfigurationError
from ordercast.services.listener import letters
from ordercast.services.listener.deliveries import Delivery, Lost, Middleware, NobodyThere
from ordercast.services.listener.storing import Stored, store, unstorable
from ordercast.store.engine import DATABASE_AWAY

log = logging.getLogger("ordercast.listener")

OPEN_SECONDS = 30
FINISH_SECONDS = 60
CLOSE_SECONDS = 15
IDLE_LOOKS = 3
"""So many looks in a row find messages waiting and none coming: the consumers are lost."""

PASSING = (*DATABASE_AWAY, ConfigurationError)
"""What does not lie in the message: the database is away, or a sealing key is missing."""

Result = TypeVar("Result")


class Session:
    """Takes what one connection hands over: stores, answers, acknowledges, in that order."""

    def __init__(
        self,
        middleware: Middleware,
        threads: ThreadPoolExecutor,
        chosen: BrokerSettings,
        *,
        is_alive: Callable[[], None],
    ) -> None:
        self._middleware, self._threads, self._chosen = middleware, threads, chosen
        self._is_alive = is_alive
        self._working: set[asyncio.Task[None]] = set()
        self._taken = 0
        self._ending = False

    async def run(self, stop: asyncio.Event) -> None:
        """Take messages until told to stop; Lost, or what the broker raises, when it ends."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._middleware.open(self.take)
            await self._in_thread(self._is_alive)
            await self._watch(stop)
        finally:
            await self._end()

    async def _watch(self, stop: asyncio.Event) -> None:
        idle_looks = 0
        stopping = asyncio.create_task(stop.wait())
        try:
            while not await self._rest(stopping):
                taken = self._taken
                async with asyncio.timeout(max(self._chosen.look_seconds, OPEN_SECONDS)):
                    waiting = await self._middleware.look()
                await self._in_thread(self._is_alive)
                is_idle = waiting and not self._working and taken == self._taken
                idle_looks = idle_looks + 1 if is_idle else 0
                if idle_looks >= IDLE_LOOKS:
                    raise Lost(f"{waiting} messages wait, and none comes")
        finally:
            stopping.cancel()

    async def _rest(self, stopping: "asyncio.Task[bool]") -> bool:
        """Until the next look; whether to stop. Lost as soon as the session is."""
        ends = (stopping, self._middleware.lost)
        await asyncio.wait(
            ends, timeout=self._chosen.look_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if self._middleware.lost.done():
            raise Lost(self._middleware.lost.result())
        return stopping.done()

    async def take(self, delivery: Delivery) -> None:
        """Take a delivery; on a fault it is left unacknowledged, and the session ends."""
        task = asyncio.current_task()
        assert task
        self._working.add(task)
        try:
            if self._ending:
                await self._give_back(delivery)
            else:
                await self._take(delivery)
        except Exception as fault:
            if not isinstance(fault, (Lost, TimeoutError, *PASSING, *self._middleware.faults)):
                log.exception("a message of %s was not taken", delivery.queue.name)
            self._lose(f"{type(fault).__name__}: {fault}")
            await self._give_back(delivery)
        finally:
            self._taken += 1
            self._working.discard(task)

    async def _give_back(self, delivery: Delivery) -> None:
        """Have a message delivered again at once, where the end of the connection does not."""
        if delivery.give_back:
            with suppress(Exception):
                async with asyncio.timeout(1):
                    await delivery.give_back()

    async def _take(self, delivery: Delivery) -> None:
        stored = await self._store(delivery)
        async with asyncio.timeout(self._chosen.send_timeout_seconds * 2):
            if stored.refusal:
                log.warning("%s: refused: %s", delivery.queue.name, stored.refusal)
                letter = letters.dead_letter(delivery, stored, to=self._chosen.dead_letters)
                await self._middleware.keep(letter)
            if delivery.reply_to:
                await self._answer(delivery, stored)
            await delivery.acknowledge()

    async def _store(self, delivery: Delivery) -> Stored:
        """Store a message; one that fails so often while the database answers is a dead letter."""
        if (delivery.times or 0) > self._chosen.max_deliveries:
            return unstorable(f"was delivered {delivery.times} times without being stored")
        for tries in range(1, self._chosen.tries + 1):
            try:
                return await self._in_thread(lambda: store(delivery))
            except Exception as fault:
                await self._in_thread(self._is_alive)  # raises if the message is not to blame
                if isinstance(fault, ConfigurationError):
                    raise
                log.exception("a message of %s: try %d", delivery.queue.name, tries)
                if tries == self._chosen.tries:
                    return unstorable(f"cannot be stored: {type(fault).__name__}")
                await asyncio.sleep(min(0.1 * 2**tries, 5))
        raise AssertionError("unreachable")

    async def _answer(self, delivery: Delivery, stored: Stored) -> None:
        """What is stored stays so, whether or not anybody waits for the answer."""
        try:
            await self._middleware.answer(letters.answer_to(delivery, stored))
        except NobodyThere:
            log.info("%s: nobody waits for the answer", delivery.queue.name)

    def _lose(self, reason: str) -> None:
        if not self._middleware.lost.done():
            self._middleware.lost.set_result(reason)

    async def _end(self) -> None:
        """End with what is being stored, then let the connection go.

        A connection that does not let go would keep what it was handed: the process ends.
        """
        self._ending = True
        if self._working:
            await asyncio.wait(set(self._working), timeout=FINISH_SECONDS)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._middleware.close()
        except TimeoutError:
            raise SystemExit("the connection to the broker does not let go") from None
        except Exception as fault:
            log.debug("the connection did not close in order: %r", fault)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
