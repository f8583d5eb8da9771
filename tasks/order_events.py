"""Events in Prefect by which other systems ask for orders: reading them, and answering them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import Event, Resource

from ordercast.intake.asked_for import AskedFor, Taken, take_asked_for
from ordercast.store.clock import now
from ordercast.store.engine import database
from tasks.step import step

REQUESTED = "ordercast.order.requested"
ACCEPTED = "ordercast.order.accepted"
REFUSED = "ordercast.order.refused"
PAGE = 50
"""The most events that Prefect gives at once."""


@step(name="take-orders-asked-for")
def take_orders_asked_for(since: datetime) -> list[Taken]:
    """Take the order of every event since then that was not read before, and answer each."""
    with get_client(sync_client=True) as client:
        taken = take_asked_for(database(), list(_asked_for(client, since)))
        if taken:
            answers = [_answer(each).model_dump(mode="json") for each in taken]
            client.request("POST", "/events", json=answers).raise_for_status()
    return taken


def _asked_for(client: SyncPrefectClient, since: datetime) -> Iterator[AskedFor]:
    """The events, the first to occur first, whatever started this run."""
    occurred = {"since": since.isoformat(), "until": now().isoformat()}
    wanted = {"event": {"name": [REQUESTED]}, "occurred": occurred, "order": "ASC"}
    body = {"filter": wanted, "limit": PAGE}
    page = client.request("POST", "/events/filter", json=body).raise_for_status().json()
    while True:
        for event in page["events"]:
            yield AskedFor(event["id"], event["payload"])
        if not page["next_page"]:
            return
        page = _next(client, page["next_page"])


def _next(client: SyncPrefectClient, url: Any) -> dict[str, Any]:
    return client.request("GET", url).raise_for_status().json()


def _answer(taken: Taken) -> Event:
    """What the other system may listen for; the same answer has the same id."""
    kind, told = REFUSED, {"problems": [each.as_dict() for each in taken.problems]}
    if taken.order_no:
        kind, told = ACCEPTED, {"order_no": taken.order_no}
    return Event(
        id=uuid5(NAMESPACE_URL, f"{kind}:{taken.event_id}"),
        event=kind,
        resource=Resource({"prefect.resource.id": f"ordercast.request.{taken.event_id}"}),
        payload={"request": taken.event_id, **told},
    )


def in_words(taken: Sequence[Taken]) -> str:
    """How many orders were taken and how many events were refused."""
    refused = sum(not each.order_no for each in taken)
    words = f"{len(taken) - refused} orders taken"
    return f"{words}, {refused} refused" if refused else words
