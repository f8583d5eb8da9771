"""Verification: whether the archive still holds what was put there, byte for byte."""

from collections.abc import Iterator
from typing import Protocol

from ordercast.archive.objects import Archive, StoredObject, digest
from ordercast.domain.errors import NotFound, PermanentFault


class Expected(Protocol):
    """What the index says of an object."""

    @property
    def bucket(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def tags(self) -> tuple[str, ...]: ...


def differences(archive: Archive, expected: Expected) -> list[str]:
    """What is wrong with an object, in words; nothing if it is whole and as indexed.

    TransientFault if the archive does not answer: that says nothing about the object.
    """
    try:
        found, size_bytes = digest(archive, expected.bucket, expected.key)
        stored = archive.stat(expected.bucket, expected.key)
    except NotFound:
        return ["missing"]
    except PermanentFault as fault:
        return [f"unreadable: {fault}"]
    return [*_in_body(found, size_bytes, expected), *_in_notes(stored, expected)]


def _in_body(found: str, size_bytes: int, expected: Expected) -> Iterator[str]:
    if found != expected.sha256:
        size = f"{size_bytes} bytes instead of {expected.size_bytes}"
        yield f"altered: its SHA-256 is {found}, the index has {expected.sha256}; {size}"


def _in_notes(stored: StoredObject | None, expected: Expected) -> Iterator[str]:
    if stored is None or stored.sha256 is None:
        yield "no notes beside it"
        return
    if stored.sha256 != expected.sha256:
        yield f"noted beside it: SHA-256 {stored.sha256}, the index has {expected.sha256}"
    unknown = [tag for tag in stored.tags if tag not in expected.tags]
    if unknown:
        yield f"noted beside it: tags that the index has not: {', '.join(unknown)}"
