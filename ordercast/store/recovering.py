"""Subscribers that answer again after a time of silence, and whether Prefect was told of it."""

from collections.abc import Sequence

from sqlalchemy import update
from sqlmodel import Session, col, or_, select

from ordercast.contracts.subscriber import SubscriberState
from ordercast.store.push_tables import Subscriber


def recovered(session: Session, *, limit: int) -> Sequence[Subscriber]:
    """Active subscribers whose last recovery was not told yet; the first to recover first."""
    told = col(Subscriber.recovery_told_at)
    query = (
        select(Subscriber)
        .where(Subscriber.state == SubscriberState.ACTIVE.value)
        .where(col(Subscriber.recovered_at).is_not(None))
        .where(or_(told.is_(None), told < col(Subscriber.recovered_at)))
        .order_by(col(Subscriber.recovered_at))
    )
    return session.exec(query.limit(limit)).all()


def recovery_told(session: Session, subscribers: Sequence[Subscriber]) -> None:
    """Their recoveries, as they were read, are told; a later one is not."""
    for each in subscribers:
        session.execute(
            update(Subscriber)
            .where(col(Subscriber.id) == each.id)
            .values(recovery_told_at=each.recovered_at)
        )
