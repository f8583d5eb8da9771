"""The body of a push: a CloudEvent. Source: CloudEvents 1.0, JSON format, structured mode."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ordercast.store.push_tables import PushEvent

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"
MOST_BYTES = 20_000
KEPT_ALWAYS = frozenset({"order_no", "version", "state"})


def cloud_event_type(event_type: str) -> str:
    """The type on the wire: `order.completed` is `com.ordercast.order.completed.v1`."""
    return f"com.ordercast.{event_type}.v1"


def body_of(event: PushEvent, data: Mapping[str, Any], *, base_url: str) -> str:
    """The JSON text that is sent for an event: the same one at every attempt.

    It stays under 20 kB: what is too large for it is named in `data.omitted`, and `dataref`
    links to the order, which has it. `data` is the event's, as the subscriber may see it;
    `base_url` is the gateway's.
    """
    data = {**data, "order_no": event.order_no, "version": event.version}
    envelope = _envelope(event, base_url)
    body = _spell({**envelope, "data": data})
    if len(body.encode()) < MOST_BYTES:
        return body
    order = f"{base_url}/tmf-api/serviceOrdering/v4/serviceOrder/{event.order_no}"
    envelope["dataref"] = order
    room = MOST_BYTES - len(_spell({**envelope, "data": {}}).encode())
    return _spell({**envelope, "data": fitted(data, room)})


def fitted(data: Mapping[str, Any], room: int) -> dict[str, Any]:
    """The data without its largest attributes, as many as it takes to be under so many bytes."""
    sizes = {name: len(_spell({name: value}).encode()) for name, value in data.items()}
    kept, omitted = dict(data), []
    if sum(sizes.values()) < room:
        return kept
    for name in sorted(sizes.keys() - KEPT_ALWAYS, key=lambda name: -sizes[name]):
        if omitted and len(_spell(kept | {"omitted": omitted}).encode()) < room:
            break
        del kept[name]
        omitted.append(name)
    return kept | {"omitted": omitted}


def _envelope(event: PushEvent, base_url: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(event.id),
        "source": base_url,
        "type": cloud_event_type(event.type),
        "subject": event.order_no,
        "time": _rfc3339(event.occurred_at),
        "sequence": f"{event.sequence:010}",
        "datacontenttype": "application/json",
    }


def _spell(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
