"""The archive as buckets of an S3 server: MinIO, Ceph, AWS or any other."""

import io
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from minio import Minio
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.error import S3Error
from minio.retention import Retention
from minio.time import utcnow
from urllib3 import BaseHTTPResponse, PoolManager, Timeout

from config.bucket_rules import LockMode, ObjectLock
from ordercast.archive.objects import PIECE_BYTES, EvidenceObject, StoredObject, is_kept
from ordercast.archive.s3_buckets import REMAKE, S3Buckets
from ordercast.archive.s3_faults import told_as_faults
from ordercast.archive.s3_labels import object_tags, stored_object, user_metadata
from ordercast.domain.errors import NotFound, PermanentFault, TransientFault

PART_BYTES = 64 * 2**20
"""Up to this size an object is one request; a larger one goes up in parts of it."""

ABSENT = frozenset({"NoSuchKey", "NoSuchBucket"})
MODES = {LockMode.GOVERNANCE: GOVERNANCE, LockMode.COMPLIANCE: COMPLIANCE}
READ = "s3:GetBucketLocation, s3:ListBucket and s3:GetObject"
WRITE = "s3:PutObject and s3:PutObjectTagging"
LOCK = "s3:PutObject, s3:PutObjectTagging and s3:PutObjectRetention"


class S3Archive:
    """Evidence in the buckets of an S3 server, which it makes when they are not there.

    `server` is `host[:port]`; an empty region is asked of the server, bucket by bucket.
    `virtual_style` puts the bucket into the host's name, or into the path; None: as the host
    is known to want it. It tries everything once, may be shared by threads, and answers within
    `timeout_seconds` of silence.
    """

    def __init__(
        self,
        server: str,
        *,
        key: str,
        secret: str,
        secure: bool,
        region: str = "",
        virtual_style: bool | None = None,
        trust: ssl.SSLContext | None = None,
        timeout_seconds: float = 20,
        connect_timeout_seconds: float = 5,
    ) -> None:
        connect = min(connect_timeout_seconds, timeout_seconds)
        self.server = server
        self._client = Minio(
            server,
            access_key=key,
            secret_key=secret,
            secure=secure,
            region=region or None,
            http_client=PoolManager(
                timeout=Timeout(connect=connect, read=timeout_seconds),
                retries=False,
                maxsize=16,
                ssl_context=trust,
            ),
        )
        if virtual_style is True:
            self._client.enable_virtual_style_endpoint()
        elif virtual_style is False:
            self._client.disable_virtual_style_endpoint()
        self.buckets = S3Buckets(self._client, server)

    def put(self, evidence: EvidenceObject) -> None:
        if is_kept(self, evidence):
            return
        self.buckets.finish(evidence.bucket, evidence.rules)
        if self._write(evidence):
            return
        self.buckets.make(evidence.bucket, evidence.rules)
        if not self._write(evidence):
            raise TransientFault(f"bucket {evidence.bucket} was deleted just after it was made")

    def read(self, bucket: str, key: str, *, offset: int = 0) -> Iterator[bytes]:
        with (
            told_as_faults(self.server, bucket, right=READ),
            self._opened(bucket, key, offset) as answer,
        ):
            if answer is None:
                raise NotFound("evidence object", f"{bucket}/{key}")
            yield from answer.stream(PIECE_BYTES, decode_content=False)

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        with (
            told_as_faults(self.server, bucket, right=READ),
            self._opened(bucket, key) as answer,
        ):
            return None if answer is None else stored_object(answer.headers)

    @contextmanager
    def _opened(self, bucket: str, key: str, offset: int = 0) -> Iterator[BaseHTTPResponse | None]:
        """A GET whose body is not read yet.

        Never a HEAD: its refusal has no body to say why, and minio's reading of a HEAD fails
        on the dates that some servers write.
        """
        answer = self._ask(bucket, key, offset)
        try:
            yield answer
        finally:
            if answer is not None:
                answer.close()
                answer.release_conn()

    def _ask(self, bucket: str, key: str, offset: int) -> BaseHTTPResponse | None:
        try:
            return self._client.get_object(bucket, key, offset=offset)
        except S3Error as error:
            if error.code in ABSENT:
                return None
            raise

    def _write(self, evidence: EvidenceObject) -> bool:
        """Put an object, which is there whole or not at all; False if there is no bucket."""
        lock = evidence.rules.lock
        with told_as_faults(self.server, evidence.bucket, right=LOCK if lock else WRITE):
            try:
                self._client.put_object(
                    evidence.bucket,
                    evidence.key,
                    io.BytesIO(evidence.body),
                    len(evidence.body),
                    content_type="application/gzip",
                    metadata=user_metadata(evidence),
                    tags=object_tags(evidence.tags),
                    retention=_retention(lock) if lock else None,
                    part_size=PART_BYTES,
                    num_parallel_uploads=1,
                )
            except S3Error as error:
                if error.code == "NoSuchBucket":
                    return False
                if lock and error.code == "InvalidRequest":
                    self._check_lockable(evidence.bucket)
                raise
        return True

    def _check_lockable(self, bucket: str) -> None:
        if not self.buckets.is_lockable(bucket):
            problem = "was made without object lock, which tags.yaml asks for"
            raise PermanentFault(f"bucket {bucket} at {self.server} {problem}; {REMAKE}")


def _retention(lock: ObjectLock) -> Retention:
    """The lock of one object, counted from now, whatever the bucket's default is."""
    return Retention(MODES[lock.mode], utcnow() + timedelta(days=lock.days))
