"""Dropping messages as they came, once every order that was made of them has ended."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, update
from sqlmodel import Session, col, select

from ordercast.store.erasing import Run, over, rows
from ordercast.store.tables import ArchiveEntry, InboxMessage, OrderOutcome, ServiceOrder


def drop_raw(run: Run, order_nos: Sequence[str], before: datetime, _: datetime) -> Counter[str]:
    """Messages as they came, sealed, and the evidence here of what the archive has."""
    return run(lambda session: _drop_raw(session, over(session, order_nos, before), before))


def _drop_raw(session: Session, order_nos: Sequence[str], before: datetime) -> Counter[str]:
    own = session.execute(
        select(InboxMessage.id, InboxMessage.translated_from).where(
            col(InboxMessage.order_no).in_(order_nos)
        )
    ).all()
    origins = {origin for _, origin in own if origin} | _origins(session, [key for key, _ in own])
    needed = _needed(session, origins, before)
    ids = {key for key, _ in own} | origins
    dropped = _drop(session, sorted(ids - needed))
    archived = exists().where(
        col(ArchiveEntry.order_no) == col(OrderOutcome.order_no),
        col(ArchiveEntry.version) == col(OrderOutcome.version),
    )
    evidence = update(OrderOutcome).where(
        col(OrderOutcome.order_no).in_(order_nos),
        archived,
        func.length(col(OrderOutcome.evidence)) > 0,
    )
    gone = rows(session, evidence.values(evidence=b"", results=None))
    return Counter({"raw messages": dropped, "evidence that the archive has": gone})


def _origins(session: Session, ids: Sequence[str]) -> set[str]:
    """Those of the messages that others were translated from."""
    query = select(InboxMessage.translated_from).where(col(InboxMessage.translated_from).in_(ids))
    return {origin for origin in session.exec(query) if origin}


def _needed(session: Session, origins: Iterable[str], before: datetime) -> set[str]:
    """Those of the messages that hold an order which has not ended by that time."""
    query = (
        select(InboxMessage.translated_from)
        .join(ServiceOrder, col(ServiceOrder.order_no) == col(InboxMessage.order_no))
        .where(col(InboxMessage.translated_from).in_(sorted(origins)))
        .where(col(ServiceOrder.ended_at).is_(None) | (col(ServiceOrder.ended_at) >= before))
    )
    return {origin for origin in session.exec(query) if origin}


def drop_stray(session: Session, *, before: datetime, limit: int) -> int:
    """Drop messages and reports that were refused and belong to no order; how many."""
    query = select(InboxMessage.id).where(*_is_stray(before))
    return _drop(
        session, session.exec(query.order_by(col(InboxMessage.received_at)).limit(limit)).all()
    )


def count_stray(session: Session, *, before: datetime) -> int:
    """How many there are to drop."""
    return session.exec(select(func.count()).where(*_is_stray(before))).one()


def _is_stray(before: datetime) -> tuple[Any, ...]:
    is_kept = func.length(col(InboxMessage.sealed)) > 0
    return col(InboxMessage.order_no).is_(None), InboxMessage.received_at < before, is_kept


def _drop(session: Session, ids: Sequence[str]) -> int:
    kept = update(InboxMessage).where(
        col(InboxMessage.id).in_(ids), func.length(col(InboxMessage.sealed)) > 0
    )
    return rows(session, kept.values(sealed=b""))
