"""Erasing: what has been kept long enough goes, some orders at a time, and none in flight.

Orders are gone through in the order of their sealing, large ones page by page, each page in a
transaction of its own: done twice, it changes nothing. Rows of orders, lines, work orders,
reports and outcomes stay, without what is personal.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, and_, delete, exists, func, inspect, update
from sqlmodel import Session, SQLModel, col, select, tuple_

from ordercast.domain.erasing import erased
from ordercast.store import orders
from ordercast.store.delivery_states import DeliveryState
from ordercast.store.reconciling import Place
from ordercast.store.rounds_tables import ErasedOrder, OrderForecast, OverdueWork
from ordercast.store.tables import (
    ArchiveEntry,
    CompletionReport,
    DeviceNews,
    InboxMessage,
    OrderLine,
    OrderOutcome,
    OrderRun,
    PushAttempt,
    PushDelivery,
    PushEvent,
    ServiceOrder,
    WorkOrder,
)
from ordercast.store.upserting import insert_for

Run = Callable[[Callable[[Session], Any]], Any]
"""Does a part in a transaction of its own, and gives what came of it; a dry run takes it back."""

Erase = Callable[[Run, Sequence[str], datetime, datetime], Counter[str]]
"""Takes something out of orders that ended before a time, at a time; how much."""

PAGE = 500


@dataclass(frozen=True)
class Page:
    """Orders that ended, from which something is to go; `place` is how far the reading came.

    `is_last`: there are no more. The place stays before an order that has not ended after all.
    """

    order_nos: tuple[str, ...]
    place: Place | None
    read_to: Place | None
    is_last: bool


def is_erased(session: Session, order_no: str) -> bool:
    """Whether what is personal of an order is erased: no work can be done on it any more."""
    found = session.get(ErasedOrder, order_no)
    return found is not None and found.personal_at is not None


def ended_orders(
    session: Session, after: Place | None, kept: Place | None, *, before: datetime, limit: int
) -> Page:
    """The next orders whose current version was sealed before a time and has been told.

    `kept` is the place that the next round shall begin at, as far as that is known.
    """
    columns: list[Any] = [OrderOutcome.sealed_at, OrderOutcome.order_no, OrderOutcome.version]
    query = (
        select(*columns, ServiceOrder.version, OrderRun.ended_at)
        .join(ServiceOrder, col(ServiceOrder.order_no) == col(OrderOutcome.order_no))
        .join(
            OrderRun,
            and_(
                col(OrderRun.order_no) == col(OrderOutcome.order_no),
                col(OrderRun.version) == col(OrderOutcome.version),
            ),
        )
        .where(OrderOutcome.sealed_at < before)
        .order_by(*columns)
        .limit(limit)
    )
    if after:
        key = tuple_(*map(col, columns))
        query = query.where(key > (after.sealed_at, after.order_no, after.version))
    rows = session.execute(query).all()
    order_nos, stuck = [], kept != after
    for sealed_at, order_no, version, current, ended_at in rows:
        has_ended = ended_at is not None
        if has_ended and version == current:
            order_nos.append(order_no)
        stuck = stuck or not has_ended
        after = Place(sealed_at, order_no, version)
        kept = kept if stuck else after
    return Page(tuple(order_nos), kept, after, len(rows) < limit)


def drop_raw(run: Run, order_nos: Sequence[str], before: datetime, _: datetime) -> Counter[str]:
    """Messages as they came, sealed, and the evidence here of what the archive has."""
    return run(lambda session: _drop_raw(session, _over(session, order_nos, before), before))


def _over(session: Session, order_nos: Sequence[str], before: datetime) -> list[str]:
    """Those of the orders that have ended, their rows locked: one may have been reopened."""
    locked = orders.lock(session, order_nos)
    return [no for no, row in locked.items() if row.ended_at and row.ended_at < before]


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
    gone = _rows(session, evidence.values(evidence=b"", results=None))
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
    query = (
        select(InboxMessage.id)
        .where(col(InboxMessage.order_no).is_(None), InboxMessage.received_at < before)
        .where(func.length(col(InboxMessage.sealed)) > 0)
        .order_by(col(InboxMessage.received_at))
        .limit(limit)
    )
    return _drop(session, session.exec(query).all())


def _drop(session: Session, ids: Sequence[str]) -> int:
    kept = update(InboxMessage).where(
        col(InboxMessage.id).in_(ids), func.length(col(InboxMessage.sealed)) > 0
    )
    return _rows(session, kept.values(sealed=b""))


PERSONAL: Mapping[type[SQLModel], tuple[str, ...]] = {
    ServiceOrder: ("document",),
    OrderLine: ("document", "problems"),
    WorkOrder: ("parameters", "text"),
    CompletionReport: ("text", "reporter"),
    OrderOutcome: ("summary",),
    PushEvent: ("data",),
}
"""Where there is something personal, by table."""


def erase_personal(
    run: Run, order_nos: Sequence[str], before: datetime, at: datetime
) -> Counter[str]:
    """Numbers, cards, names and the like, in whatever is kept of the orders.

    That they are erased is noted first: from then on nobody works on them any more.
    """

    def begin(session: Session) -> list[str]:
        over = _over(session, order_nos, before)
        _note(session, over, "personal_at", at)
        return over

    over = run(begin)
    counts = Counter({"devices": run(lambda session: _forget_devices(session, _events(over)))})
    for table, names in PERSONAL.items():
        after: Any = None
        while True:
            changed, after = run(partial(_erase_page, table, names, over, after))
            counts[f"rows of {table.__tablename__}"] += changed
            if after is None:
                break
    return counts


def _erase_page(
    table: Any, names: Sequence[str], order_nos: Sequence[str], after: Any, session: Session
) -> tuple[int, Any]:
    """Erase the next rows of a table; how many changed, and the last one's key, None at the end."""
    key = list(inspect(table).primary_key)
    query = select(table).where(col(table.order_no).in_(order_nos)).order_by(*key).limit(PAGE)
    if after is not None:
        query = query.where(tuple_(*key) > after)
    rows = session.exec(query).all()
    changed = sum(_erase(row, names) for row in rows)
    last = tuple(getattr(rows[-1], column.name) for column in key) if len(rows) == PAGE else None
    return changed, last


