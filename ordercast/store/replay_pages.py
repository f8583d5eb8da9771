"""What a replay reads: events in their order, and the pushes of them that are to go out again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, literal
from sqlmodel import Session, and_, col, func, or_, select

from ordercast.contracts.replay import Replayable
from ordercast.contracts.subscriber import SubscriberState
from ordercast.store.orders import is_number_of
from ordercast.store.push_tables import PushAttempt, PushDelivery, PushEvent, PushReplay, Subscriber
from ordercast.store.pushes import DeliveryState, concerns
from ordercast.store.replying import SENDERS
from ordercast.store.subscribers import is_own
from ordercast.store.tables import ServiceOrder
from ordercast.store.testing import TEST_EVENT

MOST_EVENTS = 200
MOST_PUSHES = 2000


@dataclass(frozen=True)
class Place:
    """How far the reading has come: a whole event, or one subscriber of it."""

    occurred_at: datetime | None = None
    event_id: UUID | None = None
    subscriber_id: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A push that is to go out: one that has ended, or one that never was."""

    event: PushEvent
    subscriber_id: str
    delivery_id: UUID | None


@dataclass(frozen=True)
class Page:
    """The candidates of some events; `last` is the last of these, None at the end."""

    candidates: Sequence[Candidate]
    last: PushEvent | None

    def place_after(self, chosen: Sequence[Candidate]) -> Place | None:
        """Behind the last push that was chosen, or behind this page; None at the end."""
        if len(chosen) < len(self.candidates):
            here = chosen[-1]
            return Place(here.event.occurred_at, here.event.id, here.subscriber_id)
        return Place(self.last.occurred_at, self.last.id) if self.last else None


def read_page(session: Session, replay: PushReplay, place: Place, *, lock: bool) -> Page:
    """The next page of a replay; its deliveries locked if asked, always in the same order."""
    audience = _audience(session, replay)
    events = _events(session, replay, place, limit=_page_size(audience))
    if not events or not audience:
        return Page([], None)
    known = _deliveries(session, replay, events, lock=lock)
    heard = _concerned(session, replay, events, audience)
    found = [
        each
        for event in events
        for each in _candidates(event, audience, known.get(event.id, {}), heard, replay)
        if not (event.id == place.event_id and each.subscriber_id <= (place.subscriber_id or ""))
    ]
    return Page(found, events[-1])


def count_ended(session: Session, replay: PushReplay) -> int:
    """How many pushes that have ended the pages of a replay come to, by one statement."""
    query = (
        select(func.count())
        .select_from(PushDelivery)
        .join(PushEvent, col(PushEvent.id) == col(PushDelivery.event_id))
        .join(Subscriber, col(Subscriber.id) == col(PushDelivery.subscriber_id))
        .where(*_of_replay(replay), *_of_audience(replay), *_of_ended(replay))
    )
    if replay.verdict:
        query = query.join(PushAttempt, _is_last()).where(PushAttempt.verdict == replay.verdict)
    return session.exec(query).one()


