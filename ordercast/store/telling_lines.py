"""Telling of lines that ended: what has come together becomes events, in the order of endings."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, delete
from sqlmodel import Session, col, select

from ordercast.domain.line_pages import pages
from ordercast.store import orders, pushes
from ordercast.store.chunks import CHUNK
from ordercast.store.facts import characteristics_of
from ordercast.store.push_tables import LineEnd, LineNotice
from ordercast.store.pushes import LINES_ENDED, NewEvent
from ordercast.store.tables import OrderLine, ServiceOrder

INTERVALS = 10_000
"""More than the longest interval: the `n` of an event has its first line's place, and that."""


def due_orders(session: Session, *, before: datetime, limit: int) -> Sequence[str]:
    """The numbers of orders whose ended lines are to be told now, the longest due first."""
    due = select(LineNotice.order_no, LineNotice.due_at).where(col(LineNotice.due_at) <= before)
    first = session.exec(due.order_by(col(LineNotice.due_at)).limit(limit))
    return list(dict.fromkeys(order_no for order_no, _ in first))


def tell_due(session: Session, order_no: str, *, before: datetime) -> None:
    """Write the events of the ended lines that are due; nothing if another relay has done so."""
    order = orders.order(session, order_no, lock=True)
    due = select(LineNotice).where(
        LineNotice.order_no == order_no, col(LineNotice.due_at) <= before
    )
    notices = session.exec(due.order_by(col(LineNotice.every_seconds))).all()
    intervals = pushes.intervals(session, order) if notices else set()
    for notice in notices:
        if notice.every_seconds in intervals:
            _tell(session, order, notice)
        else:
            session.delete(notice)  # nobody asks any more


def postpone(session: Session, order_no: str, *, until: datetime) -> None:
    """Let what is due of an order rest: something is wrong with it."""
    due = select(LineNotice).where(LineNotice.order_no == order_no, col(LineNotice.due_at) <= until)
    for notice in session.exec(due):
        notice.due_at = until + timedelta(seconds=notice.every_seconds)


def tell_rest(session: Session, order: ServiceOrder, *, tags: Collection[str]) -> None:
    """Write the events of all ended lines that are not told yet; the outcome is being sealed.

    The caller holds the order's row. What comes after it begins anew.
    """
    mine = select(LineNotice).where(LineNotice.order_no == order.order_no)
    notices = session.exec(mine.order_by(col(LineNotice.every_seconds))).all()
    intervals = pushes.intervals(session, order, tags=tags) if notices else set()
    for notice in notices:
        if notice.every_seconds in intervals:
            _tell(session, order, notice, tags=tags)
        session.delete(notice)
    if notices:
        session.execute(delete(LineEnd).where(col(LineEnd.order_no) == order.order_no))


def _tell(
    session: Session, order: ServiceOrder, notice: LineNotice, *, tags: Collection[str] = ()
) -> None:
    every = notice.every_seconds
    while found := _after(session, order.order_no, notice.told_place):
        events = [
            NewEvent(
                type=LINES_ENDED,
                version=order.version,
                line_no=page[0]["line_no"],
                n=place * INTERVALS + every,
                data=_data(order, every, page),
            )
            for place, page in _pages(found)
        ]
        pushes.add_events(session, order, events, tags=list(tags))
        notice.told_place = found[-1].place
    notice.due_at = None


def _pages(found: Sequence[Row[Any]]) -> Iterator[tuple[int, list[Any]]]:
    """The lines by pages, each with the place of its first; without those that go on again."""
    places = {row.line_no: row.place for row in found}
    for page in pages(_lines(found)):
        yield places[page[0]["line_no"]], page


def _lines(found: Iterable[Row[Any]]) -> Iterator[dict[str, Any]]:
    for row in found:
        if row.state != row.state_now:
            continue
        line = {
            "line_no": row.line_no,
            "item_id": row.item_id,
            "product": row.product,
            "action": row.action,
            "state": row.state,
            "ended_at": row.ended_at.isoformat().replace("+00:00", "Z"),
            "characteristics": characteristics_of(row.document),
        }
        yield {**line, "failures": row.failures} if row.failures else line


def _data(order: ServiceOrder, every_seconds: int, page: list[Any]) -> dict[str, Any]:
    return {
        **pushes.known_by(order),
        "every_seconds": every_seconds,
        "lines": page,
    }


def _after(session: Session, order_no: str, place: int) -> Sequence[Row[Any]]:
    """The next endings after a place, with what is known of their lines."""
    same_line = and_(
        col(OrderLine.order_no) == col(LineEnd.order_no),
        col(OrderLine.line_no) == col(LineEnd.line_no),
    )
    ended = (LineEnd.place, LineEnd.line_no, LineEnd.state, LineEnd.failures, LineEnd.ended_at)
    known = (OrderLine.item_id, OrderLine.product, OrderLine.action, OrderLine.document)
    columns: list[Any] = [*ended, *known, col(OrderLine.state).label("state_now")]
    query = select(*columns).join(OrderLine, same_line)
    later = query.where(LineEnd.order_no == order_no, LineEnd.place > place)
    return session.execute(later.order_by(col(LineEnd.place)).limit(CHUNK)).all()
