"""The hub over HTTP: TMF641 Service Ordering v4.1, `/hub`."""

from dataclasses import replace

from fastapi import APIRouter, Response
from sqlmodel import Session

from config.settings import settings
from ordercast.contracts.hub import EventSubscription, EventSubscriptionInput
from ordercast.contracts.subscriber import TMF641
from ordercast.delivery.guard import guard
from ordercast.delivery.hub import subscriber_of
from ordercast.delivery.signing import new_secret
from ordercast.delivery.subscribing import check
from ordercast.domain.errors import Conflict, InvalidMessage, NotFound
from ordercast.intake.json_orders import decode, load_json
from ordercast.intake.problems import validate
from ordercast.services.gateway.access import Administering, Reading
from ordercast.services.gateway.bodies import RawBody
from ordercast.services.gateway.callers import Caller
from ordercast.store import subscribers
from ordercast.store.engine import database
from ordercast.store.push_tables import Subscriber

router = APIRouter(tags=["hub"])

PATH = "/tmf-api/serviceOrdering/v4/hub"

_BODY = {"content": {"application/json": {"schema": EventSubscriptionInput.model_json_schema()}}}


@router.post(PATH, status_code=201, openapi_extra={"requestBody": {**_BODY, "required": True}})
def register_listener(
    caller: Administering, body: RawBody, response: Response
) -> EventSubscription:
    """Register a callback; the same one with the same query is a conflict.

    An agent's is called back for its own orders.
    """
    asked = validate(EventSubscriptionInput, load_json(decode(body)))
    wanted = subscriber_of(asked, agent=caller.agent)
    try:
        check(wanted, guard())
    except InvalidMessage as refused:
        names = {"url": "callback", "body": "callback"}
        raise InvalidMessage(
            [replace(each, field=names.get(each.field, "query")) for each in refused.problems]
        ) from None
    try:
        with database().write() as session:
            made = subscribers.create(session, wanted, secret=new_secret())
            made.hub_query = asked.query
    except Conflict:
        raise Conflict("this callback is registered with this query already") from None
    response.headers["Location"] = f"{settings().gateway_url}{PATH}/{made.id}"
    return _shown(made)


@router.get(f"{PATH}/{{listener_id}}")
def show_listener(caller: Reading, listener_id: str) -> EventSubscription:
    """A registered callback."""
    with database().read() as session:
        return _shown(_listener(session, caller, listener_id))


@router.delete(f"{PATH}/{{listener_id}}", status_code=204)
def unregister_listener(caller: Administering, listener_id: str) -> None:
    """Call back no more."""
    with database().write() as session:
        subscribers.delete(session, _listener(session, caller, listener_id).id)


def _listener(session: Session, caller: Caller, listener_id: str) -> Subscriber:
    try:
        found = subscribers.get(session, listener_id, agent=caller.agent)
    except NotFound:
        raise NotFound("listener", listener_id) from None
    if found.body != TMF641:
        raise NotFound("listener", listener_id)
    return found


def _shown(subscriber: Subscriber) -> EventSubscription:
    return EventSubscription(id=subscriber.id, callback=subscriber.url, query=subscriber.hub_query)
