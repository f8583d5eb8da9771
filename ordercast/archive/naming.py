"""Where evidence goes: a bucket for each primary tag, a key for each version of an order."""

import re
from hashlib import sha256

from ordercast.domain.errors import ConfigurationError

BUCKET_LENGTH = 63
DIGEST_LENGTH = 10
PREFIX = re.compile(r"(?!xn--|sthree-|amzn-)[a-z0-9][a-z0-9-]{0,39}")
PLAIN_NAME = re.compile(r"[a-z0-9-]{2,62}[a-z0-9]")
SPECIAL_ENDING = re.compile(r".*-([0-9a-f]{10}|s3alias|-ol-s3|-x-s3|-table-s3)")
ORDER_NO = re.compile(r"ord-(\d{4})(\d{2})(\d{2})-[a-z0-9]+")


def bucket_name(prefix: str, tag: str) -> str:
    """The bucket of a primary tag: always the same, another for every other tag.

    A tag of lower-case letters, digits and hyphens stands as it is; any other is reduced to
    these and ends in a digest of the whole tag. Source: Amazon S3, rules for general purpose
    buckets, without dots, which break certificates. ConfigurationError for an unfit prefix.
    """
    check_prefix(prefix)
    plain = prefix + tag
    if PLAIN_NAME.fullmatch(plain) and not SPECIAL_ENDING.fullmatch(plain):
        return plain
    digest = sha256(tag.encode()).hexdigest()[:DIGEST_LENGTH]
    readable = re.sub(r"[^a-z0-9]+", "-", tag.lower()).strip("-") or "tag"
    room = BUCKET_LENGTH - len(prefix) - len(digest) - 1
    return f"{prefix}{readable[:room].rstrip('-')}-{digest}"


def check_prefix(prefix: str) -> None:
    """ConfigurationError unless every tag can follow the prefix in a bucket's name."""
    if not PREFIX.fullmatch(prefix):
        raise ConfigurationError(
            "ORDERCAST_ARCHIVE__BUCKET_PREFIX",
            f"{prefix!r} cannot start a bucket's name",
            "use 1 to 40 lower-case letters, digits and hyphens, such as `ordercast-`",
        )


def object_key(order_no: str, version: int) -> str:
    """The key of a version's evidence, `YYYY/MM/DD/<order_no>/v<version>.json.gz`."""
    return f"{_place(order_no, version)}.json.gz"


def results_key(order_no: str, version: int) -> str:
    """The key of its result manifest, beside the evidence: `…/v<version>.results.ndjson.gz`."""
    return f"{_place(order_no, version)}.results.ndjson.gz"


def _place(order_no: str, version: int) -> str:
    parts = ORDER_NO.fullmatch(order_no)
    if parts is None or version < 1:
        raise ValueError(f"there is no key for {order_no!r}, version {version}")
    return f"{'/'.join(parts.groups())}/{order_no}/v{version}"