def _page_size(audience: Sequence[Subscriber]) -> int:
    return max(1, min(MOST_EVENTS, MOST_PUSHES // max(1, len(audience))))


def _audience(session: Session, replay: PushReplay) -> Sequence[Subscriber]:
    """Who may be told, by id. Senders of orders are told again only when they are named."""
    query = select(Subscriber).where(*_of_audience(replay))
    return sorted(session.exec(query), key=lambda each: each.id)


def _of_audience(replay: PushReplay) -> Iterator[ColumnElement[bool]]:
    yield col(Subscriber.state) != SubscriberState.DELETED.value
    if replay.agent is not None:
        yield is_own(replay.agent)
    if replay.subscriber_id:
        yield col(Subscriber.id) == replay.subscriber_id
    else:
        yield col(Subscriber.id) != SENDERS


def _events(
    session: Session, replay: PushReplay, place: Place, *, limit: int
) -> Sequence[PushEvent]:
    query = select(PushEvent).where(*_of_replay(replay), *_from(place))
    if replay.ended_since:  # few events of all that there are
        ended = select(PushDelivery.event_id).where(*_of_ended(replay))
        query = query.where(col(PushEvent.id).in_(ended))
    return session.exec(
        query.order_by(col(PushEvent.occurred_at), col(PushEvent.id)).limit(limit)
    ).all()


def _of_replay(replay: PushReplay) -> Iterator[ColumnElement[bool]]:
    yield col(PushEvent.occurred_at) < replay.until
    yield col(PushEvent.type) != TEST_EVENT
    if replay.since:
        yield col(PushEvent.occurred_at) >= replay.since
    if replay.event_id:
        yield col(PushEvent.id) == replay.event_id
    if replay.order_no:
        yield col(PushEvent.order_no) == replay.order_no
    if replay.agent is not None:
        yield is_number_of(col(PushEvent.order_no), replay.agent)


def _of_ended(replay: PushReplay) -> Iterator[ColumnElement[bool]]:
    """Which deliveries that have ended; one state is spelt out as its index has it."""
    states = (literal(each, literal_execute=True) for each in replay.states)
    yield or_(*(col(PushDelivery.state) == each for each in states))
    if replay.ended_since:
        yield col(PushDelivery.ended_at) >= replay.ended_since
    if replay.subscriber_id:
        yield col(PushDelivery.subscriber_id) == replay.subscriber_id


def _from(place: Place) -> Iterator[ColumnElement[bool]]:
    """From the place on; the event whose subscribers were not all looked at comes once more."""
    if place.occurred_at is None:
        return
    key = col(PushEvent.id)
    beyond = key >= place.event_id if place.subscriber_id else key > place.event_id
    at = col(PushEvent.occurred_at)
    yield at >= place.occurred_at
    yield or_(at > place.occurred_at, and_(at == place.occurred_at, beyond))


def _deliveries(
    session: Session, replay: PushReplay, events: Sequence[PushEvent], *, lock: bool
) -> Mapping[UUID, Mapping[str, tuple[UUID, str, str | None]]]:
    """By event and subscriber: the delivery, its state, and the verdict of its last attempt."""
    query = (
        select(PushDelivery, PushAttempt.verdict)
        .outerjoin(PushAttempt, _is_last())
        .where(col(PushDelivery.event_id).in_([event.id for event in events]))
        .order_by(col(PushDelivery.event_id), PushDelivery.subscriber_id)
    )
    if replay.ended_since:
        query = query.where(col(PushDelivery.ended_at) >= replay.ended_since)
    if replay.subscriber_id:
        query = query.where(PushDelivery.subscriber_id == replay.subscriber_id)
    if lock:
        query = query.with_for_update(of=PushDelivery, key_share=True)
    found: dict[UUID, dict[str, tuple[UUID, str, str | None]]] = {}
    for row, verdict in session.exec(query.execution_options(populate_existing=True)):
        found.setdefault(row.event_id, {})[row.subscriber_id] = (row.id, row.state, verdict)
    return found


def _is_last() -> ColumnElement[bool]:
    """That an attempt is the last of its delivery."""
    return and_(
        col(PushAttempt.delivery_id) == col(PushDelivery.id),
        col(PushAttempt.number) == col(PushDelivery.attempts),
    )


def _candidates(
    event: PushEvent,
    audience: Sequence[Subscriber],
    known: Mapping[str, tuple[UUID, str, str | None]],
    heard: set[tuple[UUID, str]],
    replay: PushReplay,
) -> Iterator[Candidate]:
    for subscriber in audience:
        if subscriber.id in known:
            delivery_id, state, verdict = known[subscriber.id]
            fits = replay.verdict is None or verdict == replay.verdict
            if state != DeliveryState.PENDING and state in replay.states and fits:
                yield Candidate(event, subscriber.id, delivery_id)
        elif (event.id, subscriber.id) in heard:
            yield Candidate(event, subscriber.id, None)


def _concerned(
    session: Session,
    replay: PushReplay,
    events: Sequence[PushEvent],
    audience: Sequence[Subscriber],
) -> set[tuple[UUID, str]]:
    """Whom each event concerns, had it or not; nobody where that was not asked for."""
    if Replayable.MISSING not in replay.states:
        return set()
    numbers = {event.order_no for event in events}
    query = select(ServiceOrder.order_no, ServiceOrder.agent)
    agents = dict(session.exec(query.where(col(ServiceOrder.order_no).in_(numbers))).all())
    return {
        (event.id, subscriber.id)
        for event in events
        if (agent := agents.get(event.order_no))
        for subscriber in audience
        if subscriber.id != SENDERS and concerns(subscriber, event, agent=agent)
    }
