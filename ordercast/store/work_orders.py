"""Work orders: generating, listing, and what their results do to lines and orders."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, update
from sqlmodel import Session, col, select

from ordercast.domain.errors import NotFound
from ordercast.domain.rollup import line_state
from ordercast.domain.work_order import OPEN_STATES, States, WorkOrderState, settle
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.tables import OrderLine, WorkOrder


def work_order_id(order_no: str, line_no: int, position: int) -> str:
    """The id of the work order at that position of a line: the same however often generated."""
    return f"wo-{order_no.removeprefix('ord-')}-{line_no}-{position}"


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add work orders in bulk."""
    for some in chunks(rows):
        session.execute(insert(WorkOrder), [dict(row) for row in some])


def work_order(session: Session, work_order_id: str) -> WorkOrder:
    """The work order with that id; NotFound if there is none."""
    found = session.get(WorkOrder, work_order_id)
    if found is None:
        raise NotFound("work order", work_order_id)
    return found


def of_order(session: Session, order_no: str) -> Sequence[WorkOrder]:
    """All work orders of an order, by line and then as the catalogue has them."""
    query = select(WorkOrder).where(WorkOrder.order_no == order_no)
    rows = session.exec(query).all()
    return sorted(rows, key=lambda row: (row.line_no, int(row.id.rpartition("-")[2])))


@dataclass(frozen=True)
class OpenWork:
    """What a team or a system has still to do for an order, and when the first of it is due."""

    who: str
    count: int
    first_due: datetime


def open_work(session: Session, order_no: str) -> list[OpenWork]:
    """The work orders of an order that have no result yet, by who does them; the most first."""
    who, count = func.coalesce(WorkOrder.team, WorkOrder.system, ""), func.count()
    query = (
        select(who, count, func.min(WorkOrder.due_at))
        .where(WorkOrder.order_no == order_no, col(WorkOrder.state).in_(OPEN_STATES))
        .group_by(who)
        .order_by(count.desc(), who)
    )
    return [OpenWork(*row) for row in session.exec(query)]


def any_open(session: Session, order_no: str) -> bool:
    """Whether some work order of an order has no result yet."""
    query = select(WorkOrder.id).where(
        WorkOrder.order_no == order_no, col(WorkOrder.state).in_(OPEN_STATES)
    )
    return session.exec(query.limit(1)).first() is not None


@dataclass(frozen=True)
class WorkOrderFilter:
    """What work orders to list; all that is given must hold."""

    order_no: str | None = None
    state: str | None = None
    team: str | None = None
    system: str | None = None


def count_and_page(
    session: Session, wanted: WorkOrderFilter, *, offset: int, limit: int
) -> tuple[int, Sequence[WorkOrder]]:
    """How many work orders there are of that kind, and a page of them, the first due first."""
    conditions = [
        col(getattr(WorkOrder, name)) == value
        for name in ("order_no", "state", "team", "system")
        if (value := getattr(wanted, name)) is not None
    ]
    total = session.exec(select(func.count()).select_from(WorkOrder).where(*conditions)).one()
    page = select(WorkOrder).where(*conditions).order_by(col(WorkOrder.due_at), WorkOrder.id)
    return total, session.exec(page.offset(offset).limit(limit)).all()


@dataclass
class LineWork:
    """The work orders of one line, changed in memory and then stored together."""

    work_orders: dict[str, WorkOrder] = field(default_factory=dict)

    @property
    def states(self) -> States:
        return {name: WorkOrderState(row.state) for name, row in self.work_orders.items()}

    @property
    def depends_on(self) -> dict[str, Sequence[str]]:
        return {name: row.depends_on for name, row in self.work_orders.items()}

    def end(self, name: str, state: WorkOrderState, *, code: str | None, text: str | None) -> None:
        """A work order has its result; the others of the line follow."""
        row = self.work_orders[name]
        row.state, row.ended_at, row.code, row.text = state, now(), code, text
        self.become(settle(self.states, self.depends_on))

    def become(self, states: States) -> None:
        """The work orders take these states; a result that no longer stands is cleared."""
        for name, state in states.items():
            row = self.work_orders[name]
            if row.state == state:
                continue
            row.state = state
            row.ended_at = None if state.is_open else now()
            if state.is_open:
                row.code = row.text = row.report_key = None


def lines_work(
    session: Session, order_no: str, line_nos: Iterable[int] | None = None
) -> dict[int, LineWork]:
    """The work orders of an order by line; of some lines only, if they are named."""
    query = select(WorkOrder).where(WorkOrder.order_no == order_no)
    work: dict[int, LineWork] = defaultdict(LineWork)
    parts = [None] if line_nos is None else chunks(sorted(line_nos))
    for part in parts:
        some = query if part is None else query.where(col(WorkOrder.line_no).in_(part))
        for row in session.exec(some):
            work[row.line_no].work_orders[row.name] = row
    return work


def roll_up(session: Session, order_no: str, work: Mapping[int, LineWork]) -> None:
    """Give the lines the states that their work orders make."""
    by_state: dict[str, list[int]] = defaultdict(list)
    for line_no, line in work.items():
        by_state[line_state(line.states.values())].append(line_no)
    session.flush()
    for state, line_nos in by_state.items():
        for some in chunks(line_nos):
            here = (col(OrderLine.order_no) == order_no, col(OrderLine.line_no).in_(some))
            session.execute(update(OrderLine).where(*here).values(state=state))
