"""What a reconciliation reads: sealed versions in the order of their sealing, and who was told."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, tuple_
from sqlmodel import Session, col, select

from ordercast.store import pushes
from ordercast.store.chunks import chunks
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.push_tables import PushDelivery, PushEvent, Subscriber
from ordercast.store.pushes import KEPT, concerns
from ordercast.store.replying import SENDERS
from ordercast.store.tables import ArchiveEntry, OrderOutcome, OrderRun, ServiceOrder
from ordercast.store.untold import OUTCOMES
from ordercast.store.upserting import insert_for


@dataclass(frozen=True)
class Place:
    """How far the reading has come: the last version that was looked at."""

    sealed_at: datetime
    order_no: str
    version: int

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "sealed_at": self.sealed_at.isoformat()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Place | None":
        if not document:
            return None
        sealed_at = datetime.fromisoformat(document["sealed_at"])
        return cls(sealed_at, document["order_no"], document["version"])


@dataclass(frozen=True)
class SealedVersion:
    """A version of an order that has been told to everyone, and where its evidence lies."""

    place: Place
    state: str
    entry: ArchiveEntry | None

    @property
    def order_no(self) -> str:
        return self.place.order_no

    @property
    def version(self) -> int:
        return self.place.version


def sealed_after(
    session: Session, place: Place | None, *, since: datetime, limit: int
) -> Sequence[SealedVersion]:
    """The next versions after a place, or from a time on; those whose run has not ended are not.

    That they will be told is for the relay to see to.
    """
    same_run = _same(OrderRun)
    key: list[Any] = [OrderOutcome.sealed_at, OrderOutcome.order_no, OrderOutcome.version]
    columns: list[Any] = [*key, OrderOutcome.state, ArchiveEntry]
    query = (
        select(*columns)
        .join(OrderRun, same_run)
        .outerjoin(ArchiveEntry, _same(ArchiveEntry))
        .where(col(OrderRun.ended_at).is_not(None))
        .order_by(*key)
        .limit(limit)
    )
    if place:
        begins = tuple_(*map(col, key)) > (place.sealed_at, place.order_no, place.version)
    else:
        begins = col(OrderOutcome.sealed_at) >= since
    rows = session.execute(query.where(begins)).all()
    return [SealedVersion(Place(*row[:3]), row[3], row[4]) for row in rows]


def _same(table: Any) -> ColumnElement[bool]:
    return and_(
        col(table.order_no) == col(OrderOutcome.order_no),
        col(table.version) == col(OrderOutcome.version),
    )


@dataclass(frozen=True)
class Untold:
    """An outcome of which a subscriber should have been told; without an event nobody was."""

    order_no: str
    version: int
    event: PushEvent | None = None
    subscriber_id: str = ""


def untold(session: Session, versions: Iterable[SealedVersion]) -> list[Untold]:
    """Outcomes without their event, and events without a delivery for somebody they concern.

    By what each subscriber asks for now, if it was there when the event happened.
    """
    wanted = {(each.order_no, each.version): f"order.{each.state}" for each in versions}
    found = [each for some in chunks(list(wanted)) for each in _events(session, some)]
    there = {(event.order_no, event.version, event.type) for event, _ in found}
    missing = [Untold(*key) for key, kind in wanted.items() if (*key, kind) not in there]
    return missing + list(_without_delivery(session, found))


def _events(session: Session, keys: Sequence[tuple[str, int]]) -> Sequence[tuple[PushEvent, str]]:
    place = tuple_(col(PushEvent.order_no), col(PushEvent.version))
    query = (
        select(PushEvent, ServiceOrder.agent)
        .join(ServiceOrder, col(ServiceOrder.order_no) == col(PushEvent.order_no))
        .where(place.in_(keys), col(PushEvent.type).in_(OUTCOMES))
    )
    return session.exec(query).all()


def _without_delivery(session: Session, found: Sequence[tuple[PushEvent, str]]) -> Iterator[Untold]:
    kept = select(Subscriber).where(col(Subscriber.state).in_(KEPT), Subscriber.id != SENDERS)
    audience = session.exec(kept).all()
    told = _told(session, [event.id for event, _ in found])
    for event, agent in found:
        for each in audience:
            was_there = each.created_at <= event.occurred_at
            if was_there and (event.id, each.id) not in told and concerns(each, event, agent=agent):
                yield Untold(event.order_no, event.version, event, each.id)


def _told(session: Session, event_ids: Sequence[UUID]) -> set[tuple[UUID, str]]:
    told: set[tuple[UUID, str]] = set()
    for some in chunks(event_ids):
        query = select(PushDelivery.event_id, PushDelivery.subscriber_id)
        told.update(session.exec(query.where(col(PushDelivery.event_id).in_(some))).all())
    return told


def tell(session: Session, missing: Sequence[Untold], *, at: datetime) -> None:
    """Write the deliveries that are missing; one that is there by now stays as it is."""
    rows = [
        pushes.delivery_row(each.event, each.subscriber_id, due_at=at, created_at=at)
        for each in missing
        if each.event
    ]
    for some in chunks(rows):
        new = insert_for(session, PushDelivery).values(some)
        session.execute(new.on_conflict_do_nothing(index_elements=["event_id", "subscriber_id"]))
    if rows:
        nudge_after_commit(session, Topic.DELIVER)
