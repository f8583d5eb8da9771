"""The deliver loop: leases pushes that are due, sends them side by side, records each attempt.

Free slots are filled as soon as there are any; how they are shared out says `lanes`. After a
crash the leases run out, and what was not recorded is sent once more with the same id and body.
"""

import asyncio
import logging
import os
import random
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from config.settings import RelaySettings, settings
from ordercast.contracts.subscriber import Acknowledgement, ScheduleName
from ordercast.delivery.answers import Answer
from ordercast.delivery.channels import Channel
from ordercast.delivery.classifying import classify
from ordercast.delivery.composing import Composer
from ordercast.delivery.next_steps import History, next_step
from ordercast.delivery.opening import open_channels
from ordercast.delivery.schedules import parse_retry_after
from ordercast.delivery.verdicts import Reason
from ordercast.domain.errors import ConfigurationError, PushNotMade
from ordercast.services.relay.deliver_ledger import DeliverLedger
from ordercast.services.relay.lanes import Lanes, Room
from ordercast.store.clock import now
from ordercast.store.engine import DATABASE_AWAY, Database, database
from ordercast.store.push_leases import LeasedDelivery
from ordercast.store.push_recording import Outcome, Tried
from ordercast.store.push_tables import PushAttempt

log = logging.getLogger(__name__)
Result = TypeVar("Result")

STOP_GRACE_SECONDS = 5
STOP_LOOK_SECONDS = 0.5
SILENT = frozenset({Reason.TIMEOUT, Reason.UNREACHABLE, Reason.DROPPED, Reason.NAME_UNKNOWN})
FULL = Room(0, {}, {}, frozenset())
"""No room for more: what is there is recorded, nothing is leased."""


