"""The blocks in use: seeded from the settings once, edited by operators in the Prefect UI."""

import time
from collections.abc import Callable
from typing import TypeVar, cast

from prefect.blocks.core import Block

from blocks.business_platform import BusinessPlatform
from blocks.order_archive import OrderArchive
from blocks.platform_client import PlatformClient
from config.settings import settings
from ordercast.archive.objects import Archive

NAME = "default"
CACHE_SECONDS = 60

Client = TypeVar("Client")
_clients: dict[type[Block], tuple[float, Block, object]] = {}


def business_platform() -> PlatformClient:
    """The client of the business platform, by its block."""
    return _cached(BusinessPlatform, lambda block: block.get_client())


def order_archive() -> Archive:
    """The archive, by its block."""
    return _cached(OrderArchive, lambda block: block.get_client())


def forget_clients() -> None:
    """Read the blocks again at their next use, for instance after a refused credential."""
    _clients.clear()


def _cached(kind: type[Block], client_of: Callable[..., Client]) -> Client:
    """The client of a block, which is read again every minute; one that stands keeps its client."""
    loaded_at, block, client = _clients.get(kind, (float("-inf"), None, None))
    if time.monotonic() - loaded_at > CACHE_SECONDS:
        loaded = cast(Block, kind.load(NAME))
        if loaded != block:
            block, client = loaded, client_of(loaded)
        _clients[kind] = (time.monotonic(), loaded, client)
    return client  # pyright: ignore[reportReturnType]


def seed_blocks() -> None:
    """Make the blocks that are not there yet from the settings; those that are there rule.

    ObjectAlreadyExists if another relay registers them at the same time: try again.
    """
    for block in blocks_from_settings():
        type(block).register_type_and_schema()
        try:
            type(block).load(NAME)
        except ValueError:  # Prefect's word for a block document that is not there
            _save_first(block)


def _save_first(block: Block) -> None:
    """Save a block, unless another relay has just done so."""
    try:
        block.save(NAME)
    except ValueError:  # Prefect's word for a name that is taken
        type(block).load(NAME)


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
    return OrderArchive.from_url(
        chosen.archive_url,
        region=chosen.archive.region,
        timeout_seconds=chosen.archive.timeout_seconds,
    )
