"""The archive as buckets of an S3 server: MinIO, Ceph, AWS or any other."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

from minio import Minio
from minio.error import S3Error
from urllib3 import BaseHTTPResponse, PoolManager, Timeout

from ordercast.archive.objects import EvidenceObject, StoredObject, is_kept
from ordercast.archive.s3_faults import told_as_faults
from ordercast.archive.s3_labels import object_tags, stored_object, user_metadata
from ordercast.domain.errors import NotFound

CONNECT_SECONDS = 5
MIN_PART_BYTES = 5 * 2**20
ABSENT = frozenset({"NoSuchKey", "NoSuchBucket"})


class S3Archive:
    """Evidence in the buckets of an S3 server, which it makes when they are not there.

    `server` is `host[:port]`; an empty region is asked of the server, bucket by bucket. It
    tries everything once, may be shared by threads, and answers within `timeout_seconds` of
    silence.
    """

    def __init__(
        self,
        server: str,
        *,
        key: str,
        secret: str,
        secure: bool,
        region: str = "",
        timeout_seconds: float = 20,
    ) -> None:
        connect = min(CONNECT_SECONDS, timeout_seconds)
        self.server = server
        self._client = Minio(
            server,
            access_key=key,
            secret_key=secret,
            secure=secure,
            region=region or None,
            http_client=PoolManager(
                timeout=Timeout(connect=connect, read=timeout_seconds), retries=False, maxsize=16
            ),
        )

    def put(self, evidence: EvidenceObject) -> None:
        if is_kept(self, evidence):
            return
        with told_as_faults(self.server, evidence.bucket):
            try:
                self._write(evidence)
            except S3Error as error:
                if error.code != "NoSuchBucket":
                    raise
                self._make_bucket(evidence.bucket)
                self._write(evidence)

    def get(self, bucket: str, key: str) -> bytes:
        with told_as_faults(self.server, bucket), self._opened(bucket, key) as answer:
            if answer is None:
                raise NotFound("evidence object", f"{bucket}/{key}")
            return answer.read(decode_content=False)

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        with told_as_faults(self.server, bucket), self._opened(bucket, key) as answer:
            return None if answer is None else stored_object(answer.headers)

    @contextmanager
    def _opened(self, bucket: str, key: str) -> Iterator[BaseHTTPResponse | None]:
        """A GET whose body is not read yet.

        Never a HEAD: its refusal has no body to say why, and minio's reading of a HEAD fails
        on the dates that some servers write.
        """
        answer = self._ask(bucket, key)
        try:
            yield answer
        finally:
            if answer is not None:
                answer.close()
                answer.release_conn()

    def _ask(self, bucket: str, key: str) -> BaseHTTPResponse | None:
        try:
            return self._client.get_object(bucket, key)
        except S3Error as error:
            if error.code in ABSENT:
                return None
            raise

    def _write(self, evidence: EvidenceObject) -> None:
        """Put an object in one request, so that it is there whole or not at all."""
        self._client.put_object(
            evidence.bucket,
            evidence.key,
            io.BytesIO(evidence.body),
            len(evidence.body),
            content_type="application/gzip",
            metadata=user_metadata(evidence),
            tags=object_tags(evidence.tags),
            part_size=max(len(evidence.body), MIN_PART_BYTES),
        )

    def _make_bucket(self, bucket: str) -> None:
        """Make a bucket, unless another process has just done so."""
        try:
            self._client.make_bucket(bucket)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":
                raise
