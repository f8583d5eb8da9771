"""The real servers of the service tests."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.ceph import Ceph
from tests.services.nats import NatsServer
from tests.services.rabbitmq import RabbitMQ, RabbitNode


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
        yield S3Server(given)
        return
    missing = Ceph.missing_programs()
    if missing:
        pytest.skip(f"no {', '.join(missing)}: run .ci/services, or set ORDERCAST_TEST_S3_URL")
    with tempfile.TemporaryDirectory(prefix="ceph-") as home, Ceph(Path(home)) as ceph:
        users = (ceph.add_user("agent"), ceph.add_user("another"))
        yield S3Server(*(f"http://{user.key}:{user.secret}@{ceph.endpoint}" for user in users))


@pytest.fixture(scope="session")
def rabbit_node() -> Iterator[RabbitNode]:
    """A RabbitMQ server of the tests' own, which they may stop and start."""
    if missing := RabbitNode.missing_programs():
        pytest.skip(f"no {', '.join(missing)}: run .ci/services")
    with tempfile.TemporaryDirectory(prefix="rabbitmq-") as home, RabbitNode(Path(home)) as node:
        yield node


@pytest.fixture(scope="session")
def rabbitmq(request: pytest.FixtureRequest) -> RabbitMQ:
    """The server of ORDERCAST_TEST_RABBITMQ, whose user may declare queues; else our own."""
    given = os.environ.get("ORDERCAST_TEST_RABBITMQ")
    return RabbitMQ(given) if given else request.getfixturevalue("rabbit_node")


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """A NATS server of the tests' own, which they may stop and start."""
    if NatsServer.program() is None:
        pytest.skip("no nats-server: run .ci/services")
    with tempfile.TemporaryDirectory(prefix="nats-") as home, NatsServer(Path(home)) as server:
        yield server
