"""The S3 server that tests talk to."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from minio import Minio

from tests.services.ceph import Ceph, S3User

USER, ANOTHER = "agent", "another"


@dataclass(frozen=True)
class S3Server:
    """An S3 server: its URL with a user's credentials, and, if it is our own, all of it."""

    url: str
    ceph: Ceph | None = None

    @property
    def own(self) -> Ceph:
        """Our own server, whose users and doors a test may move; else the test is skipped."""
        if self.ceph is None:
            pytest.skip("ORDERCAST_TEST_S3_URL names a server that tests must not change")
        return self.ceph

    @property
    def plain_client(self) -> Minio:
        """S3 without Ordercast, as an operator would use it."""
        parts = urlsplit(self.url)
        return Minio(
            parts.netloc.rpartition("@")[2],
            access_key=parts.username,
            secret_key=parts.password,
            secure=parts.scheme == "https",
        )

    def end_lifecycles(self) -> None:
        """Nothing expires in the user's buckets any more: when days pass they pass for all."""
        for bucket in self.plain_client.list_buckets():
            self.plain_client.delete_bucket_lifecycle(bucket.name)

    def url_of(self, user: S3User) -> str:
        """The URL with the credentials of somebody else."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{user.key}:{user.secret}@{rest.rpartition('@')[2]}"
