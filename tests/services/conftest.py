"""The brokers of the service tests."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.browser import browser, desk
from tests.services.mosquitto import Mosquitto
from tests.services.nats import NatsServer
from tests.services.rabbitmq import RabbitMQ

__all__ = ["browser", "desk"]


@pytest.fixture(scope="session")
def rabbitmq(request: pytest.FixtureRequest) -> RabbitMQ:
    """The server of ORDERCAST_TEST_RABBITMQ, whose user may declare queues; else our own."""
    given = os.environ.get("ORDERCAST_TEST_RABBITMQ")
    return RabbitMQ(given) if given else request.getfixturevalue("rabbit_node")


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[Mosquitto]:
    """An MQTT broker of the tests' own, which they may stop and start."""
    if missing := Mosquitto.missing_programs():
        pytest.skip(f"no {', '.join(missing)}: run .ci/services")
    with tempfile.TemporaryDirectory(prefix="mosquitto-") as home, Mosquitto(Path(home)) as broker:
        yield broker


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """A NATS server of the tests' own, which they may stop and start."""
    if NatsServer.program() is None:
        pytest.skip("no nats-server: run .ci/services")
    with tempfile.TemporaryDirectory(prefix="nats-") as home, NatsServer(Path(home)) as server:
        yield server