class DeliverLoop:
    """Sends what is due, until it is told to stop; one for each event loop."""

    def __init__(
        self,
        database: Database,
        channel: Channel,
        *,
        relay: RelaySettings,
        base_url: str,
        holder: str | None = None,
    ) -> None:
        holder = holder or f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._ledger = DeliverLedger(database, relay, holder)
        self._channel, self._relay = channel, relay
        self._composer = Composer(base_url=base_url)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deliver-db")
        self._lanes = Lanes(relay.deliver_concurrency, most=relay.deliver_most)
        self._sending: dict[UUID, asyncio.Task[None]] = {}
        self._outcomes: list[Outcome] = []
        self._waits = False
        self._wake = asyncio.Event()

    def nudge(self) -> None:
        """Look at once whether something is due; to be called in the loop's own thread."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop; then what is in flight gets 5 s to be answered."""
        try:
            while not stop.is_set():
                self._wake.clear()
                if not await self._turn(self._lanes.room()):
                    await self._rest()
            await self._finish()
        finally:
            self._thread.shutdown(wait=True)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), self._relay.poll_seconds)
        except TimeoutError:
            return

    async def _turn(self, room: Room) -> bool:
        """One turn at the ledger; whether there may be more to do at once."""
        outcomes, self._outcomes = self._outcomes, []
        if not outcomes and room.free <= 0:
            return False
        try:
            leased = await self._in_thread(self._ledger.turn, outcomes, room)
        except DATABASE_AWAY as fault:
            await self._wait(outcomes, fault)
            return False
        except Exception:
            log.exception("a turn at the ledger failed, with %d attempts", len(outcomes))
            await self._record(outcomes)
            return False
        if self._waits:
            log.info("the deliver loop goes on")
        self._waits = False
        for each in leased:
            self._start(each)
        return bool(leased)

    async def _record(self, outcomes: list[Outcome]) -> None:
        """Record what a turn could not: one of the outcomes may be what is wrong."""
        try:
            await self._in_thread(self._ledger.record, outcomes)
        except DATABASE_AWAY as fault:
            await self._wait(outcomes, fault)

    async def _wait(self, outcomes: list[Outcome], fault: Exception) -> None:
        """While the database is away, which is told once, outcomes wait."""
        if not self._waits:
            log.warning("the deliver loop waits: %s", type(fault).__name__)
        self._waits = True
        self._outcomes = [*filter(_is_still_leased, outcomes), *self._outcomes]
        await asyncio.sleep(self._relay.poll_seconds)

    def _start(self, leased: LeasedDelivery) -> None:
        key = leased.delivery.id
        self._lanes.begin(key, leased.subscriber.id)
        self._sending[key] = asyncio.create_task(self._send(leased))

    async def _send(self, leased: LeasedDelivery) -> None:
        began, heard = now(), False
        try:
            tried = _tried(leased, await self._answer(leased), began)
            heard = Reason(tried.attempt.reason) not in SILENT
            self._outcomes.append((leased, tried))
        except Exception:
            log.exception("cannot judge push %s; its lease runs out", leased.delivery.id)
        finally:
            del self._sending[leased.delivery.id]
            self._lanes.end(leased.delivery.id, heard=heard)
            self._wake.set()

    async def _answer(self, leased: LeasedDelivery) -> Answer:
        try:
            return await self._channel.send(self._composer.push(leased))
        except asyncio.CancelledError:
            return Answer(0, body="the relay stopped", fault=Reason.STOPPED)
        except ConfigurationError as error:
            return Answer(0, body=str(error), fault=Reason.NO_KEY)
        except PushNotMade as error:
            return Answer(0, body=str(error), fault=Reason.TEMPLATE)
        except Exception as error:
            log.exception("cannot send push %s", leased.delivery.id)
            return Answer(0, body=type(error).__name__, fault=Reason.INTERNAL)

    async def _finish(self) -> None:
        tasks = list(self._sending.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        while self._outcomes:
            await self._turn(FULL)

    async def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def _is_still_leased(outcome: Outcome) -> bool:
    """Later it is sent once more, by whoever leases it then."""
    until = outcome[0].delivery.leased_until
    return until is not None and now() < until


def _tried(leased: LeasedDelivery, answer: Answer, began: datetime) -> Tried:
    delivery, subscriber = leased.delivery, leased.subscriber
    moment = now()
    reason = classify(answer, Acknowledgement(subscriber.acknowledgement))
    step = next_step(
        reason,
        History(ScheduleName(subscriber.schedule), delivery.attempts, delivery.tries),
        now=moment,
        jitter=random.uniform(-1, 1),  # noqa: S311 - no secret hangs on it
        retry_after=parse_retry_after(answer.retry_after, now=moment),
    )
    attempt = PushAttempt(
        delivery_id=delivery.id,
        number=delivery.attempts + 1,
        started_at=began,
        duration_ms=answer.duration_ms,
        status=answer.status,
        verdict=reason.verdict.value,
        reason=reason.value,
        answer=answer.kept,
    )
    return Tried(attempt, step.state, step.due_at, step.charged)


def deliver_forever(stop: threading.Event, nudge: threading.Event | None = None) -> None:
    """Run the deliver loop in this thread, with an event loop of its own, until told to stop.

    `nudge` says that something may be due; the loop clears it, so it must be its own.
    """
    asyncio.run(_deliver(stop, nudge or threading.Event()))


async def _deliver(stop: threading.Event, nudge: threading.Event) -> None:
    relay = settings().relay
    helpers = ThreadPoolExecutor(relay.deliver_most + 1, thread_name_prefix="deliver")
    asyncio.get_running_loop().set_default_executor(helpers)  # for DNS, and to hear nudges
    channels = open_channels(relay, settings().broker)
    try:
        loop = DeliverLoop(database(), channels, relay=relay, base_url=settings().gateway_url)
        await _until_stopped(loop, stop, nudge)
    finally:
        await channels.close()


async def _until_stopped(loop: DeliverLoop, stop: threading.Event, nudge: threading.Event) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(loop.run(stopping))
    while not running.done() and not stop.is_set():
        if await asyncio.to_thread(nudge.wait, STOP_LOOK_SECONDS):
            nudge.clear()
            loop.nudge()
    stopping.set()
    loop.nudge()
    await running
