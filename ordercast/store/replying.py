"""Replying: the sender of an order's message is told of its work, as one more subscriber.

All senders are one subscriber in the ledger, which nobody lists or removes; where each
waits stands with its order.
"""

from collections.abc import Collection
from fnmatch import fnmatchcase

from sqlmodel import Session, col, select

from config.settings import settings
from ordercast.contracts.subscriber import LINES_EVERY_SECONDS, SubscriberState
from ordercast.store.clock import now
from ordercast.store.inbox import ReplyTo
from ordercast.store.push_tables import Subscriber
from ordercast.store.tables import ServiceOrder
from ordercast.store.upserting import insert_for

SENDERS = "sub-senders"
REPLY_URL = "reply:"


def remember(session: Session, order: ServiceOrder, reply_to: ReplyTo) -> None:
    """Note where the sender of an order waits; the last place it named counts."""
    order.reply_to, order.correlation_id = reply_to.address, reply_to.correlation_id
    senders = insert_for(session, Subscriber).values(
        id=SENDERS,
        name="senders",
        kind="sender",
        url=REPLY_URL,
        sealed_secret=b"",
        event_types=[],
        tags=[],
        agents=[],
        schedule="standard",
        acknowledgement="2xx",
        policy="final",
        lines_every_seconds=LINES_EVERY_SECONDS,
        state=SubscriberState.ACTIVE.value,
        created_at=now(),
    )
    session.execute(senders.on_conflict_do_nothing(index_elements=["id"]))


def where_senders_wait(session: Session, order_nos: Collection[str]) -> dict[str, ReplyTo]:
    """Where the senders of orders wait, by order number."""
    query = select(ServiceOrder.order_no, ServiceOrder.reply_to, ServiceOrder.correlation_id)
    rows = session.exec(query.where(col(ServiceOrder.order_no).in_(order_nos)))
    return {order_no: ReplyTo(address, known_by) for order_no, address, known_by in rows if address}


def is_told(event_type: str) -> bool:
    """Whether senders are told of events of that type."""
    patterns = settings().broker.reply_events.split(",")
    return any(fnmatchcase(event_type, pattern.strip()) for pattern in patterns)
