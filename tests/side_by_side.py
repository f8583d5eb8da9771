"""How tests are dealt out to processes: what shares a dear fixture stays in one of them."""

from collections.abc import Mapping

import pytest
from xdist.scheduler import LoadScopeScheduling

FLOWS, BROKERS = "tests/flows/", "RabbitMQ"
SERVICES = "tests/services/"
TOGETHER: Mapping[str, str] = {
    f"{SERVICES}test_broker_doctor.py": BROKERS,
    f"{SERVICES}test_deliver_amqp.py": BROKERS,
    f"{SERVICES}test_listener_outages.py": BROKERS,
    f"{SERVICES}test_listener_rabbitmq.py": BROKERS,
    f"{SERVICES}test_middleware_docs.py": BROKERS,
    f"{SERVICES}test_several_listeners.py": BROKERS,
}
LONGEST_FIRST = (
    "tests/journeys/test_several_machines.py",
    "tests/journeys/test_kills.py",
    FLOWS,
    "tests/journeys/",
    f"{SERVICES}test_postgres_outage.py",
    f"{SERVICES}test_postgres_races.py",
)
"""Begun in this order, so that no long one is left for the end. All others follow."""


class ByFixture(LoadScopeScheduling):
    """The tests of a file together; all flow tests, which share a Prefect server; all that share
    a RabbitMQ server."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return FLOWS if nodeid.startswith(FLOWS) else TOGETHER.get(path, path)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests so that what takes long begins early; all else stays in its order."""

    def turn(item: pytest.Item) -> int:
        places = (n for n, begin in enumerate(LONGEST_FIRST) if item.nodeid.startswith(begin))
        return next(places, len(LONGEST_FIRST))

    items.sort(key=turn)
