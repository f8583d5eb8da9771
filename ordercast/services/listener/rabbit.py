"""RabbitMQ, or any other AMQP 0.9.1 broker, through FastStream."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity, DeliveryError
from aio_pika.robust_connection import RobustConnection
from aiormq.abc import AbstractChannel
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from faststream.rabbit.message import RabbitMessage

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

NAME = "ordercast-listener"


class Rabbit:
    """A connection with a consumer for each queue, each with its own prefetch.

    It is not mended: FastStream and its driver try to, and have lost consumers at it
    (faststream #2758, aio-pika #334). Whatever is lost ends this connection, and the next one
    begins from nothing.
    """

    faults = (AMQPError, OSError, asyncio.TimeoutError, RuntimeError)

    def __init__(self, chosen: BrokerSettings, queues: list[Queue]) -> None:
        self._chosen, self._queues = chosen, queues
        self._connection: RobustConnection | None = None
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._broker = RabbitBroker(
            chosen.url.get_secret_value(),
            client_properties=cast(Any, {"name": NAME}),
            default_channel=Channel(on_return_raises=True),
            on_close=[self._note_close],
            ack_policy=AckPolicy.MANUAL,
            apply_types=False,
            decoder=whole,
            graceful_timeout=0.0,
            logger=log,
            log_level=logging.DEBUG,
        )

    async def open(self, take: Take) -> None:
        self._connection = cast(RobustConnection, await self._broker.connect())
        for queue in self._queues:
            await self._make(queue.name)
            self._subscribe(queue, take)
        await self._make(self._chosen.dead_letters)
        await self._broker.start()

    def _subscribe(self, queue: Queue, take: Take) -> None:
        async def hand_over(message: RabbitMessage) -> None:
            await take(_delivery(queue, message))

        subscriber = self._broker.subscriber(
            RabbitQueue(queue.name, declare=False),
            channel=Channel(prefetch_count=self._chosen.prefetch),
            no_reply=True,
        )
        subscriber(hand_over)
        # `start` sets it last: what came before would be passed over, and would hold its place
        # in the prefetch for as long as the connection lives
        subscriber.running = True

    async def _make(self, name: str) -> None:
        """Declare a queue that is not there; one that is stays as its operator made it."""
        if await self._count(name) is not None:
            return
        kind: Any = {"x-queue-type": self._chosen.queue_type}
        async with self._plain_channel() as channel:
            await channel.queue_declare(name, durable=True, arguments=kind)

    async def look(self) -> int:
        counts = [await self._surely_count(queue.name) for queue in self._queues]
        await self._surely_count(self._chosen.dead_letters)
        return sum(counts)

    async def _surely_count(self, name: str) -> int:
        count = await self._count(name)
        if count is None:
            raise Lost(f"the queue {name} is gone")
        return count

    async def _count(self, name: str) -> int | None:
        """How many messages wait in a queue; None if there is no such queue."""
        try:
            async with self._plain_channel() as channel:
                return (await channel.queue_declare(name, passive=True)).message_count or 0
        except ChannelNotFoundEntity:
            return None

    @asynccontextmanager
    async def _plain_channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel of the driver that nobody mends: a queue that is not there closes it."""
        transport = self._connection.transport if self._connection else None
        if transport is None:
            raise Lost("the connection was closed")
        channel = await transport.connection.channel()
        try:
            yield channel
        finally:
            if not channel.is_closed:
                await channel.close()

    async def keep(self, letter: Letter) -> None:
        try:
            await self.answer(letter)
        except NobodyThere:
            raise Lost(f"the queue {letter.to} is gone") from None

    async def answer(self, letter: Letter) -> None:
        try:
            await self._broker.publish(
                letter.body,
                letter.to,
                mandatory=True,
                persist=True,
                headers=dict(letter.headers),
                content_type=letter.media_type,
                message_id=letter.message_id,
                correlation_id=letter.correlation_id,
                timeout=self._chosen.send_timeout_seconds,
            )
        except DeliveryError:
            raise NobodyThere(letter.to) from None

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await self._broker.stop()

    def _note_close(self, _: AbstractConnection | None, fault: BaseException | None) -> None:
        if not self.lost.done():
            self.lost.set_result(f"the connection was closed: {fault or 'no reason given'}")


def _delivery(queue: Queue, message: RabbitMessage) -> Delivery:
    raw = message.raw_message
    count = (raw.headers or {}).get("x-delivery-count")  # of quorum queues
    return Delivery(
        queue,
        raw.body,
        raw.content_type or "application/json",
        message.ack,
        headers=as_text(raw.headers),
        key=key_of(queue.name, raw.message_id) if raw.message_id else None,
        message_id=raw.message_id,
        redelivered=bool(raw.redelivered),
        times=count + 1 if isinstance(count, int) else None,
        reply_to=raw.reply_to,
        correlation_id=raw.correlation_id,
    )
