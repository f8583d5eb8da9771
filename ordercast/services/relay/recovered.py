"""Recovered: Prefect is told of every subscriber that answers again; a trigger does the rest."""

from uuid import UUID, uuid5

from prefect.events import Event, Resource

from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.store import recovering
from ordercast.store.engine import database
from ordercast.store.push_tables import Subscriber

NAMESPACE = UUID("5b1f6a0e-7c3d-5a44-8f0e-3d9a4f1b2c60")
RECOVERED = "ordercast.subscriber.recovered"
LIMIT = 20


def tell_recovered(api: PrefectApi) -> bool:
    """Tell Prefect first, then note it: after a crash in between the same event goes once more."""
    with database().read() as session:
        found = recovering.recovered(session, limit=LIMIT)
    if not found:
        return False
    api.emit([event_of(each) for each in found])
    with database().write() as session:
        recovering.recovery_told(session, found)
    return len(found) == LIMIT


def event_of(subscriber: Subscriber) -> Event:
    """The event of a recovery; the same recovery has the same id."""
    at = subscriber.recovered_at
    assert at
    key = f"ordercast.subscriber.{subscriber.id}"
    return Event(
        id=uuid5(NAMESPACE, f"{subscriber.id}|{at.isoformat()}"),
        event=RECOVERED,
        resource=Resource({"prefect.resource.id": key, "prefect.resource.name": subscriber.name}),
        payload={"subscriber_id": subscriber.id, "recovered_at": at.isoformat()},
    )
