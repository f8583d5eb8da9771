"""TMF641's form of an event: what is told, and to which of the listeners of a callback.

Source: TMF641 v4.1, notification data structures; TMF630, part 4.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ordercast.contracts.subscriber import DEFAULT_EVENT_TYPES
from ordercast.domain.errors import PushNotMade
from ordercast.domain.order import OrderState
from ordercast.store.tables import PushEvent

MEDIA_TYPE = "application/json; charset=utf-8"
STATE_CHANGE = "ServiceOrderStateChangeEvent"
LISTENER = "/listener/serviceOrderStateChangeEvent"

STATES: Mapping[str, OrderState] = {
    each: OrderState.IN_PROGRESS
    if each == "order.reopened"
    else OrderState(each.removeprefix("order."))
    for each in DEFAULT_EVENT_TYPES
}
"""The state that an order has come to, by the type of the event that tells it."""

PATH = "/tmf-api/serviceOrdering/v4/serviceOrder"


def tmf_event(event: PushEvent, data: Mapping[str, Any], *, base_url: str) -> str:
    """The JSON text of an event as ServiceOrderStateChangeEvent, the same at every attempt.

    The order is there without its items; `href` leads to the whole of it. `data` is the
    event's, as the subscriber may see it. PushNotMade if it tells of no state of an order.
    """
    if event.type not in STATES:
        raise PushNotMade(f"TMF641 has no event for {event.type}")
    moment = _rfc3339(event.occurred_at)
    document = {
        "eventId": str(event.id),
        "eventTime": moment,
        "timeOcurred": moment,  # spelled so in the standard
        "eventType": STATE_CHANGE,
        "correlationId": event.order_no,
        "domain": "serviceOrdering",
        "title": f"{event.order_no} is {STATES[event.type]}",
        "event": {"serviceOrder": _service_order(event, data, base_url)},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def listener_url(callback: str) -> str:
    """Where an event is posted for a callback; what stands in its query stays there."""
    parts = urlsplit(callback)
    return parts._replace(path=parts.path.rstrip("/") + LISTENER).geturl()


def _service_order(event: PushEvent, told: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    agent = told.get("agent")
    shown = {
        "id": event.order_no,
        "href": f"{base_url}{PATH}/{event.order_no}",
        "externalId": told.get("external_id"),
        "state": STATES[event.type],
        "category": told.get("category"),
        "priority": str(told["priority"]) if "priority" in told else None,
        "orderDate": told.get("ordered_at"),
        "completionDate": told.get("sealed_at"),
        "description": told.get("title"),
        "relatedParty": agent and [_party(agent)],
        "version": event.version,
        "@type": "ServiceOrder",
    }
    return {name: value for name, value in shown.items() if value is not None}


def _party(agent: str) -> dict[str, str]:
    return {"id": agent, "role": "agent", "@type": "RelatedParty", "@referredType": "Organization"}


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
