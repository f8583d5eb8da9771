"""Waiting: people and Prefect are told once when too many orders wait for too long, or no more.

Prefect's proactive automations keep a row for every order and read all of them again: too dear
for many. One count over an index says the same.
"""

from uuid import UUID, uuid5

from prefect.events import Event, Resource

from config.settings import AlertSettings, settings
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.store.alerts import alert
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.waiting_long import FLOWING, WAITING, Backlog, backlog, last_told

NAMESPACE = UUID("0b7b7c52-1f0e-5d0a-9a53-6a1d5f3f6f51")
EVENTS = {WAITING: "ordercast.orders.waiting", FLOWING: "ordercast.orders.flowing"}
SUBJECT = "ordercast.orders"
CLEARED = 0.8
"""It is over when fewer wait than this share of the limit: a count that wavers tells nothing."""


def crossing(count: int, *, most: int, was_over: bool) -> str | None:
    """The kind of alert that the count of waiting orders asks for; None while all is as it was."""
    if not was_over:
        return WAITING if count >= most else None
    return FLOWING if count < most * CLEARED else None


def tell_waiting(api: PrefectApi) -> None:
    """Tell of a crossing: Prefect first; after a crash in between the same event goes once more."""
    chosen = settings().alerts
    if not chosen.waiting_orders:
        return
    at = now()
    with database().read() as session:
        found = backlog(session, at=at, hours=chosen.waiting_hours)
        last = last_told(session)
    was_over = last is not None and last.kind == WAITING
    last_key = last.key if last else None
    kind = crossing(found.count, most=chosen.waiting_orders, was_over=was_over)
    if kind is None:
        return
    api.emit([_event(kind, found, chosen, after=last_key)])
    with database().write() as session:
        if (told := last_told(session)) and told.key != last_key:
            return  # another relay was faster
        alert(session, kind, subject=SUBJECT, text=_text(found, chosen), at=at)


def _event(kind: str, found: Backlog, chosen: AlertSettings, *, after: int | None) -> Event:
    """The event of a crossing; the same crossing, seen by two relays, has the same id."""
    return Event(
        id=uuid5(NAMESPACE, f"{kind}|{after}"),
        event=EVENTS[kind],
        resource=Resource({"prefect.resource.id": SUBJECT, "prefect.resource.name": "orders"}),
        payload={
            "count": found.count,
            "hours": chosen.waiting_hours,
            "limit": chosen.waiting_orders,
            "by_reason": dict(found.by_reason),
            "oldest": found.oldest.isoformat() if found.oldest else None,
        },
    )


def _text(found: Backlog, chosen: AlertSettings) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(found.by_reason.items()))
    text = f"{found.count} orders have waited for over {chosen.waiting_hours:g} h"
    oldest = f"; the first since {found.oldest:%Y-%m-%d %H:%M} UTC" if found.oldest else ""
    return f"{text}{f' ({reasons})' if reasons else ''}{oldest}"
