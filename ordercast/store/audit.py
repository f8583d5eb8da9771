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
    return newest(session, subject=subject, limit=limit)


def newest(
    session: Session,
    *,
    who: str | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[AuditEntry]:
    """What was done, by whom and to what is named, the newest first; `before` a key to go on."""
    query = select(AuditEntry)
    if who is not None:
        query = query.where(AuditEntry.who == who)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    if before is not None:
        query = query.where(col(AuditEntry.key) < before)
    return session.exec(query.order_by(col(AuditEntry.key).desc()).limit(limit)).all()


def in_words(details: Mapping[str, Any]) -> str:
    """The details of an act in one line."""
    return ", ".join(f"{name}: {value}" for name, value in details.items())
