"""Evidence made for tests."""

from hashlib import sha256
from uuid import uuid4

from ordercast.archive.naming import bucket_name, object_key
from ordercast.archive.objects import EvidenceObject

KEY = object_key("ord-20261122-abcdef", 1)


def fresh_bucket(tag: str = "iot") -> str:
    """The name of a bucket that no other test has."""
    return bucket_name(f"ordercast-test-{uuid4().hex[:8]}-", tag)


def evidence(
    body: bytes = b"evidence",
    *,
    bucket: str = "ordercast-iot",
    tags: tuple[str, ...] = ("iot",),
    metadata: dict[str, str] | None = None,
) -> EvidenceObject:
    return EvidenceObject(
        bucket=bucket,
        key=KEY,
        body=body,
        sha256=sha256(body).hexdigest(),
        tags=tags,
        metadata=metadata or {},
    )
