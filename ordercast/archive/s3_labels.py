"""What stands beside an object in S3: user metadata, exact, and object tags, for rules.

S3 allows ten tags an object, of letters, digits, spaces and `+ - = . _ : / @`. So the first
ten tags become object tags that lifecycle rules and policies can name (`iot=primary`,
`agent:x=further`; any other character becomes `_`), and all that fit in 1 kB stand exactly,
percent-encoded, in the user metadata, which holds 2 kB in all. The index knows every tag.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote

from minio.commonconfig import Tags

from ordercast.archive.objects import EvidenceObject, StoredObject

MAX_OBJECT_TAGS = 10
MAX_TAG_BYTES = 128
MAX_TAGS_BYTES = 1024
HEADER_PREFIX = "x-amz-meta-"
FORBIDDEN_IN_TAGS = re.compile(r"[^\w +\-=.:/@]")


def object_tags(tags: Iterable[str]) -> Tags:
    """The object tags of the first ten tags: the tag as the key, `primary` or `further`."""
    labels = Tags.new_object_tags()
    for tag in tags:
        name = _cut(FORBIDDEN_IN_TAGS.sub("_", tag))
        if name and name not in labels and len(labels) < MAX_OBJECT_TAGS:
            labels[name] = "further" if labels else "primary"
    return labels


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
    )


def _cut(name: str) -> str:
    """A name within the length of a tag: S3 says characters, Ceph counts bytes."""
    return name.encode()[:MAX_TAG_BYTES].decode(errors="ignore")


def _fitting(tags: Iterable[str]) -> Iterator[str]:
    room = MAX_TAGS_BYTES
    for tag in tags:
        room -= len(tag) + 1
        if room < 0:
            return
        yield tag
