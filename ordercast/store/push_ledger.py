"""The ledger of pushes: every event for every subscriber, and what came of each attempt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func
from sqlmodel import Session, col, select

from ordercast.domain.errors import InvalidMessage, NotFound, Problem
from ordercast.domain.said import Said
from ordercast.store.push_tables import PushAttempt, PushDelivery, PushEvent, Subscriber
from ordercast.store.pushes import DeliveryState
from ordercast.store.subscribers import is_own


@dataclass(frozen=True)
class Entry:
    """A delivery with its event, its subscriber, and its last attempt if it had one."""

    delivery: PushDelivery
    event: PushEvent
    subscriber: Subscriber
    last: PushAttempt | None


@dataclass(frozen=True)
class PushFilter:
    """Which deliveries to list; all that is given must hold. `only_of` is the agent that asks:
    it sees those to its own subscribers."""

    order_no: str | None = None
    subscriber_id: str | None = None
    state: DeliveryState | None = None
    only_of: str | None = None


def parse_state(text: str | None) -> DeliveryState | None:
    """The state of that name; InvalidMessage names those there are."""
    if not text:
        return None
    try:
        return DeliveryState(text)
    except ValueError:
        problem = Said("there is no state {state!r}", state=text)
        cure = Said("use {options}", options=", ".join(DeliveryState))
        raise InvalidMessage([Problem("state", problem, cure)]) from None


def deliveries(
    session: Session, wanted: PushFilter, *, limit: int, offset: int = 0
) -> tuple[int, list[Entry]]:
    """The number of matching deliveries and a page of them, the newest order events first."""
    conditions = list(_conditions(wanted))
    total = session.exec(select(func.count()).select_from(PushDelivery).where(*conditions)).one()
    newest = (
        col(PushDelivery.created_at).desc(),
        col(PushDelivery.order_no),
        col(PushDelivery.sequence),
        col(PushDelivery.subscriber_id),
    )
    page = entries().where(*conditions).order_by(*newest).offset(offset).limit(limit)
    return total, [Entry(*row) for row in session.exec(page)]


def delivery(session: Session, delivery_id: UUID, *, agent: str | None = None) -> Entry:
    """The delivery with that id.

    NotFound if there is none, or if its subscriber is not of the agent that is named.
    """
    query = entries().where(PushDelivery.id == delivery_id)
    row = session.exec(query if agent is None else query.where(is_own(agent))).first()
    if row is None:
        raise NotFound("push", str(delivery_id))
    return Entry(*row)


def attempts(session: Session, delivery_id: UUID) -> Sequence[PushAttempt]:
    """The attempts of a delivery, the first one first."""
    query = select(PushAttempt).where(PushAttempt.delivery_id == delivery_id)
    return session.exec(query.order_by(col(PushAttempt.number))).all()


def entries():
    """Deliveries with what belongs to each, for `Entry`."""
    last = and_(
        col(PushAttempt.delivery_id) == col(PushDelivery.id),
        col(PushAttempt.number) == col(PushDelivery.attempts),
    )
    return (
        select(PushDelivery, PushEvent, Subscriber, PushAttempt)
        .join(PushEvent, col(PushEvent.id) == col(PushDelivery.event_id))
        .join(Subscriber, col(Subscriber.id) == col(PushDelivery.subscriber_id))
        .outerjoin(PushAttempt, last)
    )


def _conditions(wanted: PushFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.order_no:
        yield col(PushDelivery.order_no) == wanted.order_no
    if wanted.subscriber_id:
        yield col(PushDelivery.subscriber_id) == wanted.subscriber_id
    if wanted.only_of is not None:
        yield col(PushDelivery.subscriber_id).in_(
            select(Subscriber.id).where(is_own(wanted.only_of))
        )
    if wanted.state:
        yield col(PushDelivery.state) == wanted.state.value
