"""The real servers of the service tests."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.ceph import Ceph


@dataclass(frozen=True)
class S3Server:
    """An S3 server: its URL with a user's credentials, and that of another user, if any."""

    url: str
    url_of_another: str | None = None


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The server of ORDERCAST_TEST_S3_URL, which keeps the tests' buckets; else our own Ceph."""
    given = os.environ.get("ORDERCAST_TEST_S3_URL")
    if given:
        yield S3Server(given, os.environ.get("ORDERCAST_TEST_S3_URL_OF_ANOTHER"))
        return
    missing = Ceph.missing_programs()
    if missing:
        pytest.skip(f"no {', '.join(missing)}: run .ci/services, or set ORDERCAST_TEST_S3_URL")
    with tempfile.TemporaryDirectory(prefix="ceph-") as home, Ceph(Path(home)) as ceph:
        users = (ceph.add_user("agent"), ceph.add_user("another"))
        yield S3Server(*(f"http://{user.key}:{user.secret}@{ceph.endpoint}" for user in users))
