"""Testing a subscriber: one push through the whole path, and what came of it in words."""

import time
from typing import Any
from uuid import UUID

from config.settings import settings
from ordercast.delivery.explaining import explain_attempt
from ordercast.delivery.verdicts import Text
from ordercast.store import push_ledger, testing
from ordercast.store.clock import now
from ordercast.store.engine import Database
from ordercast.store.push_ledger import Entry
from ordercast.store.pushes import DeliveryState

LOOK_SECONDS = 0.05
GRACE_SECONDS = 5

NOT_SENT = Text(
    "No relay has sent it in time.",
    "在规定时间内没有中继进程发送该推送。",
)
START_RELAY = Text(
    "See that a relay runs (`ordercast serve relay`), and whether the subscriber rests.",
    "请确认中继进程正在运行（`ordercast serve relay`），并查看该订阅方是否处于暂停状态。",
)


def push_test_event(database: Database, subscriber_id: str) -> dict[str, Any]:
    """Push a test event and wait for its end: the relay sends it as it sends all others.

    NotFound, Conflict and TooSoon as in `ordercast.store.testing.begin`.
    """
    with database.write() as session:
        delivery_id = testing.begin(session, subscriber_id, at=now())
    try:
        entry = _wait(database, delivery_id)
    finally:
        with database.write() as session:
            testing.give_up(session, delivery_id, at=now())
    return _explained(entry)


def _wait(database: Database, delivery_id: UUID) -> Entry:
    deadline = time.monotonic() + settings().relay.deliver_timeout_seconds + GRACE_SECONDS
    while True:
        with database.read() as session:
            entry = push_ledger.delivery(session, delivery_id)
        if entry.last or time.monotonic() > deadline:
            return entry
        time.sleep(LOOK_SECONDS)


def _explained(entry: Entry) -> dict[str, Any]:
    attempt = explain_attempt(entry.last) if entry.last else None
    return {
        "push": str(entry.delivery.id),
        "event": str(entry.event.id),
        "is_delivered": entry.delivery.state == DeliveryState.DELIVERED,
        "verdict": attempt["verdict"] if attempt else None,
        "meaning": attempt["meaning"] if attempt else NOT_SENT._asdict(),
        "remedy": attempt["remedy"] if attempt else START_RELAY._asdict(),
        "attempt": attempt,
    }
