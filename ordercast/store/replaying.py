"""Carrying a replay out: pushes that have ended are put back, those that never were are made.

Events are read in their order, a page at a time. What is put back and how far the reading has
come are written in one transaction, which holds the row of the replay: however often a relay
dies, and however many there are, nothing is put back twice and nothing is left out.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import floor
from typing import Any
from uuid import uuid5

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col, func, select

from ordercast.contracts.replay import Replayable, ReplayState
from ordercast.contracts.subscriber import SubscriberState
from ordercast.store.chunks import chunks
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.push_tables import PushDelivery, PushReplay, Subscriber
from ordercast.store.pushes import DeliveryState
from ordercast.store.replay_pages import Candidate, Place, count_ended, read_page
from ordercast.store.upserting import insert_for

AHEAD = timedelta(seconds=1)
"""So far ahead pushes are put back: what is paused or cancelled ends after it."""

LOOK_AGAIN = timedelta(seconds=0.5)


def is_any_due(session: Session, *, now: datetime) -> bool:
    """Whether there is a replay to be carried on with."""
    return session.exec(_due(now).limit(1)).first() is not None


def _due(now: datetime):
    is_due = (PushReplay.state == ReplayState.RUNNING.value, col(PushReplay.due_at) <= now)
    return select(PushReplay).where(*is_due).order_by(col(PushReplay.due_at))


def carry_on(session: Session, *, now: datetime, most_waiting: int) -> PushReplay | None:
    """Carry the replay on whose turn it is, by one page; None if there is none.

    While `most_waiting` of its pushes are due and not yet sent, nothing more is put back.
    """
    replay = session.exec(_due(now).limit(1).with_for_update(skip_locked=True)).first()
    if replay is None:
        return None
    if replay.is_read:
        _end_if_sent(session, replay, now)
        return replay
    room = _room(session, replay, now, most_waiting)
    if not room:
        replay.due_at = now + LOOK_AGAIN
        return replay
    page = read_page(session, replay, _place_of(replay), lock=True)
    chosen = page.candidates[:room]
    _put_out(session, replay, chosen, now)
    _move_on(replay, page.place_after(chosen))
    replay.due_at = now + LOOK_AGAIN if len(chosen) == room else now
    return replay


def count(session: Session, replay: PushReplay) -> int:
    """How many pushes a replay that has not begun would put out."""
    if Replayable.MISSING not in replay.states:
        return count_ended(session, replay)
    place: Place | None = Place()
    total = 0
    while place:
        page = read_page(session, replay, place, lock=False)
        total += len(page.candidates)
        place = page.place_after(page.candidates)
    return total


def _room(session: Session, replay: PushReplay, now: datetime, most_waiting: int) -> int:
    """How many pushes may be put back now, so that they fall due at the rate that is asked."""
    due = col(PushDelivery.due_at) <= now
    if _waiting(session, replay.id, due) >= most_waiting:
        return 0
    ahead = now + AHEAD - max(replay.next_push_at, now)
    if ahead < timedelta():
        return 0
    return floor(ahead.total_seconds() * replay.per_second) + 1


def _waiting(session: Session, replay_id: str, *conditions: ColumnElement[bool]) -> int:
    """Pushes of the replay that have not been tried; those who are told nothing do not count."""
    query = (
        select(func.count())
        .select_from(PushDelivery)
        .join(Subscriber, col(Subscriber.id) == col(PushDelivery.subscriber_id))
        .where(
            PushDelivery.replay_id == replay_id,
            PushDelivery.state == DeliveryState.PENDING.value,
            PushDelivery.tries == 0,
            Subscriber.state == SubscriberState.ACTIVE.value,
            *conditions,
        )
    )
    return session.exec(query).one()


def _put_out(
    session: Session, replay: PushReplay, chosen: Sequence[Candidate], now: datetime
) -> None:
    times = _times(replay, now)
    rows = [(each, next(times)) for each in chosen]
    back = [_put_back(replay, each, at) for each, at in rows if each.delivery_id]
    made = [_made(replay, each, at, now) for each, at in rows if not each.delivery_id]
    if back:
        session.execute(update(PushDelivery), back)
    for some in chunks(made):
        new = insert_for(session, PushDelivery).values(some)
        session.execute(new.on_conflict_do_nothing(index_elements=["id"]))
    replay.put_back += len(back)
    replay.made += len(made)
    replay.next_push_at = next(times)
    if rows:
        nudge_after_commit(session, Topic.DELIVER)


def _times(replay: PushReplay, now: datetime) -> Iterator[datetime]:
    moment, rest = max(replay.next_push_at, now), timedelta(seconds=1 / replay.per_second)
    while True:
        yield moment
        moment += rest


def _put_back(replay: PushReplay, candidate: Candidate, due_at: datetime) -> dict[str, Any]:
    """The schedule begins anew; the attempts that were made stay, and count on."""
    return {
        "id": candidate.delivery_id,
        "state": DeliveryState.PENDING.value,
        "tries": 0,
        "due_at": due_at,
        "ended_at": None,
        "leased_by": None,
        "leased_until": None,
        "replay_id": replay.id,
    }


def _made(
    replay: PushReplay, candidate: Candidate, due_at: datetime, now: datetime
) -> dict[str, Any]:
    event = candidate.event
    return {
        "id": uuid5(event.id, candidate.subscriber_id),
        "event_id": event.id,
        "subscriber_id": candidate.subscriber_id,
        "order_no": event.order_no,
        "sequence": event.sequence,
        "state": DeliveryState.PENDING.value,
        "attempts": 0,
        "tries": 0,
        "due_at": due_at,
        "created_at": now,
        "replay_id": replay.id,
    }


def _place_of(replay: PushReplay) -> Place:
    return Place(replay.cursor_at, replay.cursor_event, replay.cursor_subscriber)


def _move_on(replay: PushReplay, place: Place | None) -> None:
    if place is None:
        replay.is_read = True
    else:
        replay.cursor_at, replay.cursor_event = place.occurred_at, place.event_id
        replay.cursor_subscriber = place.subscriber_id


def _end_if_sent(session: Session, replay: PushReplay, now: datetime) -> None:
    if _waiting(session, replay.id):
        replay.due_at = now + LOOK_AGAIN
    else:
        replay.state, replay.ended_at = ReplayState.DONE, now
