"""Which archive an address means: `file:///dir` or `http(s)://key:secret@host[:port]`."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ordercast.archive.file_archive import FileArchive
from ordercast.archive.objects import Archive
from ordercast.archive.patient_archive import PatientArchive
from ordercast.archive.s3_archive import S3Archive
from ordercast.domain.errors import ConfigurationError

HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f.:]+")
SETTING = "ORDERCAST_ARCHIVE__URL or the block `order-archive`"
FORM = "write `file:///dir` or `https://key:secret@host[:port]`, with key and secret URL-encoded"


@dataclass(frozen=True)
class ArchiveAddress:
    """Where an archive is, and the credentials for it, apart; those of a directory are empty."""

    url: str
    key: str = ""
    secret: str = field(default="", repr=False)


def open_archive(url: str, *, region: str = "", timeout_seconds: float = 20) -> Archive:
    """The archive at a URL, tried up to three times a call; ConfigurationError if unfit.

    Nothing is asked of it yet.
    """
    return connect(parse_address(url), region=region, timeout_seconds=timeout_seconds)


def parse_address(url: str) -> ArchiveAddress:
    """Take the credentials out of a URL. No error ever shows the URL: it may hold a secret."""
    parts = _split(url)
    if parts.scheme == "file":
        return ArchiveAddress(url)
    if not parts.username or not parts.password:
        raise _unfit("has no key and secret")
    host = parts.netloc.rpartition("@")[2]
    return ArchiveAddress(
        f"{parts.scheme}://{host}", unquote(parts.username), unquote(parts.password)
    )


def connect(address: ArchiveAddress, *, region: str = "", timeout_seconds: float = 20) -> Archive:
    """The archive at an address whose credentials stand apart."""
    parts = _split(address.url)
    if parts.scheme == "file":
        return PatientArchive(FileArchive(Path(unquote(parts.path))))
    if not address.key or not address.secret:
        raise _unfit("has no key and secret")
    if "@" in parts.netloc:
        raise _unfit("has a key and secret beside those given apart")
    return PatientArchive(_s3(parts, address, region=region, timeout_seconds=timeout_seconds))


def _s3(
    parts: SplitResult, address: ArchiveAddress, *, region: str, timeout_seconds: float
) -> S3Archive:
    try:
        return S3Archive(
            parts.netloc,
            key=address.key,
            secret=address.secret,
            secure=parts.scheme == "https",
            region=region,
            timeout_seconds=timeout_seconds,
        )
    except ValueError:
        problem = "has a host, or ORDERCAST_ARCHIVE__REGION a region, that S3 does not allow"
        raise _unfit(problem) from None


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        problem = "is not a URL, or its key or secret has a character that must be encoded"
        raise _unfit(problem) from None
    if parts.query or parts.fragment:
        raise _unfit("has `?` or `#`")
    problem = _problem_of_file(parts) if parts.scheme == "file" else _problem_of_s3(parts)
    if problem:
        raise _unfit(problem)
    return parts


def _problem_of_file(parts: SplitResult) -> str | None:
    if parts.netloc not in ("", "localhost"):
        return "names a host before the directory: three slashes are needed"
    return None if parts.path.startswith("/") else "names no absolute directory"


def _problem_of_s3(parts: SplitResult) -> str | None:
    if parts.scheme not in ("http", "https"):
        return "starts with neither file, http nor https"
    if not HOST.fullmatch(parts.hostname or ""):
        return "names no host, or one that cannot be"
    return "has a path: buckets are made from tags" if parts.path.strip("/") else None


def _unfit(problem: str) -> ConfigurationError:
    return ConfigurationError(SETTING, problem, FORM)
