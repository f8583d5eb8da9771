"""Orders that another system asks for by an event, on a real Prefect server."""

from typing import Any

from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.events import Event, Resource

from flows.accept import accept
from ordercast.store import inbox, orders
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.orders import OrderFilter
from tests.flows.floor import Floor
from tests.flows.samples import plan_change
from tests.waiting import wait_for

SECONDS = 60


def ask_for(floor: Floor, *payloads: dict[str, Any]) -> list[str]:
    """Emit an event for each payload, as another system does; their ids."""
    resource = Resource({"prefect.resource.id": "shop.basket"})
    events = [
        Event(event="ordercast.order.requested", resource=resource, payload=payload)
        for payload in payloads
    ]
    floor.api.emit(events)
    return [str(each.id) for each in events]


def kept(floor: Floor, name: str) -> list[dict[str, Any]]:
    """The events of that name that Prefect has kept by now."""
    since = {"since": "2020-01-01T00:00:00Z", "until": now().isoformat()}
    body = {"filter": {"event": {"name": [name]}, "occurred": since}, "limit": 50}
    return floor.client.request("POST", "/events/filter", json=body).json()["events"]


def wait_until_kept(floor: Floor, ids: list[str], name: str = "ordercast.order.requested") -> None:
    wait_for(
        lambda: set(ids) <= {each["id"] for each in kept(floor, name)},
        what="Prefect has not kept the events",
        seconds=SECONDS,
    )


def runs(floor: Floor) -> list[FlowRun]:
    deployment = floor.client.read_deployment_by_name("accept/accept")
    only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    found = floor.client.read_flow_runs(deployment_filter=only)
    return [each for each in found if not each.auto_scheduled]


def ordered() -> list[str]:
    with database().read() as session:
        page = orders.count_and_page(session, OrderFilter(), offset=0, limit=50)[1]
        return sorted(each.external_id or "" for each in page)


def test_events_that_come_close_together_share_a_run_and_all_become_orders(floor: Floor) -> None:
    began = now().isoformat()
    before = len(runs(floor))
    asked = [{"agent": "shop", "order": plan_change()} for _ in range(3)]
    ids = ask_for(floor, *asked)
    found = wait_for(lambda: runs(floor)[before:], what="no run was started", seconds=SECONDS)
    wait_until_kept(floor, ids)
    assert found[0].expected_start_time and found[0].parameters == {}
    assert accept(since=began, return_state=True).message == "3 orders taken"
    assert ordered() == sorted(f"event-{each}" for each in ids)
    assert (
        accept(since=began, return_state=True).message == "0 orders taken"
    )  # whoever reads them again
    assert len(ordered()) == 3
    assert len(runs(floor)) < before + 3


def test_what_cannot_be_taken_is_refused_once_in_words_and_the_sender_is_answered(
    floor: Floor,
) -> None:
    began, secret = now().isoformat(), plan_change()
    characteristics = secret["serviceOrderItem"][0]["service"]["serviceCharacteristic"]
    characteristics.append({"name": "pin1", "value": "the-secret-pin"})
    ids = ask_for(
        floor,
        {"order": plan_change(externalId="basket-7")},
        {"order": "basket-8"},
        {"order": secret},
        {"order": {"serviceOrderItem": []}},
    )
    wait_until_kept(floor, ids)
    state = accept(since=began, return_state=True)
    assert (state.name, "1 orders taken, 3 refused" in str(state.message)) == ("Refused", True)
    assert ordered() == ["basket-7"]
    with database().read() as session:
        refused = inbox.messages(session, outcome="refused")
    assert {each.source for each in refused} == {f"event {each}" for each in ids[1:]}
    assert "sensitive" in str([each.problems for each in refused])
    assert accept(since=began, return_state=True).name == "Completed"
    answers = wait_for(
        lambda: [each for each in kept(floor, "ordercast.order.refused") if _of(each, ids)],
        what="the sender was not answered",
        seconds=SECONDS,
    )
    assert "the-secret-pin" not in str(answers)


def _of(answer: dict[str, Any], ids: list[str]) -> bool:
    return answer["payload"]["request"] in ids