def _erase(row: Any, names: Sequence[str]) -> bool:
    changed = False
    for name in names:
        told = getattr(row, name)
        kept = "***" if told and name == "reporter" else erased(told)
        if kept != told:
            setattr(row, name, kept)
            changed = True
    return changed


def _events(order_nos: Sequence[str]) -> Any:
    return select(PushEvent.id).where(col(PushEvent.order_no).in_(order_nos))


def _forget_devices(session: Session, events: Any) -> int:
    return _rows(session, delete(DeviceNews).where(col(DeviceNews.event_id).in_(events)))


def prune_ledger(
    run: Run, order_nos: Sequence[str], before: datetime, at: datetime
) -> Counter[str]:
    """Events, pushes and attempts; of an order with a push that is still due, nothing."""

    def begin(session: Session) -> list[str]:
        over = _over(session, order_nos, before)
        is_pending = PushDelivery.state == DeliveryState.PENDING.value
        pending = select(PushDelivery.order_no).where(
            col(PushDelivery.order_no).in_(over), is_pending
        )
        free = sorted(set(over) - set(session.exec(pending)))
        _note(session, free, "ledger_at", at)
        for table in (OverdueWork, OrderForecast):
            session.execute(delete(table).where(col(table.order_no).in_(free)))
        return free

    free, counts, after = run(begin), Counter[str](), None
    while True:
        gone, after = run(partial(_prune_page, free, after))
        counts.update(gone)
        if after is None:
            return counts


def _prune_page(
    order_nos: Sequence[str], after: UUID | None, session: Session
) -> tuple[Counter[str], UUID | None]:
    """Delete the next events with all that hangs on them; the last one's id, None at the end."""
    query = _events(order_nos).order_by(col(PushEvent.id)).limit(PAGE)
    ids = session.exec(query if after is None else query.where(col(PushEvent.id) > after)).all()
    pushes = select(PushDelivery.id).where(col(PushDelivery.event_id).in_(ids))
    gone = Counter({"devices": _forget_devices(session, ids)})
    attempts = delete(PushAttempt).where(col(PushAttempt.delivery_id).in_(pushes))
    gone["attempts"] = _rows(session, attempts)
    gone["pushes"] = _rows(session, delete(PushDelivery).where(col(PushDelivery.event_id).in_(ids)))
    gone["events"] = _rows(session, delete(PushEvent).where(col(PushEvent.id).in_(ids)))
    return gone, ids[-1] if len(ids) == PAGE else None


def _note(session: Session, order_nos: Sequence[str], name: str, at: datetime) -> None:
    if not order_nos:
        return
    new = insert_for(session, ErasedOrder).values(
        [{"order_no": each, name: at} for each in sorted(order_nos)]
    )
    session.execute(new.on_conflict_do_update(index_elements=["order_no"], set_={name: at}))


def _rows(session: Session, statement: Any) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0
