"""What an S3 server refuses, or does not answer, told as faults with their cure."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError, LocationValueError, NameResolutionError, SSLError

from ordercast.domain.errors import OrdercastError, PermanentFault, TransientFault

PASSES = frozenset(
    {
        "BadDigest",
        "IncompleteBody",
        "InternalError",
        "NoSuchBucket",
        "OperationAborted",
        "QuotaExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "TooManyRequests",
    }
)
MIND_THE_KEY = "check key and secret in ORDERCAST_ARCHIVE__URL or in the block `order-archive`"
MIND_THE_REGION = "set ORDERCAST_ARCHIVE__REGION to the server's region"
MIND_THE_OWNER = (
    "choose another ORDERCAST_ARCHIVE__BUCKET_PREFIX if the bucket is somebody else's, else let"
    " the key create buckets and use s3:GetBucketLocation, s3:ListBucket, s3:GetObject,"
    " s3:PutObject and s3:PutObjectTagging"
)
CURES = {
    "AccessDenied": MIND_THE_OWNER,
    "AllAccessDisabled": MIND_THE_OWNER,
    "AuthorizationHeaderMalformed": MIND_THE_REGION,
    "BucketAlreadyExists": MIND_THE_OWNER,
    "IllegalLocationConstraintException": MIND_THE_REGION,
    "InvalidAccessKeyId": MIND_THE_KEY,
    "InvalidLocationConstraint": MIND_THE_REGION,
    "InvalidRegion": MIND_THE_REGION,
    "PermanentRedirect": MIND_THE_REGION,
    "RequestTimeTooSkewed": "set the clock of this machine",
    "SignatureDoesNotMatch": MIND_THE_KEY,
    "TooManyBuckets": "have the account's limit raised, or let fewer tags be primary",
}
NOT_S3 = "check scheme, host and port in ORDERCAST_ARCHIVE__URL: this is no S3 server"


@contextmanager
def told_as_faults(server: str, bucket: str) -> Iterator[None]:
    """Turn what the client raises into TransientFault or PermanentFault; secrets stay in."""
    try:
        yield
    except (MinioException, HTTPError, ParseError, ValueError) as error:
        raise fault(error, where=f"the archive at {server}, bucket {bucket}") from error


def fault(error: Exception, *, where: str) -> OrdercastError:
    """The fault that an exception of the S3 client means."""
    match error:
        case S3Error():
            return _refusal(error, where)
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


def _refusal(error: S3Error, where: str) -> OrdercastError:
    status, code = error.response.status, error.code or "no code"
    said = f"{where}: answered {status} {code}" + (f" ({error.message})" if error.message else "")
    if code in PASSES or _passes(status):
        return TransientFault(said)
    return PermanentFault(f"{said}; {CURES.get(code, 'see the log of the S3 server')}")


def _by_status(status: int, where: str) -> OrdercastError:
    said = f"{where}: answered {status} without an S3 error"
    return TransientFault(said) if _passes(status) else PermanentFault(f"{said}; {NOT_S3}")


def _passes(status: int) -> bool:
    return status in (408, 429) or (status >= 500 and status != 501)


def _no_answer(error: HTTPError, where: str) -> OrdercastError:
    said = f"{where}: {_plain(error)}"
    if isinstance(error, NameResolutionError) and _is_unknown_name(error):
        return PermanentFault(f"{said}; check the host in ORDERCAST_ARCHIVE__URL")
    if isinstance(error, SSLError) and _is_wrong_certificate(error):
        cure = "trust its authority by SSL_CERT_FILE, or check the host in ORDERCAST_ARCHIVE__URL"
        return PermanentFault(f"{said}; {cure}")
    if isinstance(error, SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        return PermanentFault(f"{said}; it does not speak TLS: write http:// for https://")
    return TransientFault(said)


def _plain(error: HTTPError) -> str:
    """The message without the connection object that urllib3 puts before it."""
    return str(error).rsplit(": ", maxsplit=1)[-1] or type(error).__name__


def _is_unknown_name(error: NameResolutionError) -> bool:
    cause = error.__cause__
    return isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME


def _is_wrong_certificate(error: SSLError) -> bool:
    return any(isinstance(reason, ssl.SSLCertVerificationError) for reason in error.args)
