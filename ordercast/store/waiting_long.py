"""Orders that have been waiting for too long, all together: how many, and whether that was told.

The alerts themselves remember it: the newest of the two kinds says how it stood last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.store.tables import OperatorAlert, OrderRun

WAITING, FLOWING = "orders-waiting", "orders-flowing"
"""The kinds of the alerts: too many wait for too long, and no more."""


@dataclass(frozen=True)
class Backlog:
    """How many orders have waited for too long, by what they wait for; since when the first."""

    by_reason: Mapping[str, int]
    oldest: datetime | None

    @property
    def count(self) -> int:
        return sum(self.by_reason.values())


def backlog(session: Session, *, at: datetime, hours: float) -> Backlog:
    """The orders in flight that have waited for the same thing for longer than so many hours."""
    reason, since = col(OrderRun.waiting_for), col(OrderRun.waiting_since)
    long = since < at - timedelta(hours=hours)
    query = select(reason, func.count(), func.min(since))
    rows = session.exec(query.where(col(OrderRun.ended_at).is_(None), long).group_by(reason)).all()
    by_reason = {str(waiting_for): count for waiting_for, count, _ in rows}
    return Backlog(by_reason, min((oldest for *_, oldest in rows if oldest), default=None))


def last_told(session: Session) -> OperatorAlert | None:
    """The alert of the last crossing; None if there was none yet."""
    kinds = col(OperatorAlert.kind).in_([WAITING, FLOWING])
    newest = select(OperatorAlert).where(kinds).order_by(col(OperatorAlert.key).desc())
    return session.exec(newest.limit(1)).first()
