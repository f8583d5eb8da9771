"""What an archive keeps, and what every archive can do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from ordercast.domain.errors import PermanentFault

METADATA_NAME = re.compile(r"[a-z][a-z0-9-]*")
RESERVED_METADATA = frozenset({"sha256", "tags"})


@dataclass(frozen=True)
class EvidenceObject:
    """Evidence ready to be kept: where it goes, its bytes, and what is known of it.

    `sha256` is that of `body`, in lower-case hex; the first tag is the primary one. Metadata
    names are lower case with hyphens, and `sha256` and `tags` are taken. ValueError if not so.
    """

    bucket: str
    key: str
    body: bytes = field(repr=False)
    sha256: str
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if sha256(self.body).hexdigest() != self.sha256:
            raise ValueError(f"the body of {self.bucket}/{self.key} has another SHA-256")
        for name in self.metadata:
            if name in RESERVED_METADATA or not METADATA_NAME.fullmatch(name):
                raise ValueError(f"metadata cannot be named {name!r}")


@dataclass(frozen=True)
class StoredObject:
    """What stands beside an object in the archive; `sha256` is None where nobody noted it."""

    size_bytes: int
    sha256: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


class Archive(Protocol):
    """Keeps evidence objects in buckets, written once and never changed.

    Any call raises TransientFault or PermanentFault when the archive does not do its part.
    """

    def put(self, evidence: EvidenceObject) -> None:
        """Keep an object durably; the same bytes again are skipped, others a PermanentFault."""
        ...

    def get(self, bucket: str, key: str) -> bytes:
        """The bytes of an object; NotFound if there is none."""
        ...

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        """What stands beside an object, without reading it; None if there is none."""
        ...


def is_kept(archive: Archive, evidence: EvidenceObject) -> bool:
    """Whether the archive has the object, whole and with its notes.

    PermanentFault if other bytes lie in its place. False when only the notes are missing, as
    after a crash between the two: writing it again mends that.
    """
    found = archive.stat(evidence.bucket, evidence.key)
    if found is None:
        return False
    held = found.sha256 or sha256(archive.get(evidence.bucket, evidence.key)).hexdigest()
    if (held, found.size_bytes) != (evidence.sha256, len(evidence.body)):
        raise PermanentFault(
            f"{evidence.bucket}/{evidence.key} already holds other evidence: SHA-256 {held},"
            f" {found.size_bytes} bytes, instead of {evidence.sha256}, {len(evidence.body)} bytes;"
            " it is never overwritten: find out who wrote it, move it away, and retry"
        )
    return found.sha256 is not None
