"""The archive, seen by the doctor."""

from collections.abc import Iterator
from hashlib import sha256

from ordercast.archive.naming import bucket_name
from ordercast.archive.objects import Archive, EvidenceObject
from ordercast.doctor.doors import clock_of
from ordercast.doctor.findings import Finding
from ordercast.store.clock import now

PART = "archive"
TAG = "doctor"
BODY = b"ordercast doctor was here\n"


def look(archive: Archive, url: str, *, bucket_prefix: str) -> Iterator[Finding]:
    """Whether the archive answers, and lets buckets be made, and objects be written and read.

    It leaves one small object a day in a bucket of its own.
    """
    bucket = bucket_name(bucket_prefix, TAG)
    key = f"{now():%Y/%m/%d}.txt"
    archive.put(EvidenceObject(bucket, key, BODY, sha256(BODY).hexdigest(), tags=(TAG,)))
    if b"".join(archive.read(bucket, key)) == BODY:
        yield Finding(PART, f"{url} keeps what is written")
    else:
        yield Finding(PART, f"{url} gives back other bytes than were written", "find out why")
    if url.startswith("http"):
        yield from clock_of(PART, url)
