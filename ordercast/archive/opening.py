"""Which archive an address means: `file:///dir` or `http(s)://key:secret@host[:port]`."""

import re
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from config.settings import ArchiveSettings
from ordercast.archive.file_archive import FileArchive
from ordercast.archive.objects import Archive
from ordercast.archive.patient_archive import PatientArchive
from ordercast.archive.s3_archive import S3Archive
from ordercast.domain.errors import ConfigurationError

HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f.:]+")
SETTING = "ORDERCAST_ARCHIVE__URL or the block `order-archive`"
FORM = "write `file:///dir` or `https://key:secret@host[:port]`, with key and secret URL-encoded"


class Addressing(StrEnum):
    """Where the bucket stands in a URL: in the path, in the host's name, or as is usual there."""

    AUTO = "auto"
    PATH = "path"
    VIRTUAL = "virtual"


@dataclass(frozen=True)
class ArchiveAddress:
    """Where an archive is, and the credentials for it, apart; those of a directory are empty."""

    url: str
    key: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Connection:
    """How an S3 server is talked to; none of it matters for a directory.

    An empty region is asked of the server; `ca_bundle` is a file of trusted certificates in
    PEM, empty for those that the machine trusts.
    """

    region: str = ""
    addressing: Addressing = Addressing.AUTO
    ca_bundle: str = ""
    timeout_seconds: float = 20
    connect_timeout_seconds: float = 5


def connection_of(chosen: ArchiveSettings) -> Connection:
    """How the settings have it that an S3 server is talked to."""
    return Connection(
        region=chosen.region,
        addressing=Addressing(chosen.addressing),
        ca_bundle=chosen.ca_bundle,
        timeout_seconds=chosen.timeout_seconds,
        connect_timeout_seconds=chosen.connect_timeout_seconds,
    )


def open_archive(url: str, connection: Connection | None = None) -> Archive:
    """The archive at a URL, tried up to three times a call; ConfigurationError if unfit.

    Nothing is asked of it yet.
    """
    return connect(parse_address(url), connection)


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


def connect(address: ArchiveAddress, connection: Connection | None = None) -> Archive:
    """The archive at an address whose credentials stand apart."""
    parts = _split(address.url)
    if parts.scheme == "file":
        return PatientArchive(FileArchive(Path(unquote(parts.path))))
    if not address.key or not address.secret:
        raise _unfit("has no key and secret")
    if "@" in parts.netloc:
        raise _unfit("has a key and secret beside those given apart")
    return PatientArchive(_s3(parts, address, connection or Connection()))


def _s3(parts: SplitResult, address: ArchiveAddress, connection: Connection) -> S3Archive:
    by_host = {Addressing.PATH: False, Addressing.VIRTUAL: True}
    try:
        return S3Archive(
            parts.netloc,
            key=address.key,
            secret=address.secret,
            secure=parts.scheme == "https",
            region=connection.region,
            virtual_style=by_host.get(connection.addressing),
            trust=_trust(connection.ca_bundle),
            timeout_seconds=connection.timeout_seconds,
            connect_timeout_seconds=connection.connect_timeout_seconds,
        )
    except ValueError:
        problem = "has a host, or ORDERCAST_ARCHIVE__REGION a region, that S3 does not allow"
        raise _unfit(problem) from None


def _trust(ca_bundle: str) -> ssl.SSLContext | None:
    """What certificates are held to; None for what this machine trusts."""
    if not ca_bundle:
        return None
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            "ORDERCAST_ARCHIVE__CA_BUNDLE or `ca_bundle` of the block `order-archive`",
            f"{ca_bundle} cannot be used: {error.strerror or error}",
            "name a file with certificates in PEM, on each machine that has a worker",
        ) from None


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
