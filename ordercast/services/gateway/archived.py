"""Objects of the archive over HTTP, piece by piece."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from fastapi.responses import StreamingResponse

from ordercast.domain.errors import CredentialsRefused

MEDIA_TYPE = "application/gzip"

Read = Callable[[str, str], Iterator[bytes]]
"""How an object is read from the archive, by bucket and key."""


def read_by_block() -> Read:
    """From the archive by its block, read anew if the key at hand is refused.

    Imported late, since Prefect takes its time to load.
    """
    from blocks.loading import forget_clients, order_archive  # noqa: PLC0415

    def read(bucket: str, key: str) -> Iterator[bytes]:
        try:
            return begun(order_archive().read(bucket, key))
        except CredentialsRefused:
            forget_clients()
            return begun(order_archive().read(bucket, key))

    return read


def begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, the first of them read: what is missing is known before the answer begins."""
    return chain([next(pieces, b"")], pieces)


def download(
    pieces: Iterator[bytes], *, name: str, size_bytes: int, sha256: str
) -> StreamingResponse:
    """An object as a file to keep, with its checksum."""
    headers: Mapping[str, str] = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(size_bytes),
        "ETag": f'"{sha256}"',
        "Cache-Control": "private",
    }
    return StreamingResponse(pieces, media_type=MEDIA_TYPE, headers=headers)
