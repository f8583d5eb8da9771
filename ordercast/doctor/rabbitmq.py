"""RabbitMQ, seen by the doctor.

Rights are asked for by requests that RabbitMQ refuses in any case, after it has looked at the
rights: 403 says that the right is lacking, 406 that only the request is wrong. No queue is made,
and no message is moved.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    InvalidFrameError,
    ProbableAuthenticationError,
    PublishError,
)
from pamqp.common import FieldTable

from config.addresses import without_password
from config.settings import BrokerSettings
from ordercast.doctor.broker_words import (
    ASKED_SECONDS,
    PART,
    Waiting,
    not_there,
    of_dead_letters,
    of_queue,
    refused,
    unreachable,
)
from ordercast.doctor.findings import Finding
from ordercast.services.listener.deliveries import Queue

NAME = "ordercast-doctor"
RABBITMQ = "RabbitMQ"
NO_SUCH_LIFE: FieldTable = {"x-expires": -1}
NO_SUCH_PRIORITY: FieldTable = {"x-priority": "none"}
GRANT = "`rabbitmqctl set_permissions` for this user"


async def look(chosen: BrokerSettings, queues: list[Queue]) -> list[Finding]:
    """What RabbitMQ says of itself, of each queue, and of what this user may do."""
    url = chosen.url.get_secret_value()
    address = without_password(url)
    logging.getLogger("aiormq").addHandler(logging.NullHandler())  # findings say it in words
    try:
        async with asyncio.timeout(ASKED_SECONDS):
            connection = await aiormq.connect(url, client_properties={"connection_name": NAME})
    except ProbableAuthenticationError:
        cure = "mend user and password in ORDERCAST_BROKER__URL"
        return [refused(address, "the user or the password is wrong", cure)]
    except InvalidFrameError:  # the driver's word for a virtual host that is not opened
        cure = f"name it in ORDERCAST_BROKER__URL (`/` is the path `/`), and grant it: {GRANT}"
        return [refused(address, "the virtual host is not there, or not for this user", cure)]
    except (AMQPError, OSError, TimeoutError) as fault:
        return [unreachable(address, fault)]
    try:
        return await _asked(RabbitRights(connection), address, chosen, queues)
    finally:
        with suppress(AMQPError, OSError, TimeoutError):
            await connection.close()


async def _asked(
    rights: "RabbitRights", address: str, chosen: BrokerSettings, queues: list[Queue]
) -> list[Finding]:
    found = [Finding(PART, f"{rights.server}, {address}")]
    try:
        async with asyncio.timeout(ASKED_SECONDS):
            for queue in queues:
                found += await _of_queue(rights, queue.name)
            found.append(await _of_dead_letters(rights, chosen.dead_letters))
        async with asyncio.timeout(ASKED_SECONDS):
            if not await rights.may_send():
                cure = f"grant write on `amq.default`: {GRANT}"
                found.append(Finding(PART, "may not send answers and dead letters", cure))
    except TimeoutError:
        cure = "look for an alarm of memory or disk: `rabbitmqctl status`"
        found.append(Finding(PART, f"{address} stopped answering", cure))
    except (AMQPError, OSError) as fault:
        found.append(unreachable(address, fault))
    return found


async def _of_queue(rights: "RabbitRights", name: str) -> list[Finding]:
    found = await rights.waiting(name)
    if found is None:
        return [await _not_there(rights, name)]
    if not await rights.may_read(name):
        return [Finding(PART, f"may not read {name}", f"grant read on it: {GRANT}")]
    return [of_queue(found)]


async def _of_dead_letters(rights: "RabbitRights", name: str) -> Finding:
    found = await rights.waiting(name)
    return await _not_there(rights, name) if found is None else of_dead_letters(found)


async def _not_there(rights: "RabbitRights", name: str) -> Finding:
    cure = f"make it, or grant configure on it: {GRANT}"
    return not_there(name, may_declare=await rights.may_declare(name), cure=cure)


class RabbitRights:
    """What a connection may do, each question in a channel of its own: a refusal closes it."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        about = getattr(connection, "server_properties", {})
        self.product = str(about.get("product", "a broker"))
        self.server = f"{self.product} {about.get('version', '')}".strip()

    async def waiting(self, queue: str) -> Waiting | None:
        """How a queue stands; None if it is not there."""
        try:
            async with self._channel() as channel:
                found = await channel.queue_declare(queue, passive=True)
        except ChannelNotFoundEntity:
            return None
        return Waiting(queue, found.message_count or 0, found.consumer_count or 0)

    async def may_declare(self, queue: str) -> bool:
        """Whether a queue of this name may be made. Brokers that are not RabbitMQ are believed:
        one that does not mind the wrong argument would make it."""
        if self.product != RABBITMQ:
            return True
        async with self._channel() as channel:
            return await _may(channel.queue_declare(queue, durable=True, arguments=NO_SUCH_LIFE))

    async def may_read(self, queue: str) -> bool:
        """Whether the messages of a queue may be taken; brokers not RabbitMQ are believed."""
        if self.product != RABBITMQ:
            return True
        async with self._channel() as channel:
            return await _may(channel.basic_consume(queue, _ignore, arguments=NO_SUCH_PRIORITY))

    async def may_send(self) -> bool:
        """Whether messages may be sent to queues: one to a queue that is nowhere comes back."""
        async with self._channel() as channel:
            with suppress(PublishError):
                return await _may(
                    channel.basic_publish(b"", routing_key=f"{NAME}-nowhere", mandatory=True)
                )
        return True

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        channel = await self._connection.channel()
        try:
            yield channel
        finally:
            if not channel.is_closed:
                await channel.close()


async def _may(request: Awaitable[object]) -> bool:
    """Whether a request fails for another reason than a lacking right, or not at all."""
    try:
        await request
    except ChannelAccessRefused:
        return False
    except ChannelPreconditionFailed:
        return True
    return True


async def _ignore(_: object) -> None:
    """Never called: no consumer is made."""
