"""The deliver loop: leases pushes that are due, sends them side by side, records each attempt.

A slow receiver holds one slot, never the loop: free slots are filled as soon as there are
any, no subscriber takes more than its share of them, and one that did not answer is given a
single slot until it does. After a crash the leases run out, and what was not recorded is
sent once more with the same id and body.
"""

import asyncio
import logging
import os
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from config.settings import RelaySettings, settings
from ordercast.contracts.subscriber import Acknowledgement, Form, ScheduleName
from ordercast.delivery.answers import Answer
from ordercast.delivery.channels import Channel, Push
from ordercast.delivery.classifying import classify
from ordercast.delivery.cloud_events import MEDIA_TYPE, body_of
from ordercast.delivery.next_steps import History, next_step
from ordercast.delivery.opening import open_channels
from ordercast.delivery.schedules import parse_retry_after
from ordercast.delivery.signing import signed_headers
from ordercast.delivery.tmf_events import MEDIA_TYPE as TMF_TYPE
from ordercast.delivery.tmf_events import listener_url, tmf_event
from ordercast.delivery.verdicts import Reason
from ordercast.domain.errors import ConfigurationError
from ordercast.store import push_leases
from ordercast.store.clock import now
from ordercast.store.engine import Database, database
from ordercast.store.push_leases import LeasedDelivery, Tried
from ordercast.store.subscribers import secret_of, url_of
from ordercast.store.tables import PushAttempt

log = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 5
STOP_LOOK_SECONDS = 0.5
SILENT = frozenset({Reason.TIMEOUT, Reason.UNREACHABLE, Reason.DROPPED, Reason.NAME_UNKNOWN})

Result = TypeVar("Result")
Outcome = tuple[LeasedDelivery, Tried]


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
        self._database, self._channel = database, channel
        self._relay, self._base_url = relay, base_url
        self._holder = holder or f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="deliver-db")
        self._sending: dict[UUID, tuple[str, asyncio.Task[None]]] = {}
        self._silent: set[str] = set()
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._wake = asyncio.Event()

    def nudge(self) -> None:
        """Look at once whether something is due; to be called in the loop's own thread."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop; then what is in flight gets 5 s to be answered."""
        recorder = asyncio.create_task(self._record_forever())
        try:
            while not stop.is_set():
                self._wake.clear()
                if not await self._start_what_is_due():
                    await self._rest()
            await self._finish()
        finally:
            recorder.cancel()
            self._threads.shutdown(wait=True)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), self._relay.poll_seconds)
        except TimeoutError:
            return

    async def _start_what_is_due(self) -> int:
        try:
            leased = await self._lease()
        except Exception:
            log.exception("cannot lease pushes; trying again")
            return 0
        for each in leased:
            if each.delivery.id not in self._sending:
                task = asyncio.create_task(self._send(each))
                self._sending[each.delivery.id] = (each.subscriber.id, task)
        return len(leased)

    async def _lease(self) -> Sequence[LeasedDelivery]:
        free = self._relay.deliver_concurrency - len(self._sending)
        if free <= 0:
            return []
        shares = self._shares(await self._in_thread(self._read_due))
        if not any(share > 0 for share in shares.values()):
            return []
        return await self._in_thread(lambda: self._write_lease(free, shares))

    def _read_due(self) -> Sequence[str]:
        with self._database.read() as session:
            return push_leases.due_subscribers(session, now=now())

    def _shares(self, due: Sequence[str]) -> dict[str, int]:
        """The slots that each subscriber may take now, in an order that favours nobody."""
        taken = Counter(subscriber_id for subscriber_id, _ in self._sending.values())
        most = max(1, self._relay.deliver_concurrency // 4)
        fair = random.sample(due, len(due))
        return {each: (1 if each in self._silent else most) - taken[each] for each in fair}

    def _write_lease(self, free: int, shares: Mapping[str, int]) -> Sequence[LeasedDelivery]:
        """Leases last longer than any attempt, whatever the settings say."""
        relay = self._relay
        with self._database.write() as session:
            return push_leases.lease_due(
                session,
                now=now(),
                limit=free,
                lease_seconds=max(relay.lease_seconds, 2 * relay.deliver_timeout_seconds),
                holder=self._holder,
                shares=shares,
            )

    async def _send(self, leased: LeasedDelivery) -> None:
        began = now()
        try:
            tried = _tried(leased, await self._answer(leased), began)
        except Exception:
            log.exception("cannot judge push %s; its lease runs out", leased.delivery.id)
            del self._sending[leased.delivery.id]
            return
        self._note_silence(leased.subscriber.id, Reason(tried.attempt.reason))
        self._outcomes.put_nowait((leased, tried))

    async def _answer(self, leased: LeasedDelivery) -> Answer:
        try:
            return await self._channel.send(_push(leased, base_url=self._base_url))
        except asyncio.CancelledError:
            return Answer(0, body="the relay stopped", fault=Reason.STOPPED)
        except ConfigurationError as error:
            return Answer(0, body=str(error), fault=Reason.NO_KEY)
        except Exception as error:
            log.exception("cannot send push %s", leased.delivery.id)
            return Answer(0, body=type(error).__name__, fault=Reason.INTERNAL)

    def _note_silence(self, subscriber_id: str, reason: Reason) -> None:
        if reason in SILENT:
            self._silent.add(subscriber_id)
        else:
            self._silent.discard(subscriber_id)

    async def _record_forever(self) -> None:
        """Record what has come in meanwhile in one transaction, again and again."""
        while True:
            outcomes = [await self._outcomes.get()]
            while not self._outcomes.empty():
                outcomes.append(self._outcomes.get_nowait())
            await self._record_surely(outcomes)
            for leased, _ in outcomes:
                del self._sending[leased.delivery.id]
                self._outcomes.task_done()
            self._wake.set()

    async def _record_surely(self, outcomes: Sequence[Outcome]) -> None:
        """Record, and try again while the leases last; after that it is sent once more."""
        last_chance = now() + timedelta(seconds=self._relay.lease_seconds)
        while True:
            try:
                return await self._in_thread(lambda: self._record(outcomes))
            except Exception:
                log.exception("cannot record %d attempts", len(outcomes))
                if now() > last_chance:
                    return None
                await asyncio.sleep(self._relay.poll_seconds)

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        with self._database.write() as session:
            for leased, tried in sorted(outcomes, key=lambda each: each[0].delivery.order_no):
                if not push_leases.record_attempt(session, leased, tried):
                    log.warning("push %s is no longer ours to record", leased.delivery.id)

    async def _finish(self) -> None:
        tasks = [task for _, task in self._sending.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._outcomes.join()

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _push(leased: LeasedDelivery, *, base_url: str) -> Push:
    event, subscriber = leased.event, leased.subscriber
    url, media_type, body = url_of(subscriber), MEDIA_TYPE, body_of(event, base_url=base_url)
    if subscriber.form == Form.TMF641:
        url, media_type, body = (
            listener_url(url, event.type),
            TMF_TYPE,
            tmf_event(event, base_url=base_url),
        )
    signature: dict[str, str] = {}
    if leased.reply_to is None:  # who waits at our own broker knows that it is us
        secret = secret_of(subscriber)
        signature = signed_headers([secret], message_id=str(event.id), body=body, at=now())
    return Push(
        url,
        str(event.id),
        event.type,
        media_type,
        body,
        signature,
        leased.reply_to,
        order_no=event.order_no,
        time=event.occurred_at.isoformat(),
        devices=leased.devices,
    )


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
    helpers = ThreadPoolExecutor(relay.deliver_concurrency + 1, thread_name_prefix="deliver")
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
