"""Evidence made for tests."""

from hashlib import sha256
from uuid import uuid4

from config.bucket_rules import NO_RULES, BucketRules
from ordercast.archive.naming import bucket_name, object_key
from ordercast.archive.objects import Archive, EvidenceObject

KEY = object_key("ord-20261122-abcdef", 1)


def fresh_bucket(tag: str = "iot") -> str:
    """The name of a bucket that no other test has."""
    return bucket_name(f"ordercast-test-{uuid4().hex[:8]}-", tag)


def body_of(archive: Archive, bucket: str, key: str) -> bytes:
    """The whole of an object."""
    return b"".join(archive.read(bucket, key))


def evidence(
    body: bytes = b"evidence",
    *,
    bucket: str = "ordercast-iot",
    tags: tuple[str, ...] = ("iot",),
    metadata: dict[str, str] | None = None,
    rules: BucketRules = NO_RULES,
) -> EvidenceObject:
    return EvidenceObject(
        bucket=bucket,
        key=KEY,
        body=body,
        sha256=sha256(body).hexdigest(),
        tags=tags,
        metadata=metadata or {},
        rules=rules,
    )
