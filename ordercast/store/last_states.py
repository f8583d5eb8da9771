"""Last states: which event has the newest state of each device that a subscriber is told of.

Orders of one device are told apart from each other, and one that is tried again late must not
take the place of what a newer one has told.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from ordercast.store.chunks import chunks
from ordercast.store.devices import DeviceState, device_states
from ordercast.store.push_tables import DeviceNews, PushDelivery, PushEvent
from ordercast.store.upserting import insert_for

Key = tuple[str, str]
"""A subscriber and a device."""

News = tuple[datetime, UUID]
"""When an event happened, and its id."""


def last_states(
    session: Session, deliveries: Iterable[tuple[PushDelivery, PushEvent]]
) -> dict[UUID, list[DeviceState]]:
    """The devices whose newest state a delivery tells, by its id; what is newer is noted.

    Devices of which the same subscriber was to be told something newer are left out.
    """
    found = [(each, event, device_states(session, event)) for each, event in deliveries]
    newest: dict[Key, News] = {}
    for each, event, devices in found:
        for device in devices:
            key, news = (each.subscriber_id, device.plain_name), (event.occurred_at, event.id)
            newest[key] = max(news, newest.get(key, news))
    last = _note(session, newest)
    return {
        each.id: [one for one in devices if last[each.subscriber_id, one.plain_name] == event.id]
        for each, event, devices in found
    }


def _note(session: Session, newest: dict[Key, News]) -> dict[Key, UUID]:
    """Note what is newer than what is known; the event that is then the last, by its key.

    Rows are locked in the order of their keys, as several relays may be about it.
    """
    known = _read(session, newest)
    newer = sorted(key for key, news in newest.items() if key not in known or news > known[key])
    if newer:
        _write(session, {key: newest[key] for key in newer})
        known |= _read(session, newer)
    return {key: event_id for key, (_, event_id) in known.items()}


def _read(session: Session, keys: Iterable[Key]) -> dict[Key, News]:
    by_subscriber: dict[str, list[str]] = {}
    for subscriber_id, device in keys:
        by_subscriber.setdefault(subscriber_id, []).append(device)
    columns = (DeviceNews.device, DeviceNews.occurred_at, DeviceNews.event_id)
    return {
        (subscriber_id, device): (at, event_id)
        for subscriber_id, devices in by_subscriber.items()
        for some in chunks(devices)
        for device, at, event_id in session.exec(
            select(*columns).where(
                DeviceNews.subscriber_id == subscriber_id, col(DeviceNews.device).in_(some)
            )
        )
    }


def _write(session: Session, news: dict[Key, News]) -> None:
    rows = [
        {"subscriber_id": who, "device": device, "occurred_at": at, "event_id": event_id}
        for (who, device), (at, event_id) in news.items()
    ]
    noted = insert_for(session, DeviceNews)
    newer = noted.excluded
    changed = {"occurred_at": newer.occurred_at, "event_id": newer.event_id}
    key = ["subscriber_id", "device"]
    is_newer = newer.occurred_at > col(DeviceNews.occurred_at)
    upsert = noted.on_conflict_do_update(index_elements=key, set_=changed, where=is_newer)
    session.execute(upsert, rows)
