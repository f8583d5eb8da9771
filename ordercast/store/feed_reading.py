"""Reading the feed: a page of the events behind a position, as far as a reader may see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.said import Said
from ordercast.store.feed import head_of
from ordercast.store.push_tables import PushEvent, Subscriber
from ordercast.store.pushes import concerns
from ordercast.store.tables import ServiceOrder

SCAN = 10_000
"""So many positions one page looks through, however few of its events are wanted."""


@dataclass(frozen=True)
class FeedEvent:
    """An event at its position, with the agent of its order."""

    position: int
    event: PushEvent
    agent: str


@dataclass(frozen=True)
class FeedFilter:
    """Which events a reader is shown; all that is given must hold.

    A subscriber is shown what it would be told of, of orders that came before it as well.
    `only_of` is the agent that reads, `admitted_by` the sealed secret of a subscriber without key.
    """

    types: frozenset[str] | None = None
    order_no: str | None = None
    subscriber: Subscriber | None = None
    only_of: str | None = None
    admitted_by: bytes | None = None

    def shows(self, row: FeedEvent) -> bool:
        event = row.event
        if self.only_of not in (None, row.agent):
            return False
        if self.types is not None and event.type not in self.types:
            return False
        if self.order_no and event.order_no != self.order_no:
            return False
        return self.subscriber is None or concerns(self.subscriber, event, agent=row.agent)

    @property
    def masking(self) -> Sequence[str]:
        """What the reader is shown in part."""
        return self.subscriber.masking if self.subscriber else ()


@dataclass(frozen=True)
class FeedPage:
    """Events in their order; `next` is where to go on, `more` if it is not the head."""

    events: list[FeedEvent]
    next: int
    more: bool


def read_feed(session: Session, wanted: FeedFilter, *, after: int, limit: int) -> FeedPage:
    """The wanted events behind a position, at most `limit`, all of one consistent view.

    There may be fewer, or none, and yet `more`. InvalidMessage if the position is ahead of
    the feed, as after a database was restored from a copy.
    """
    head = head_of(session)
    if after > head:
        cure = "begin again with 0, or leave it out"
        ahead = Said("is ahead of the feed, which is at {head}", head=head)
        raise InvalidMessage([Problem("after", ahead, cure)])
    last = head if wanted.order_no else min(head, after + SCAN)
    rows = _rows(session, wanted, after=after, last=last, limit=limit)
    reached = rows[-1].position if len(rows) == limit else last
    return FeedPage([row for row in rows if wanted.shows(row)], reached, more=reached < head)


def _rows(
    session: Session, wanted: FeedFilter, *, after: int, last: int, limit: int
) -> list[FeedEvent]:
    query = (
        select(PushEvent, ServiceOrder.agent)
        .join(ServiceOrder, col(ServiceOrder.order_no) == col(PushEvent.order_no))
        .where(*_conditions(wanted))
        .where(col(PushEvent.position) > after, col(PushEvent.position) <= last)
        .order_by(col(PushEvent.position))
        .limit(limit)
    )
    return [FeedEvent(event.position or 0, event, agent) for event, agent in session.exec(query)]


def _conditions(wanted: FeedFilter) -> Iterator[ColumnElement[bool]]:
    """What the database can leave out by itself; `shows` decides."""
    if wanted.types is not None:
        yield col(PushEvent.type).in_(wanted.types)
    if wanted.order_no:
        yield col(PushEvent.order_no) == wanted.order_no
    if wanted.only_of is not None:
        yield col(ServiceOrder.agent) == wanted.only_of
    if wanted.subscriber and wanted.subscriber.agent:
        yield col(ServiceOrder.agent) == wanted.subscriber.agent
