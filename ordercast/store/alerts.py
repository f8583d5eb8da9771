"""Alerts: what operators must hear of, kept until somebody has told them."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from ordercast.store.clock import now
from ordercast.store.tables import OperatorAlert


def alert(
    session: Session, kind: str, *, subject: str, text: str, at: datetime | None = None
) -> OperatorAlert:
    """Write an alert with the session's transaction; `subject` is what it is about, by its id."""
    written = OperatorAlert(kind=kind, subject=subject, text=text, created_at=at or now())
    session.add(written)
    return written


def unsent(session: Session, *, limit: int) -> Sequence[OperatorAlert]:
    """Alerts that nobody was told of yet, the oldest first."""
    waiting = select(OperatorAlert).where(col(OperatorAlert.sent_at).is_(None))
    return session.exec(waiting.order_by(col(OperatorAlert.created_at)).limit(limit)).all()
