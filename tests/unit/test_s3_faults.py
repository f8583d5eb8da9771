"""What a server of S3, or something in its place, may answer: each a fault of the right kind."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NameResolutionError, SSLError

from ordercast.archive.objects import StoredObject
from ordercast.archive.s3_archive import S3Archive
from ordercast.archive.s3_faults import fault
from ordercast.domain.errors import CredentialsRefused, PermanentFault, TransientFault
from tests.services.ceph import free_port

SECRET = "not-so-secret"


@contextmanager
def answering(status: int, body: bytes, media_type: str) -> Iterator[str]:
    """A server that gives every request the same answer."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def stat_at(server: str, *, secure: bool = False) -> StoredObject | None:
    archive = S3Archive(
        server, key="key", secret=SECRET, secure=secure, region="r", timeout_seconds=0.3
    )
    return archive.stat("ordercast-iot", "2026/v1.json.gz")


def s3_error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>because</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "SlowDown"),
        (500, "InternalError"),
        (507, "XMinioStorageFull"),
        (429, "Whatever"),
        (400, "RequestTimeout"),
        (409, "OperationAborted"),
        (409, "ConcurrentModification"),
        (403, "QuotaExceeded"),
    ],
)
def test_what_s3_says_will_pass_is_a_transient_fault(status: int, code: str) -> None:
    with (
        answering(status, s3_error(code), "application/xml") as server,
        pytest.raises(TransientFault, match=f"{status} {code} .because."),
    ):
        stat_at(server)


@pytest.mark.parametrize(
    ("status", "code", "cure"),
    [
        (403, "RequestTimeTooSkewed", "set the clock"),
        (400, "AuthorizationHeaderMalformed", "ORDERCAST_ARCHIVE__REGION"),
        (400, "IllegalLocationConstraintException", "`region` in the block `order-archive`"),
        (409, "BucketAlreadyExists", "ORDERCAST_ARCHIVE__BUCKET_PREFIX"),
        (400, "TooManyBuckets", "limit raised"),
        (409, "InvalidBucketState", "ordercast archive buckets"),
        (400, "ObjectLocked", "locked: wait until the lock ends"),
        (400, "InvalidRetentionPeriod", "`lock:` in tags.yaml"),
        (400, "InvalidStorageClass", "storage class that the server has"),
        (400, "MalformedXML", "`buckets:` in tags.yaml"),
        (501, "NotImplemented", "take it out of `buckets:`"),
        (418, "Teapot", "see the log of the S3 server"),
    ],
)
def test_what_s3_refuses_is_a_permanent_fault_with_its_cure(
    status: int, code: str, cure: str
) -> None:
    with (
        answering(status, s3_error(code), "application/xml") as server,
        pytest.raises(PermanentFault, match=cure) as told,
    ):
        stat_at(server)
    assert not isinstance(told.value, CredentialsRefused)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("AccessDenied", "ORDERCAST_ARCHIVE__BUCKET_PREFIX .*use s3:GetBucketLocation"),
        ("InvalidAccessKeyId", "check `key` and `secret` in the block `order-archive`"),
        ("SignatureDoesNotMatch", "ORDERCAST_ARCHIVE__URL"),
        ("ExpiredToken", "check `key` and `secret`"),
        ("UserSuspended", "have the account of the key enabled"),
        ("AccountProblem", "have the account of the key enabled"),
    ],
)
def test_a_refused_key_is_told_apart_for_it_may_have_been_changed(code: str, cure: str) -> None:
    with (
        answering(403, s3_error(code), "application/xml") as server,
        pytest.raises(CredentialsRefused, match=cure) as told,
    ):
        stat_at(server)
    assert SECRET not in str(told.value)


def test_a_lock_is_not_taken_for_a_missing_right() -> None:
    body = s3_error("AccessDenied").replace(b"because", b"forbidden by object lock")
    with (
        answering(403, body, "application/xml") as server,
        pytest.raises(PermanentFault, match="wait until the lock ends") as told,
    ):
        stat_at(server)
    assert not isinstance(told.value, CredentialsRefused)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
@pytest.mark.parametrize("body", [b"", b"<html>try later</html>"])
def test_a_proxy_that_answers_for_s3_is_a_transient_fault(status: int, body: bytes) -> None:
    with answering(status, body, "text/html") as server, pytest.raises(TransientFault):
        stat_at(server)


@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [
        (404, b"<html>nothing here</html>", "text/html"),
        (404, b"", "application/xml"),
        (400, b"<html", "application/xml"),
        (400, b"\xff\xfe", "application/xml"),
        (302, b"elsewhere", "text/plain"),
    ],
)
def test_something_else_in_the_place_of_s3_is_a_permanent_fault(
    status: int, body: bytes, media_type: str
) -> None:
    with (
        answering(status, body, media_type) as server,
        pytest.raises(PermanentFault, match="this is no S3 server"),
    ):
        stat_at(server)


def test_a_refused_connection_is_a_transient_fault() -> None:
    with pytest.raises(TransientFault, match="Connection refused"):
        stat_at(f"127.0.0.1:{free_port()}")


def test_a_server_that_does_not_answer_is_a_transient_fault_after_the_timeout() -> None:
    started = time.monotonic()
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(TransientFault, match="timed out"),
    ):
        stat_at(f"127.0.0.1:{silent.getsockname()[1]}")
    assert time.monotonic() - started < 5


def test_https_to_a_server_without_tls_is_a_permanent_fault_with_its_cure() -> None:
    with (
        answering(400, b"", "text/plain") as server,
        pytest.raises(PermanentFault, match="write http:// in `url`"),
    ):
        stat_at(server, secure=True)


def test_a_host_that_does_not_exist_is_a_permanent_fault() -> None:
    told = unresolved(socket.EAI_NONAME, "Name or service not known")
    assert isinstance(told, PermanentFault)
    assert "check the host" in str(told)


def test_a_name_server_that_does_not_answer_is_a_transient_fault() -> None:
    told = unresolved(socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert isinstance(told, TransientFault)


def unresolved(number: int, text: str) -> Exception:
    reason = socket.gaierror(number, text)
    error = NameResolutionError("s3.example.com", HTTPConnection("s3.example.com"), reason)
    error.__cause__ = reason
    return fault(error, where="the archive at s3.example.com")


def test_a_bucket_that_s3_cannot_have_is_a_permanent_fault() -> None:
    archive = S3Archive("127.0.0.1", key="key", secret=SECRET, secure=False, region="r")
    with pytest.raises(PermanentFault, match="invalid bucket name"):
        archive.stat("..", "key")


def test_a_certificate_that_nobody_trusts_is_a_permanent_fault() -> None:
    reason = ssl.SSLCertVerificationError("certificate verify failed: self-signed certificate")
    told = fault(SSLError(reason), where="the archive at s3.example.com")
    assert isinstance(told, PermanentFault)
    assert "`ca_bundle`" in str(told)
