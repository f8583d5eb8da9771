"""What an archive keeps, and what every archive can do."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from config.bucket_rules import NO_RULES, BucketRules
from ordercast.domain.errors import PermanentFault

METADATA_NAME = re.compile(r"[a-z][a-z0-9-]*")
RESERVED_METADATA = frozenset({"sha256", "tags"})
PIECE_BYTES = 2**20


@dataclass(frozen=True)
class EvidenceObject:
    """Evidence ready to be kept: where it goes, its bytes, and what is known of it.

    `sha256` is that of `body`, in lower-case hex; the first tag is the primary one. Metadata
    names are lower case with hyphens, and `sha256` and `tags` are taken. ValueError if not so.
    `rules` are what holds for its bucket, should it have to be made, and for its lock.
    """

    bucket: str
    key: str
    body: bytes = field(repr=False)
    sha256: str
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    rules: BucketRules = NO_RULES

    def __post_init__(self) -> None:
        if sha256(self.body).hexdigest() != self.sha256:
            raise ValueError(f"the body of {self.bucket}/{self.key} has another SHA-256")
        for name in self.metadata:
            if name in RESERVED_METADATA or not METADATA_NAME.fullmatch(name):
                raise ValueError(f"metadata cannot be named {name!r}")


@dataclass(frozen=True)
class StoredObject:
    """What stands beside an object in the archive; `sha256` is None where nobody noted it.

    `locked_until` is when the server lets it be changed or deleted, `lock_mode` who may lift
    that before; both None where it is not locked.
    """

    size_bytes: int
    sha256: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    lock_mode: str | None = None
    locked_until: datetime | None = None


@dataclass(frozen=True)
class Difference:
    """Where a bucket is not as its rules ask, and what mends that; `by_apply`: `--apply` does."""

    what: str
    cure: str
    by_apply: bool = True


@dataclass(frozen=True)
class BucketState:
    """How a bucket stands, in words, and where it differs from its rules."""

    exists: bool
    facts: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


class Buckets(Protocol):
    """The buckets of an archive that keeps rules for them."""

    def state(self, bucket: str, rules: BucketRules) -> BucketState:
        """How a bucket stands; nothing is changed."""
        ...

    def apply(self, bucket: str, rules: BucketRules) -> None:
        """Make a bucket be as its rules ask, as far as can be, if it is there; said twice, once."""
        ...


class Archive(Protocol):
    """Keeps evidence objects in buckets, written once and never changed.

    Any call raises TransientFault or PermanentFault when the archive does not do its part.
    """

    @property
    def buckets(self) -> Buckets | None:
        """Its buckets, where they can have rules; None for a directory."""
        ...

    def put(self, evidence: EvidenceObject) -> None:
        """Keep an object durably; the same bytes again are skipped, others a PermanentFault."""
        ...

    def read(self, bucket: str, key: str, *, offset: int = 0) -> Iterator[bytes]:
        """The bytes of an object from an offset on, piece by piece; NotFound if there is none."""
        ...

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        """What stands beside an object, without reading it; None if there is none."""
        ...


def digest(archive: Archive, bucket: str, key: str) -> tuple[str, int]:
    """The SHA-256 and the size in bytes of an object, read piece by piece; NotFound if none."""
    found, size_bytes = sha256(), 0
    for piece in archive.read(bucket, key):
        found.update(piece)
        size_bytes += len(piece)
    return found.hexdigest(), size_bytes


def is_kept(archive: Archive, evidence: EvidenceObject) -> bool:
    """Whether the archive has the object, whole and with its notes.

    PermanentFault if other bytes lie in its place. False when only the notes are missing, as
    after a crash between the two: writing it again mends that.
    """
    found = archive.stat(evidence.bucket, evidence.key)
    if found is None:
        return False
    held = found.sha256 or digest(archive, evidence.bucket, evidence.key)[0]
    if (held, found.size_bytes) != (evidence.sha256, len(evidence.body)):
        raise PermanentFault(
            f"{evidence.bucket}/{evidence.key} already holds other evidence: SHA-256 {held},"
            f" {found.size_bytes} bytes, instead of {evidence.sha256}, {len(evidence.body)} bytes;"
            " it is never overwritten: find out who wrote it, move it away, and retry"
        )
    return found.sha256 is not None
