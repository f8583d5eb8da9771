"""Forecasts: when each order is promised, when it can be expected, and whether that is too late.

The sweep looks again at an order when work on it is overdue, and when time alone can have
brought it into jeopardy; the rest costs nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select, tuple_

from ordercast.domain.forecast import OpenWork, expected_ends
from ordercast.domain.order import OrderState
from ordercast.domain.work_order import OPEN_STATES, WorkOrderState
from ordercast.store import orders, pushes
from ordercast.store.chunks import chunks
from ordercast.store.pushes import NewEvent, known_by
from ordercast.store.rounds_tables import OrderForecast
from ordercast.store.tables import ServiceOrder, WorkOrder
from ordercast.store.upserting import insert_for

SOONEST = timedelta(minutes=1)
WHILE_ENDANGERED = timedelta(minutes=5)
"""How often the expected time of an order in jeopardy is told anew."""

REQUESTED = "requestedCompletionDate"
STARTABLE = (WorkOrderState.ACKNOWLEDGED, WorkOrderState.IN_PROGRESS)


@dataclass(frozen=True)
class Endangered:
    """An order that has come into jeopardy."""

    order_no: str
    title: str
    promised_at: datetime
    expected_at: datetime
    late_work_order: str | None


def promise(session: Session, order: ServiceOrder, *, expected_at: datetime, at: datetime) -> None:
    """Note when an order whose work has just been generated is promised and expected."""
    requested = _requested(order)
    is_late = requested is not None and expected_at > requested
    row = {
        "order_no": order.order_no,
        "version": order.version,
        "promised_at": requested or expected_at,
        "expected_at": expected_at,
        "look_at": at if is_late else None,
    }
    new = insert_for(session, OrderForecast).values(row)
    session.execute(new.on_conflict_do_nothing(index_elements=["order_no"]))


def look_again(session: Session, order_nos: Iterable[str], *, at: datetime) -> None:
    """Have the sweep look at the forecasts of these orders."""
    rows = [{"order_no": each, "version": 1, "look_at": at} for each in sorted(order_nos)]
    for some in chunks(rows):
        new = insert_for(session, OrderForecast).values(some)
        session.execute(
            new.on_conflict_do_update(index_elements=["order_no"], set_={"look_at": at})
        )


def of_order(session: Session, order: ServiceOrder) -> OrderForecast | None:
    """The forecast of an order that has not ended; None if there is none."""
    if OrderState(order.state).is_final:
        return None
    return session.get(OrderForecast, order.order_no)


def due(session: Session, *, at: datetime, limit: int) -> Sequence[str]:
    """The orders whose forecast is to be looked at now."""
    query = select(OrderForecast.order_no).where(col(OrderForecast.look_at) <= at)
    return session.exec(query.order_by(col(OrderForecast.look_at)).limit(limit)).all()


def look(session: Session, ends: "Ends", *, at: datetime) -> list[Endangered]:
    """Make the forecasts of some orders anew; those that have just come into jeopardy."""
    locked = orders.lock(session, ends.order_nos)
    mine = select(OrderForecast).where(col(OrderForecast.order_no).in_(ends.order_nos))
    rows = session.exec(mine.order_by(OrderForecast.order_no).with_for_update()).all()
    found = [_look(session, locked[row.order_no], row, ends, at) for row in rows]
    return [each for each in found if each]


def _look(
    session: Session, order: ServiceOrder, row: OrderForecast, ends: "Ends", at: datetime
) -> Endangered | None:
    row.look_at = None
    expected = ends.expected.get(order.order_no)
    if expected is None or OrderState(order.state).is_final:
        row.endangered_at = row.late_work_order = None
        return None
    if row.version != order.version or row.promised_at is None:
        row.version = order.version
        row.promised_at = _requested(order) or ends.due[order.order_no]
    row.expected_at = expected
    late = ends.late.get(order.order_no)
    if expected <= row.promised_at:
        row.endangered_at = row.late_work_order = None
        row.look_at = at + max(SOONEST, row.promised_at - expected) if late else None
        return None
    is_new = row.endangered_at is None
    row.endangered_at, row.late_work_order = row.endangered_at or at, late
    row.look_at = at + WHILE_ENDANGERED
    return _tell(session, order, row, at) if is_new else None


def _tell(session: Session, order: ServiceOrder, row: OrderForecast, at: datetime) -> Endangered:
    assert row.promised_at and row.expected_at
    told = Endangered(
        order.order_no, order.title, row.promised_at, row.expected_at, row.late_work_order
    )
    text = f"promised for {_utc(row.promised_at)}, expected {_utc(row.expected_at)}"
    data = {
        **known_by(order),
        "promised_at": _iso(told.promised_at),
        "expected_at": _iso(told.expected_at),
        "work_order_id": told.late_work_order,
        "text": text,
    }
    event = NewEvent(type=pushes.IN_JEOPARDY, version=order.version, data=data)
    pushes.add_events(session, order, [event], at=at)
    return told


class Ends:
    """Of some orders: the last due time, the expected end, and the work that is late the longest.

    Only the lines with late work are gone through along their dependencies: all others end by
    their due times. It may take a while, so it is read before the rows are locked.
    """

    def __init__(self, session: Session, order_nos: Sequence[str], at: datetime) -> None:
        self.order_nos = order_nos
        mine = (col(WorkOrder.order_no).in_(order_nos), col(WorkOrder.withdrawn_at).is_(None))
        last = select(WorkOrder.order_no, func.max(WorkOrder.due_at)).where(*mine)
        by_order = last.group_by(WorkOrder.order_no)
        is_open = col(WorkOrder.state).in_(OPEN_STATES)
        self.due: Mapping[str, datetime] = dict(session.exec(by_order).all())
        self.expected: dict[str, datetime] = dict(session.exec(by_order.where(is_open)).all())
        self.late: dict[str, str] = {}
        self._go_through_late_lines(session, mine, at)

    def _go_through_late_lines(self, session: Session, mine: Any, at: datetime) -> None:
        is_late = (col(WorkOrder.state).in_(STARTABLE), col(WorkOrder.due_at) <= at)
        late = select(WorkOrder.order_no, WorkOrder.line_no, WorkOrder.id).where(*mine, *is_late)
        lines: dict[tuple[str, int], None] = {}
        for order_no, line_no, work_order_id in session.exec(
            late.order_by(col(WorkOrder.due_at), WorkOrder.id)
        ):
            self.late.setdefault(order_no, work_order_id)
            lines[order_no, line_no] = None
        for some in chunks(list(lines)):
            for (order_no, _), work in _open_work(session, some).items():
                ends = expected_ends(work, at=at).values()
                self.expected[order_no] = max(self.expected[order_no], *ends)


def _open_work(
    session: Session, lines: Sequence[tuple[str, int]]
) -> Mapping[tuple[str, int], dict[str, OpenWork]]:
    place = tuple_(col(WorkOrder.order_no), col(WorkOrder.line_no))
    columns: list[Any] = [WorkOrder.order_no, WorkOrder.line_no, WorkOrder.name]
    columns += [WorkOrder.due_at, WorkOrder.service_seconds, WorkOrder.depends_on]
    query = select(*columns).where(place.in_(lines), col(WorkOrder.state).in_(OPEN_STATES))
    found: dict[tuple[str, int], dict[str, OpenWork]] = defaultdict(dict)
    for order_no, line_no, name, due_at, seconds, after in session.execute(query):
        time = timedelta(seconds=seconds or 0)
        found[order_no, line_no][name] = OpenWork(due_at, time, tuple(after))
    return found


def _requested(order: ServiceOrder) -> datetime | None:
    written = order.document.get(REQUESTED)
    try:
        moment = datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
