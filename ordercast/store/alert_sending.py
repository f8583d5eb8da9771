"""Which alerts are to be sent now, and what came of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from ordercast.store.tables import OperatorAlert

FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(hours=1)
DOUBLINGS = 6


def claim_alerts(session: Session, *, now: datetime, limit: int) -> list[OperatorAlert]:
    """Up to `limit` alerts that are due, the oldest first, each counted as tried once more.

    They are due again after a rest: nobody else claims them while they are being sent.
    """
    due = col(OperatorAlert.due_at)
    unsent = (
        select(OperatorAlert)
        .where(col(OperatorAlert.sent_at).is_(None), or_(due.is_(None), due <= now))
        .order_by(col(OperatorAlert.key))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = list(session.exec(unsent))
    for each in claimed:
        each.tries += 1
        each.due_at = now + rest_after(each.tries)
    return claimed


def rest_after(tries: int) -> timedelta:
    """How long an alert rests after so many tries: a minute, doubled up to an hour."""
    return min(FIRST_REST * 2 ** min(tries - 1, DOUBLINGS), LONGEST_REST)


def mark_sent(session: Session, alerts: Sequence[OperatorAlert], *, at: datetime) -> None:
    """Note that somebody was told of these."""
    told = col(OperatorAlert.key).in_([each.key for each in alerts])
    session.execute(update(OperatorAlert).where(told).values(sent_at=at))


def newest(session: Session, *, limit: int) -> Sequence[OperatorAlert]:
    """The newest alerts, sent or not."""
    last_first = select(OperatorAlert).order_by(col(OperatorAlert.key).desc())
    return session.exec(last_first.limit(limit)).all()
