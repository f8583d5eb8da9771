"""What stands beside an object in S3: user metadata, exact, and object tags, for rules.

S3 allows ten tags an object, of letters, digits, spaces and `+ - = . _ : / @`. So the first
ten tags become object tags that lifecycle rules and policies can name (`iot=primary`,
`agent:x=further`; any other character becomes `_`), and all that fit in 1 kB stand exactly,
percent-encoded, in the user metadata, which holds 2 kB in all. The index knows every tag.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from minio.commonconfig import Tags

from ordercast.archive.objects import EvidenceObject, StoredObject

MAX_OBJECT_TAGS = 10
MAX_TAG_BYTES = 128
MAX_TAGS_BYTES = 1024
HEADER_PREFIX = "x-amz-meta-"
LOCK_MODE = "x-amz-object-lock-mode"
LOCKED_UNTIL = "x-amz-object-lock-retain-until-date"
PRIMARY, FURTHER = "primary", "further"
FORBIDDEN_IN_TAGS = re.compile(r"[^\w +\-=.:/@]")


def object_tags(tags: Iterable[str]) -> Tags:
    """The object tags of the first ten tags: the tag as the key, `primary` or `further`."""
    labels = Tags.new_object_tags()
    for tag in tags:
        name = tag_name(tag)
        if name and name not in labels and len(labels) < MAX_OBJECT_TAGS:
            labels[name] = FURTHER if labels else PRIMARY
    return labels


def tag_name(tag: str) -> str:
    """A tag as the key of an object tag. S3 says 128 characters, Ceph counts bytes."""
    name = FORBIDDEN_IN_TAGS.sub("_", tag)
    return name.encode()[:MAX_TAG_BYTES].decode(errors="ignore")


def user_metadata(evidence: EvidenceObject) -> dict[str, str | list[str] | tuple[str]]:
    """The user metadata of an object: its SHA-256, its tags, and what else is known."""
    return {
        **{name: quote(value) for name, value in evidence.metadata.items()},
        "sha256": evidence.sha256,
        "tags": ",".join(_fitting(quote(tag, safe="") for tag in evidence.tags)),
    }


def stored_object(headers: Mapping[str, str]) -> StoredObject:
    """What the headers of an answer tell of the object."""
    labels = {
        name.lower().removeprefix(HEADER_PREFIX): value
        for name, value in headers.items()
        if name.lower().startswith(HEADER_PREFIX)
    }
    tags = labels.pop("tags", "")
    return StoredObject(
        size_bytes=int(headers.get("content-length", 0)),
        sha256=labels.pop("sha256", None),
        tags=tuple(unquote(tag) for tag in tags.split(",") if tag),
        metadata={name: unquote(value) for name, value in labels.items()},
        lock_mode=(headers.get(LOCK_MODE) or "").lower() or None,
        locked_until=_moment(headers.get(LOCKED_UNTIL)),
    )


def _moment(text: str | None) -> datetime | None:
    """A time as S3 writes it; Ceph's has nanoseconds, which minio does not read."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fitting(tags: Iterable[str]) -> Iterator[str]:
    room = MAX_TAGS_BYTES
    for tag in tags:
        room -= len(tag) + 1
        if room < 0:
            return
        yield tag
