"""The audit log: who did what, to what, when and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from ordercast.store.clock import now
from ordercast.store.people_tables import AuditEntry


def note(
    session: Session,
    *,
    who: str,
    did: str,
    subject: str,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Note an act in the transaction that carries it out; `did` is like `orders.retry`."""
    session.add(
        AuditEntry(
            at=now(), who=who, did=did, subject=subject, reason=reason, details=dict(details or {})
        )
    )


def of_subject(session: Session, subject: str, *, limit: int = 100) -> Sequence[AuditEntry]:
    """What was done to a subject, the newest first."""
    query = select(AuditEntry).where(AuditEntry.subject == subject)
    return session.exec(query.order_by(col(AuditEntry.key).desc()).limit(limit)).all()


def newest(
    session: Session, *, before: int | None = None, limit: int = 100
) -> Sequence[AuditEntry]:
    """What was done, the newest first; `before` is the key to go on from."""
    query = select(AuditEntry)
    if before is not None:
        query = query.where(col(AuditEntry.key) < before)
    return session.exec(query.order_by(col(AuditEntry.key).desc()).limit(limit)).all()
