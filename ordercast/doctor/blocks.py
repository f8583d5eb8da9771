"""The Prefect blocks in use, beside the settings: once made, the blocks rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import httpx
from pydantic import BaseModel, SecretStr

from blocks.business_platform import BusinessPlatform
from blocks.loading import blocks_from_settings
from blocks.order_archive import OrderArchive
from ordercast.doctor.findings import Finding, note
from ordercast.doctor.prefect_server import prefect_server

PART = "blocks"
PLATFORM, ARCHIVE = "business-platform", "order-archive"


@dataclass(frozen=True)
class InUse:
    """What the server holds; None where there is no such block, or no server."""

    platform: BusinessPlatform | None = None
    archive: OrderArchive | None = None


@cache
def in_use() -> InUse:
    """The blocks that the server holds, asked for once."""
    try:
        with prefect_server() as server:
            platform, archive = server.block(PLATFORM), server.block(ARCHIVE)
    except httpx.HTTPError:
        return InUse()  # told of the Prefect server already
    return InUse(
        BusinessPlatform(**platform) if platform else None,
        OrderArchive(**archive) if archive else None,
    )


def platform() -> BusinessPlatform:
    """The platform that orders are told to: by its block, else as the settings would make it."""
    return in_use().platform or blocks_from_settings()[0]


def archive() -> OrderArchive:
    """The archive that evidence goes to: by its block, else as the settings would make it."""
    return in_use().archive or blocks_from_settings()[1]


def look() -> Iterator[Finding]:
    """In which fields the blocks are not as the settings."""
    found, (platform_seed, archive_seed) = in_use(), blocks_from_settings()
    if found.platform:
        yield from compared(PLATFORM, found.platform, platform_seed)
    if found.archive:
        yield from compared(ARCHIVE, found.archive, archive_seed)


def compared(slug: str, block: BaseModel, seeded: BaseModel) -> Iterator[Finding]:
    """A note on the fields in which a block differs from the settings; never their values."""
    fields = differing(block, seeded)
    if fields:
        found = f"the block `{slug}` has another {', '.join(fields)} than the settings"
        yield note(PART, found, "the block rules: change it in the Prefect UI")
    else:
        yield Finding(PART, f"`{slug}` is as the settings have it")


def differing(block: BaseModel, seeded: BaseModel) -> list[str]:
    """The fields of a block that are not what the settings would make them today."""
    names = type(seeded).__annotations__
    return sorted(n for n in names if _plain(getattr(block, n)) != _plain(getattr(seeded, n)))


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
