"""Erasing: what has been kept long enough goes, some orders at a time, and none in flight.

Orders are gone through in the order of their sealing, large ones page by page, each page in a
transaction of its own: done twice, it changes nothing. Rows of orders, lines, work orders,
reports and outcomes stay, without what is personal.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, and_, func
from sqlmodel import Session, col, select, tuple_

from ordercast.store import orders
from ordercast.store.reconciling import Place
from ordercast.store.rounds_tables import ErasedOrder
from ordercast.store.tables import OrderOutcome, OrderRun, ServiceOrder
from ordercast.store.upserting import insert_for

Run = Callable[[Callable[[Session], Any]], Any]
"""Does a part in a transaction of its own, and gives what came of it; a dry run takes it back."""

Erase = Callable[[Run, Sequence[str], datetime, datetime], Counter[str]]
"""Takes something out of orders that ended before a time, at a time; how much."""

PAGE = 500
KEY: tuple[Any, ...] = (OrderOutcome.sealed_at, OrderOutcome.order_no, OrderOutcome.version)


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
    query = _sealed_before(before).limit(limit)
    if after:
        query = query.where(_key() > (after.sealed_at, after.order_no, after.version))
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


def count_left(session: Session, after: Place | None, *, before: datetime) -> int:
    """How many versions a round that stopped there has left for the next ones."""
    query = select(func.count()).select_from(OrderOutcome).where(OrderOutcome.sealed_at < before)
    if after:
        query = query.where(_key() > (after.sealed_at, after.order_no, after.version))
    return session.exec(query).one()


def _key() -> Any:
    return tuple_(*map(col, KEY))


def _sealed_before(before: datetime) -> Any:
    """Versions by their sealing, with the order's current version and when the run ended."""
    columns: list[Any] = [*KEY, ServiceOrder.version, OrderRun.ended_at]
    same_run = and_(
        col(OrderRun.order_no) == col(OrderOutcome.order_no),
        col(OrderRun.version) == col(OrderOutcome.version),
    )
    return (
        select(*columns)
        .join(ServiceOrder, col(ServiceOrder.order_no) == col(OrderOutcome.order_no))
        .join(OrderRun, same_run)
        .where(OrderOutcome.sealed_at < before)
        .order_by(*KEY)
    )


def over(session: Session, order_nos: Sequence[str], before: datetime) -> list[str]:
    """Those of the orders that have ended, their rows locked: one may have been reopened."""
    locked = orders.lock(session, order_nos)
    return [no for no, row in locked.items() if row.ended_at and row.ended_at < before]


def note(session: Session, order_nos: Sequence[str], name: str, at: datetime) -> None:
    if not order_nos:
        return
    new = insert_for(session, ErasedOrder).values(
        [{"order_no": each, name: at} for each in sorted(order_nos)]
    )
    session.execute(new.on_conflict_do_update(index_elements=["order_no"], set_={name: at}))


def rows(session: Session, statement: Any) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0
