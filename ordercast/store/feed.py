"""The feed: all events in one line, which a reader can follow without ever missing one.

A transaction that began earlier may commit later, so neither a counter that is drawn while it
runs nor a time tells what a reader has still to come. An event is given its position only when
it is committed, by one short transaction at a time, which holds the head of the feed: what is
behind a position never changes. On SQLite, where one transaction writes at a time, that is the
transaction of the event itself; on PostgreSQL the relay follows it.
"""

from sqlalchemy import CursorResult, func, update
from sqlmodel import Session, col, select

from ordercast.store.commits import with_commit
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.push_tables import FeedHead, PushEvent

FEED = "events"
ROUND = 1000


def join_feed(session: Session) -> None:
    """Have the events of the session's transaction take their place in the feed."""
    if session.get_bind().dialect.name == "postgresql":
        nudge_after_commit(session, Topic.NUMBER)
    else:
        with_commit(session, FEED, lambda _: number_events(session))


def number_events(session: Session, limit: int = ROUND) -> int:
    """Give up to `limit` committed events the positions after the head; how many there were.

    The events of an order stay in their sequence, whatever the clocks of machines say.
    """
    head = _lock_head(session)
    fresh = _unnumbered().limit(limit).subquery()
    this_one = col(PushEvent.id) == fresh.c.id
    numbered = update(PushEvent).where(this_one).values(position=head + fresh.c.place)
    result = session.execute(numbered.execution_options(synchronize_session=False))
    count = result.rowcount if isinstance(result, CursorResult) else 0
    if count:
        moved = update(FeedHead).where(col(FeedHead.name) == FEED).values(position=head + count)
        session.execute(moved.execution_options(synchronize_session=False))
        nudge_after_commit(session, Topic.FEED)
    return count


def has_unnumbered(session: Session) -> bool:
    """Whether a committed event has no position yet."""
    waiting = select(PushEvent.id).where(col(PushEvent.position).is_(None)).limit(1)
    return session.exec(waiting).first() is not None


def head_of(session: Session) -> int:
    """The position of the newest event; 0 if there is none."""
    head = select(FeedHead.position).where(FeedHead.name == FEED)
    return session.exec(head).first() or 0


def _lock_head(session: Session) -> int:
    """Hold the head until the transaction ends; what others have numbered is then seen."""
    head = select(FeedHead.position).where(FeedHead.name == FEED)
    found = session.exec(head.with_for_update()).first()
    if found is None:
        session.add(FeedHead(name=FEED))
        session.flush()
    return found or 0


def _unnumbered():
    """Events without a position, each with its place behind the head, from 1 on."""
    not_before = func.max(col(PushEvent.occurred_at)).over(
        partition_by=col(PushEvent.order_no), order_by=col(PushEvent.sequence)
    )
    waiting = (
        select(PushEvent.id, PushEvent.order_no, PushEvent.sequence, not_before.label("not_before"))
        .where(col(PushEvent.position).is_(None))
        .subquery()
    )
    first = (waiting.c.not_before, waiting.c.order_no, waiting.c.sequence)
    place = func.row_number().over(order_by=first).label("place")
    return select(waiting.c.id, place).order_by(*first)
