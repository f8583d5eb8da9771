"""What an S3 server refuses, or does not answer, told as faults with their cure.

A fault that passes by itself parks the order; one that does not fails its run, until a person
has mended what the text names and pressed Retry.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError, LocationValueError, NameResolutionError, SSLError

from ordercast.domain.errors import (
    CredentialsRefused,
    OrdercastError,
    PermanentFault,
    TransientFault,
)

BLOCK = "in the block `order-archive` (made from ORDERCAST_ARCHIVE__{setting})"
THE_URL = f"`url` {BLOCK.format(setting='URL')}"
PASSES = frozenset(
    {
        "BadDigest",
        "ConcurrentModification",
        "IncompleteBody",
        "InternalError",
        "NoSuchBucket",
        "NoSuchUpload",
        "OperationAborted",
        "QuotaExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "TooManyRequests",
    }
)
MIND_THE_KEY = f"check `key` and `secret` {BLOCK.format(setting='URL')}"
MIND_THE_REGION = f"set the server's `region` {BLOCK.format(setting='REGION')}"
MIND_THE_ACCOUNT = "have the account of the key enabled again, or give another key: " + MIND_THE_KEY
MIND_THE_OWNER = (
    "choose another ORDERCAST_ARCHIVE__BUCKET_PREFIX if the bucket is somebody else's, else let"
    " the key use {right} on it"
)
MIND_THE_LOCK = "the bucket's objects are locked: wait until the lock ends, or ask who may lift it"
KEY_CURES = {
    "AccessDenied": MIND_THE_OWNER,
    "AllAccessDisabled": MIND_THE_ACCOUNT,
    "AccountProblem": MIND_THE_ACCOUNT,
    "ExpiredToken": MIND_THE_KEY,
    "InvalidAccessKeyId": MIND_THE_KEY,
    "InvalidToken": MIND_THE_KEY,
    "SignatureDoesNotMatch": MIND_THE_KEY,
    "UserSuspended": MIND_THE_ACCOUNT,
}
CURES = {
    "AuthorizationHeaderMalformed": MIND_THE_REGION,
    "BucketAlreadyExists": MIND_THE_OWNER,
    "IllegalLocationConstraintException": MIND_THE_REGION,
    "InvalidBucketState": "a bucket made with object lock keeps its versioning, one made without"
    " gets no lock: `ordercast archive buckets` shows which",
    "InvalidLocationConstraint": MIND_THE_REGION,
    "InvalidRegion": MIND_THE_REGION,
    "InvalidRetentionPeriod": "let the server allow it, or change `lock:` in tags.yaml",
    "InvalidStorageClass": "name a storage class that the server has in tags.yaml",
    "MalformedXML": "the server does not know a rule of this kind: change `buckets:` in tags.yaml",
    "NotImplemented": "the server cannot do this: take it out of `buckets:` in tags.yaml",
    "ObjectLocked": MIND_THE_LOCK,
    "PermanentRedirect": MIND_THE_REGION,
    "RequestTimeTooSkewed": "set the clock of this machine, or of the S3 server, by NTP",
    "TooManyBuckets": "have the account's limit raised, or let fewer tags be primary",
}
NOT_S3 = f"this is no S3 server: check scheme, host and port of {THE_URL}"
NO_ANSWER = (
    "it is tried again; if it lasts, see whether the server runs, and check scheme, host and port"
    f" of {THE_URL}"
)
NO_TRUST = (
    "give the file of its authority as `ca_bundle`"
    f" {BLOCK.format(setting='CA_BUNDLE')}, or check the host of `url`"
)


@contextmanager
def told_as_faults(server: str, bucket: str, *, right: str = "it") -> Iterator[None]:
    """Turn what the client raises into TransientFault or PermanentFault; secrets stay in.

    `right` names the permissions that the key needs for what is done.
    """
    try:
        yield
    except (MinioException, HTTPError, ParseError, ValueError) as error:
        where = f"the archive at {server}, bucket {bucket}"
        raise fault(error, where=where, right=right) from error


def fault(error: Exception, *, where: str, right: str = "it") -> OrdercastError:
    """The fault that an exception of the S3 client means."""
    match error:
        case S3Error():
            return _refusal(error, where, right)
        case InvalidResponseError():
            return _by_status(error._code, where)
        case ServerError():
            return _by_status(error.status_code, where)
        case LocationValueError():
            return PermanentFault(f"{where}: no address can be made of its name; {NOT_S3}")
        case HTTPError():
            return _no_answer(error, where)
        case ParseError() | UnicodeDecodeError():
            return PermanentFault(f"{where}: its answer cannot be read: {error}; {NOT_S3}")
        case _:
            return PermanentFault(f"{where}: {error}")


def _refusal(error: S3Error, where: str, right: str) -> OrdercastError:
    status, code = error.response.status, error.code or "no code"
    said = f"{where}: answered {status} {code}" + (f" ({error.message})" if error.message else "")
    if code in PASSES or _passes(status):
        return TransientFault(f"{said}; it is tried again")
    if "lock" in (error.message or "") and code == "AccessDenied":
        return PermanentFault(f"{said}; {MIND_THE_LOCK}")
    if code in KEY_CURES:
        return CredentialsRefused(f"{said}; {KEY_CURES[code].format(right=right)}")
    cure = CURES.get(code, "see the log of the S3 server")
    return PermanentFault(f"{said}; {cure.format(right=right)}")


def _by_status(status: int, where: str) -> OrdercastError:
    said = f"{where}: answered {status} without an S3 error"
    if _passes(status):
        return TransientFault(f"{said}; {NO_ANSWER}")
    return PermanentFault(f"{said}; {NOT_S3}")


def _passes(status: int) -> bool:
    return status in (408, 429) or (status >= 500 and status != 501)


def _no_answer(error: HTTPError, where: str) -> OrdercastError:
    said = f"{where}: {_plain(error)}"
    if isinstance(error, NameResolutionError) and _is_unknown_name(error):
        return PermanentFault(f"{said}; check the host of {THE_URL}")
    if isinstance(error, SSLError) and _is_wrong_certificate(error):
        return PermanentFault(f"{said}; {NO_TRUST}")
    if isinstance(error, SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        return PermanentFault(f"{said}; it does not speak TLS: write http:// in {THE_URL}")
    return TransientFault(f"{said}; {NO_ANSWER}")


def _plain(error: HTTPError) -> str:
    """The message without the connection object that urllib3 puts before it."""
    return str(error).rsplit(": ", maxsplit=1)[-1] or type(error).__name__


def _is_unknown_name(error: NameResolutionError) -> bool:
    cause = error.__cause__
    return isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME


def _is_wrong_certificate(error: SSLError) -> bool:
    return any(isinstance(reason, ssl.SSLCertVerificationError) for reason in error.args)
