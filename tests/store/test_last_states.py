"""The last state of a device is told by the newest event that a subscriber is told of."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.last_states import last_states
from ordercast.store.push_tables import PushDelivery, PushEvent
from ordercast.store.tables import OrderOutcome, ServiceOrder
from tests.conftest import forget

BEGAN = now()


@pytest.fixture(autouse=True)
def _on_a_database(home):
    forget()


def tell(order_no, minute, *devices, subscriber="sub-a"):
    """A delivery of the outcome of an order with a line for each device."""
    at = BEGAN + timedelta(minutes=minute)
    event = PushEvent(
        id=uuid4(),
        order_no=order_no,
        version=1,
        sequence=1,
        type="order.completed",
        occurred_at=at,
        data={},
        tags=[],
    )
    with database().write() as session:
        session.add(an_order(order_no))
        session.flush()
        session.add(an_outcome(order_no, devices))
    return a_delivery(event, subscriber), event


def an_order(order_no):
    return ServiceOrder(
        order_no=order_no,
        agent="agent-x",
        content_sha256="",
        message_id="m",
        title="a SIM",
        state="completed",
        ordered_at=BEGAN,
    )


def an_outcome(order_no, devices):
    lines = [
        {
            "line_no": number,
            "state": "completed",
            "action": "add",
            "product": "iot-card",
            "characteristics": {"msisdn": device},
        }
        for number, device in enumerate(devices, start=1)
    ]
    return OrderOutcome(
        order_no=order_no,
        version=1,
        state="completed",
        sealed_at=BEGAN,
        primary_tag="iot",
        summary={"lines": lines},
        evidence=b"",
    )


def a_delivery(event, subscriber):
    return PushDelivery(
        id=uuid4(),
        event_id=event.id,
        subscriber_id=subscriber,
        order_no=event.order_no,
        sequence=1,
        state="pending",
        created_at=event.occurred_at,
    )


def lease(*deliveries) -> dict[UUID, list[str]]:
    with database().write() as session:
        found = last_states(session, deliveries)
    return {key: [each.name for each in devices] for key, devices in found.items()}


def test_what_is_newer_is_told_whichever_is_leased_first():
    old, new = tell("ord-1", 1, "+861", "862"), tell("ord-2", 2, "861")
    assert lease(old) == {old[0].id: ["+861", "862"]}
    assert lease(new) == {new[0].id: ["861"]}
    assert lease(old) == {old[0].id: ["862"]}
    assert lease(new, old) == {new[0].id: ["861"], old[0].id: ["862"]}


def test_each_subscriber_has_its_own_last_states():
    old, new = tell("ord-1", 1, "861"), tell("ord-2", 2, "861", subscriber="sub-b")
    assert lease(new, old) == {new[0].id: ["861"], old[0].id: ["861"]}


def test_an_order_with_more_devices_than_a_statement_takes_tells_all():
    many = [f"86{number:09}" for number in range(1201)]
    (delivery, event), other = tell("ord-1", 1, *many), tell("ord-2", 2, many[-1])
    lease(other)
    assert lease((delivery, event)) == {delivery.id: many[:-1]}


@hypothesis(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    minutes=st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True),
    order=st.randoms(use_true_random=False),
)
def test_in_whatever_order_they_are_leased_the_newest_has_the_last_word(minutes, order):
    device = uuid4().hex
    told = [tell(f"ord-{uuid4().hex[:12]}", minute, device) for minute in minutes]
    newest = max(told, key=lambda each: each[1].occurred_at)
    in_turn = [each for each in told for _ in range(2)]
    order.shuffle(in_turn)
    says = [(each, lease(each)[each[0].id]) for each in in_turn]
    assert all(devices == [device] for each, devices in says if each is newest)
    last = [each for each, devices in says if devices][-1]
    assert last is newest
