"""How far subscribers are behind: what is still to be sent, since when, and the last verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.store.push_tables import PushAttempt, PushDelivery


@dataclass(frozen=True)
class Lag:
    """How many pushes are still to be sent to a subscriber, and when the oldest was written."""

    pending: int = 0
    oldest_at: datetime | None = None


def lags(session: Session, subscriber_ids: Sequence[str]) -> Mapping[str, Lag]:
    """How far each of the subscribers is behind, from the index of what is pending."""
    who = PushDelivery.subscriber_id
    query = (
        select(who, func.count(), func.min(PushDelivery.created_at))
        .where(col(who).in_(subscriber_ids), col(PushDelivery.ended_at).is_(None))
        .group_by(who)
    )
    found = {key: Lag(pending, oldest) for key, pending, oldest in session.exec(query)}
    return {key: found.get(key, Lag()) for key in subscriber_ids}


def last_attempts(session: Session, subscriber_id: str, *, limit: int) -> Sequence[PushAttempt]:
    """The last attempts to a subscriber, the newest first."""
    query = select(PushAttempt).where(PushAttempt.subscriber_id == subscriber_id)
    return session.exec(query.order_by(col(PushAttempt.started_at).desc()).limit(limit)).all()
