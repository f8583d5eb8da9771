"""TMF641's form of an event: what is told, and to which of the listeners of a callback.

Source: TMF641 v4.1, notification data structures; TMF630, part 4.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ordercast.contracts.subscriber import DEFAULT_EVENT_TYPES
from ordercast.domain.order import OrderState
from ordercast.store.push_tables import PushEvent
from ordercast.store.pushes import IN_JEOPARDY, WORK_OVERDUE

MEDIA_TYPE = "application/json; charset=utf-8"
STATE_CHANGE = "ServiceOrderStateChangeEvent"
MILESTONE = "ServiceOrderMilestoneEvent"
JEOPARDY = "ServiceOrderJeopardyEvent"
OTHER = "ServiceOrderAttributeValueChangeEvent"

STATES: Mapping[str, OrderState] = {
    each: OrderState.IN_PROGRESS
    if each == "order.reopened"
    else OrderState(each.removeprefix("order."))
    for each in DEFAULT_EVENT_TYPES
}
"""The state that an order has come to, by the type of the event that tells it."""

NAMES: Mapping[str, str] = {
    **dict.fromkeys(STATES, STATE_CHANGE),
    "work-order.completed": MILESTONE,
    "work-order.failed": JEOPARDY,
    WORK_OVERDUE: JEOPARDY,
    IN_JEOPARDY: JEOPARDY,
}
"""What TMF641 calls an event, by its type: of work that is done an order has reached a milestone,
of work that failed or is overdue it is in jeopardy."""

PATH = "/tmf-api/serviceOrdering/v4/serviceOrder"


def tmf_event(event: PushEvent, data: Mapping[str, Any], *, base_url: str) -> str:
    """The JSON text of an event as TMF641 has it, the same at every attempt.

    The order is there without its items; `href` leads to the whole of it. `data` is the
    event's, as the subscriber may see it.
    """
    moment = _rfc3339(event.occurred_at)
    document = {
        "eventId": str(event.id),
        "eventTime": moment,
        "timeOcurred": moment,  # spelled so in the standard
        "eventType": tmf_name(event.type),
        "correlationId": event.order_no,
        "domain": "serviceOrdering",
        "title": _title(event),
        "event": {"serviceOrder": _service_order(event, data, base_url)},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def tmf_name(event_type: str) -> str:
    """What TMF641 calls an event of that type."""
    return NAMES.get(event_type, OTHER)


def listener_url(callback: str, event_type: str) -> str:
    """Where an event is posted for a callback; what stands in its query stays there."""
    parts, name = urlsplit(callback), tmf_name(event_type)
    listener = f"/listener/{name[0].lower()}{name[1:]}"
    return parts._replace(path=parts.path.rstrip("/") + listener).geturl()


def _title(event: PushEvent) -> str:
    if event.type in STATES:
        return f"{event.order_no} is {STATES[event.type]}"
    return f"{event.order_no}: {event.type}"


def _service_order(event: PushEvent, told: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    agent = told.get("agent")
    shown = {
        "id": event.order_no,
        "href": f"{base_url}{PATH}/{event.order_no}",
        "externalId": told.get("external_id"),
        "state": STATES.get(event.type),
        "category": told.get("category"),
        "priority": str(told["priority"]) if "priority" in told else None,
        "orderDate": told.get("ordered_at"),
        "completionDate": told.get("sealed_at"),
        "expectedCompletionDate": told.get("expected_at"),
        "description": told.get("title"),
        "relatedParty": agent and [_party(agent)],
        "milestone": [_milestone(event, told)] if tmf_name(event.type) == MILESTONE else None,
        "jeopardyAlert": [_jeopardy(event, told)] if tmf_name(event.type) == JEOPARDY else None,
        "version": event.version,
        "@type": "ServiceOrder",
    }
    return {name: value for name, value in shown.items() if value is not None}


def _milestone(event: PushEvent, told: Mapping[str, Any]) -> dict[str, Any]:
    status = {"milestoneDate": _rfc3339(event.occurred_at), "status": "completed"}
    return _work(told) | status | {"@type": "Milestone"}


def _jeopardy(event: PushEvent, told: Mapping[str, Any]) -> dict[str, Any]:
    code = told.get("code")
    why = {"alertDate": _rfc3339(event.occurred_at)} | ({"exception": code} if code else {})
    return _work(told) | why | {"@type": "JeopardyAlert"}


def _work(told: Mapping[str, Any]) -> dict[str, Any]:
    """The work order that an event tells of, with the words of its report."""
    shown = {"id": told.get("work_order_id"), "name": told.get("name"), "message": told.get("text")}
    return {name: value for name, value in shown.items() if value is not None}


def _party(agent: str) -> dict[str, str]:
    return {"id": agent, "role": "agent", "@type": "RelatedParty", "@referredType": "Organization"}


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
