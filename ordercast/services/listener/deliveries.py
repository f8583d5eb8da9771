"""What comes from a broker and what goes back to it, whichever broker it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

LONGEST_KEY = 100


class Kind(StrEnum):
    """What the messages of a queue are."""

    ORDERS = "orders"
    REPORTS = "reports"


@dataclass(frozen=True)
class Queue:
    """A queue to take messages from; `agent` is whose orders they are that name none."""

    name: str
    kind: Kind
    agent: str | None = None


@dataclass(frozen=True)
class Delivery:
    """A message as it was handed over, to be acknowledged once it is stored.

    `key` tells it from all others of its queue, where the broker or the sender gave it an id.
    `times` is how often it was delivered, this time included, where the broker counts.
    """

    queue: Queue
    body: bytes
    media_type: str
    acknowledge: Callable[[], Awaitable[Any]]
    give_back: Callable[[], Awaitable[Any]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    message_id: str | None = None
    redelivered: bool = False
    times: int | None = None
    reply_to: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True)
class Letter:
    """A message to send: to one of our own queues, or to whom a message is to be answered."""

    to: str
    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    message_id: str | None = None
    correlation_id: str | None = None


class Lost(Exception):
    """The connection to the broker, or what hangs on it, is not what it should be."""


class NobodyThere(Exception):
    """An answer cannot be handed over: there is no such queue."""


Take = Callable[[Delivery], Awaitable[None]]


class Middleware(Protocol):
    """One connection to a broker. What it raises of its own accord is in `faults`."""

    faults: tuple[type[Exception], ...]
    lost: "asyncio.Future[str]"

    async def open(self, take: Take) -> None:
        """Connect, declare the queues, and hand over what comes, some at once."""
        ...

    async def look(self) -> int:
        """How many messages wait to be handed over; Lost if none can be."""
        ...

    async def keep(self, letter: Letter) -> None:
        """Put a letter into one of our own queues, durably."""
        ...

    async def answer(self, letter: Letter) -> None:
        """Hand an answer over; NobodyThere if nobody takes it."""
        ...

    async def close(self) -> None:
        """Let the connection go; what is not acknowledged is delivered again."""
        ...


def key_of(queue: str, message_id: str) -> str:
    """What an order or report without an id of its own is known by."""
    key = f"{queue}:{message_id}"
    if len(key) <= LONGEST_KEY and key.isprintable():
        return key
    return f"message-{sha256(key.encode(errors='replace')).hexdigest()[:40]}"


async def whole(message: Any) -> Any:
    """As FastStream's decoder: hands the message over as it came, whatever its body is."""
    return message


def as_text(headers: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers as text, by their names in lower case."""
    return {str(name).lower(): _text(value) for name, value in (headers or {}).items()}


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
