"""NATS with JetStream, seen by the doctor. It only asks: nothing is made, and nothing is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import NotFoundError, ServiceUnavailableError

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
CONNECT_SECONDS = 3
NO_RIGHT = "permissions violation"
NOT_US = ("authorization violation", "authentication")
GRANT = "let this user publish to `$JS.API.>` and `$JS.ACK.>`, and subscribe to `_INBOX.>`"


async def look(chosen: BrokerSettings, queues: list[Queue]) -> list[Finding]:
    """What NATS says of itself, and of the stream of each subject."""
    address = without_password(chosen.url.get_secret_value())
    told: list[str] = []
    try:
        async with asyncio.timeout(ASKED_SECONDS), _connected(chosen, told) as client:
            return await _asked(client, address, chosen, queues)
    except ServiceUnavailableError:
        return [refused(address, "it has no JetStream", "start it with `--jetstream`")]
    except (Error, OSError, TimeoutError) as fault:
        return [_why(address, [*told, str(fault)], fault)]


def _why(address: str, told: list[str], fault: BaseException) -> Finding:
    """What NATS tells aside explains why a request was not answered."""
    words = " ".join(told).lower()
    if NO_RIGHT in words:
        (why,) = [each for each in told if NO_RIGHT in each.lower()][:1]
        return refused(address, why.removeprefix("nats: ").strip("'"), GRANT)
    if any(each in words for each in NOT_US):
        cure = "mend user and password, or the token, in ORDERCAST_BROKER__URL"
        return refused(address, "user, password or token are wrong", cure)
    return unreachable(address, OSError(told[0]) if told and told[0] else fault)


@asynccontextmanager
async def _connected(chosen: BrokerSettings, told: list[str]) -> AsyncIterator[Client]:
    async def keep(fault: Exception) -> None:
        told.append(str(fault))

    client = await nats.connect(
        chosen.url.get_secret_value(),
        name=NAME,
        allow_reconnect=False,
        max_reconnect_attempts=1,
        reconnect_time_wait=0,
        connect_timeout=CONNECT_SECONDS,
        error_cb=keep,
    )
    try:
        yield client
    finally:
        await client.close()


async def _asked(
    client: Client, address: str, chosen: BrokerSettings, queues: list[Queue]
) -> list[Finding]:
    account = await client.jetstream(timeout=CONNECT_SECONDS).account_info()
    room = account.limits.max_streams - account.streams
    may_declare = account.limits.max_streams < 0 or room > 0
    found = [Finding(PART, f"NATS {_version(client)} with JetStream, {address}")]
    for queue in queues:
        waiting = await _waiting(client, queue.name)
        found.append(of_queue(waiting) if waiting else _not_there(queue.name, may_declare))
    dead = await _waiting(client, chosen.dead_letters)
    found.append(of_dead_letters(dead) if dead else _not_there(chosen.dead_letters, may_declare))
    return found


def _not_there(subject: str, may_declare: bool) -> Finding:
    cure = "make a stream for it, or let the account have more streams"
    return not_there(subject, may_declare=may_declare, cure=cure)


async def _waiting(client: Client, subject: str) -> Waiting | None:
    """What the stream of a subject keeps; None if there is no stream."""
    jetstream = client.jetstream(timeout=CONNECT_SECONDS)
    try:
        stream = await jetstream.find_stream_name_by_subject(subject)
        about = await jetstream.stream_info(stream, subjects_filter=subject)
    except NotFoundError:
        return None
    return Waiting(subject, (about.state.subjects or {}).get(subject, 0))


def _version(client: Client) -> str:
    return str(client.connected_server_version).strip("<>").rpartition("v")[2]
