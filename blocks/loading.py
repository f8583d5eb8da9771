"""The blocks in use: seeded from the settings once, edited by operators in the Prefect UI."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

import httpx
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import BlockDocument
from prefect.exceptions import ObjectNotFound

from blocks.business_platform import BusinessPlatform
from blocks.order_archive import OrderArchive
from blocks.platform_client import PlatformClient
from config.settings import settings
from ordercast.archive.objects import Archive
from ordercast.archive.opening import connection_of
from ordercast.domain.errors import ConfigurationError, TransientFault

NAME = "default"
CACHE_SECONDS = 60

Client = TypeVar("Client")


@dataclass(frozen=True)
class Held:
    """A block as it was read, with the client that was made of it."""

    block: Block
    client: object
    read_at: float = field(default_factory=monotonic)

    @property
    def is_old(self) -> bool:
        return monotonic() - self.read_at > CACHE_SECONDS


_held: dict[type[Block], Held] = {}
_reading = threading.Lock()


def business_platform() -> PlatformClient:
    """The client of the business platform, by its block."""
    return _cached(BusinessPlatform, lambda block: block.get_client())


def order_archive() -> Archive:
    """The archive, by its block."""
    return _cached(OrderArchive, lambda block: block.get_client())


def forget_clients() -> None:
    """Read the blocks again at their next use, for instance after a refused credential."""
    _held.clear()


def _cached(kind: type[Block], client_of: Callable[..., Client]) -> Client:
    """The client of a block, which is read again every minute; one that stands keeps its client.

    One thread reads it; others go on with the client that there is, or wait for the first.
    """
    held = _held.get(kind)
    if (held is None or held.is_old) and _reading.acquire(blocking=held is None):
        try:
            held = _held.get(kind)
            if held is None or held.is_old:
                held = _held[kind] = _read(kind, client_of, held)
        finally:
            _reading.release()
    return held.client  # pyright: ignore[reportOptionalMemberAccess, reportReturnType]


def _read(kind: type[Block], client_of: Callable[..., object], held: "Held | None") -> "Held":
    block = _load(kind)
    return Held(block, held.client if held and held.block == block else client_of(block))


def seed_blocks() -> None:
    """Make the blocks that are not there yet from the settings; those that are there rule.

    ObjectAlreadyExists if another relay registers them at the same time: try again.
    """
    for block in blocks_from_settings():
        kind = type(block)
        kind.register_type_and_schema()
        schema = kind._block_schema_id
        document = _document(kind)
        if document is None:
            _save_first(block)
        elif document.block_schema_id != schema:
            kind.model_validate(document.data).save(NAME, overwrite=True)  # the UI shows new fields


def _save_first(block: Block) -> None:
    """Save a block, unless another relay has just done so."""
    try:
        block.save(NAME)
    except ValueError:  # Prefect's word for a name that is taken
        _load(type(block))


def _load(kind: type[Block]) -> Block:
    """A block as Prefect has it; ConfigurationError if it is not there.

    Not by Prefect's `load`, which tells of itself by an event: each process that only reads a
    block would start a queue of events, and say at its end that it is being emptied.
    """
    document = _document(kind)
    if document is None:
        name = f"{kind.get_block_type_slug()}/{NAME}"
        cure = "start `ordercast up` or `ordercast serve relay`, which make it from the settings"
        raise ConfigurationError(f"the Prefect block {name}", "is not there", cure)
    return kind.model_validate(document.data)


def _document(kind: type[Block]) -> BlockDocument | None:
    slug = kind.get_block_type_slug()
    try:
        with get_client(sync_client=True) as client:
            return client.read_block_document_by_name(NAME, slug)
    except ObjectNotFound:
        return None
    except httpx.HTTPError as fault:
        what = f"the Prefect server does not give the block {slug}/{NAME}"
        raise TransientFault(f"{what}: {type(fault).__name__} {fault}") from fault


def blocks_from_settings() -> tuple[BusinessPlatform, OrderArchive]:
    """The blocks as the settings have them."""
    return _platform_from_settings(), _archive_from_settings()


def _platform_from_settings() -> BusinessPlatform:
    chosen = settings()
    return BusinessPlatform(
        url=chosen.platform_url,
        token=chosen.platform.token,
        timeout_seconds=chosen.platform.timeout_seconds,
    )


def _archive_from_settings() -> OrderArchive:
    chosen = settings()
    return OrderArchive.from_url(chosen.archive_url, connection_of(chosen.archive))
