"""Too many orders that wait for too long are told to people and to Prefect, once each way."""

import pytest
from sqlmodel import select

from ordercast.services.relay.waiting import tell_waiting
from ordercast.store.engine import database
from ordercast.store.tables import OperatorAlert
from ordercast.store.waiting_long import FLOWING, WAITING
from tests.flows.floor import Floor
from tests.flows.samples import plan_change


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERCAST_ALERTS__WAITING_ORDERS", "1")
    monkeypatch.setenv("ORDERCAST_ALERTS__WAITING_HOURS", "0.0000001")


def told() -> list[str]:
    with database().read() as session:
        alerts = session.exec(select(OperatorAlert).order_by(OperatorAlert.key))  # pyright: ignore
        return [each.kind for each in alerts]


def test_each_crossing_is_told_once(watchful: None, floor: Floor) -> None:
    tell_waiting(floor.api)
    assert told() == []
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    for _ in range(2):
        tell_waiting(floor.api)
    assert told() == [WAITING]
    floor.complete(order_no)
    for _ in range(2):
        tell_waiting(floor.api)
    assert told() == [WAITING, FLOWING]
