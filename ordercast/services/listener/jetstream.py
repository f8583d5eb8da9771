"""NATS JetStream, through FastStream."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import nats.errors
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsMessage
from nats.js import JetStreamContext
from nats.js.api import AckPolicy as ConsumerAckPolicy
from nats.js.api import ConsumerConfig, RetentionPolicy
from nats.js.errors import NotFoundError

from config.settings import BrokerSettings
from ordercast.services.listener.deliveries import (
    Delivery,
    Letter,
    Lost,
    NobodyThere,
    Queue,
    Take,
    as_text,
    key_of,
    whole,
)

log = logging.getLogger("ordercast.listener")

ACK_WAIT_SECONDS = 30
"""What a dead listener had is delivered again after it. A slow one's is taken for a duplicate:
every message of a stream has a number, and so a key."""

FETCH_SECONDS = 5
UNFIT = (nats.errors.BadSubjectError, nats.errors.BadHeaderError, nats.errors.MaxPayloadError)
DISPENSABLE = ("x-ordercast-problems", "x-ordercast-reason")


class JetStream:
    """A connection with a durable pull consumer for each queue, which is a subject."""

    faults = (nats.errors.Error, OSError, asyncio.TimeoutError)

    def __init__(self, chosen: BrokerSettings, queues: list[Queue]) -> None:
        self._chosen, self._queues = chosen, queues
        self._streams: dict[str, str] = {}
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._broker = NatsBroker(
            chosen.url.get_secret_value(),
            name="ordercast-listener",
            allow_reconnect=False,  # as everywhere: what is lost ends the session
            disconnected_cb=self._note_loss,
            closed_cb=self._note_loss,
            ack_policy=AckPolicy.MANUAL,
            apply_types=False,
            decoder=whole,
            graceful_timeout=0.0,
            logger=log,
            log_level=logging.DEBUG,
        )

    async def open(self, take: Take) -> None:
        await self._broker.connect()
        for queue in self._queues:
            self._streams[queue.name] = await self._make(queue.name, RetentionPolicy.WORK_QUEUE)
            self._subscribe(queue, take)
        dead = self._chosen.dead_letters
        self._streams[dead] = await self._make(dead, RetentionPolicy.LIMITS)
        await self._broker.start()

    async def _make(self, subject: str, retention: RetentionPolicy) -> str:
        """The stream that keeps a subject; one is made only where there is none."""
        try:
            return await self._jetstream.find_stream_name_by_subject(subject)
        except NotFoundError:
            name = _slug(subject)
            await self._jetstream.add_stream(name=name, subjects=[subject], retention=retention)
            return name

    def _subscribe(self, queue: Queue, take: Take) -> None:
        async def hand_over(message: NatsMessage) -> None:
            await take(_delivery(queue, message))

        subscriber = self._broker.subscriber(
            queue.name,
            stream=JStream(self._streams[queue.name], declare=False),
            durable=_slug(f"ordercast-{queue.kind}-{queue.name}"),
            config=ConsumerConfig(
                ack_policy=ConsumerAckPolicy.EXPLICIT, ack_wait=ACK_WAIT_SECONDS, max_deliver=-1
            ),
            pull_sub=PullSub(batch_size=self._chosen.prefetch, timeout=FETCH_SECONDS),
            no_reply=True,
        )
        subscriber(hand_over)

    @property
    def _jetstream(self) -> JetStreamContext:
        return self._broker.connection.jetstream(timeout=self._chosen.send_timeout_seconds)

    async def look(self) -> int:
        return sum([await self._pending(queue) for queue in self._queues])

    async def _pending(self, queue: Queue) -> int:
        durable = _slug(f"ordercast-{queue.kind}-{queue.name}")
        try:
            found = await self._jetstream.consumer_info(self._streams[queue.name], durable)
        except NotFoundError:
            raise Lost(f"the consumer or stream of {queue.name} is gone") from None
        return found.num_pending or 0

    async def keep(self, letter: Letter) -> None:
        try:
            await self._publish(letter, stream=self._streams[letter.to])
        except nats.errors.MaxPayloadError:  # with what we say of it, it is too large
            kept = {name: v for name, v in letter.headers.items() if name not in DISPENSABLE}
            await self._publish(replace(letter, headers=kept), stream=self._streams[letter.to])

    async def answer(self, letter: Letter) -> None:
        try:
            await self._publish(letter)
            await self._broker.connection.flush(round(self._chosen.send_timeout_seconds) or 1)
        except UNFIT as fault:
            raise NobodyThere(f"{letter.to}: {type(fault).__name__}") from None

    async def _publish(self, letter: Letter, *, stream: str | None = None) -> None:
        headers = {**letter.headers, "content-type": letter.media_type}
        if letter.message_id:
            headers["message_id"] = letter.message_id
        more: dict[str, Any] = {"stream": stream} if stream else {}
        await self._broker.publish(
            letter.body,
            letter.to,
            headers=headers,
            correlation_id=letter.correlation_id,
            timeout=self._chosen.send_timeout_seconds,
            **more,
        )

    async def close(self) -> None:
        for subscriber in self._broker.subscribers:
            subscriber.running = False  # else its loop goes on over a closed connection
        await self._broker.stop()

    async def _note_loss(self) -> None:
        if not self.lost.done():
            self.lost.set_result("the connection was closed")


def _slug(name: str) -> str:
    """A name for a stream or a consumer, which may hold no dots, blanks or wildcards."""
    return "".join(each if each.isalnum() or each in "-_" else "-" for each in name)


def _delivery(queue: Queue, message: NatsMessage) -> Delivery:
    raw = message.raw_message
    headers = as_text(raw.headers)
    about = raw.metadata
    own_id = headers.get("nats-msg-id") or headers.get("message_id")
    place = f"{about.stream}:{about.sequence.stream}:{about.timestamp.isoformat()}"
    return Delivery(
        queue,
        raw.data,
        headers.get("content-type") or "application/json",
        message.ack_sync,
        give_back=message.nack,
        headers=headers,
        key=key_of(queue.name, own_id or place),
        message_id=own_id,
        times=about.num_delivered,
        redelivered=about.num_delivered > 1,
        reply_to=headers.get("reply_to") or None,
        correlation_id=headers.get("correlation_id"),
    )
