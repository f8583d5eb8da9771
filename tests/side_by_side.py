"""How tests are dealt out to processes: what shares a dear fixture stays in one of them."""

import pytest
from xdist.scheduler import LoadScopeScheduling

FLOWS, JOURNEYS, SERVICES = "tests/flows/", "tests/journeys/", "tests/services/"
TOGETHER = (
    FLOWS,
    f"{JOURNEYS}test_several_machines.py",
    f"{JOURNEYS}test_outages.py",
    f"{SERVICES}test_s3_",
    f"{SERVICES}test_archive.py",
    f"{SERVICES}test_results.py",
    f"{SERVICES}test_broker_doctor.py",
    f"{SERVICES}test_deliver_amqp.py",
    f"{SERVICES}test_listener_outages.py",
    f"{SERVICES}test_listener_rabbitmq.py",
    f"{SERVICES}test_middleware_docs.py",
    f"{SERVICES}test_several_listeners.py",
)
"""What shares one of the servers that take long to start: Prefect's, Ceph, RabbitMQ."""

LONGEST_FIRST = (
    f"{JOURNEYS}test_several_machines.py",
    f"{JOURNEYS}test_kills.py",
    FLOWS,
    JOURNEYS,
    f"{SERVICES}test_postgres_outage.py",
    f"{SERVICES}test_postgres_races.py",
)
"""Begun in this order, so that no long one is left for the end. All others follow."""


class ByFixture(LoadScopeScheduling):
    """The tests of a file together, and those of all files that share such a server."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "together" if path.startswith(TOGETHER) else path


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests so that what takes long begins early; all else stays in its order."""

    def turn(item: pytest.Item) -> int:
        places = (n for n, begin in enumerate(LONGEST_FIRST) if item.nodeid.startswith(begin))
        return next(places, len(LONGEST_FIRST))

    items.sort(key=turn)
