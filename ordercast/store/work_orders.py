"""Work orders: generating, listing, and what their results do to lines and orders."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Subquery, func, union_all, update
from sqlmodel import Session, col, select

from ordercast.domain.causes import cause_of
from ordercast.domain.errors import NotFound
from ordercast.domain.forecast import OpenWork, expected_ends
from ordercast.domain.order import OrderState
from ordercast.domain.rollup import line_state
from ordercast.domain.work_order import OPEN_STATES, States, WorkOrderState, settle
from ordercast.store.bulk import insert_rows
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.orders import is_number_of, is_of, numbers_of
from ordercast.store.tables import OrderLine, WorkOrder


def work_order_id(order_no: str, line_no: int, position: int) -> str:
    """The id of the work order at that position of a line: the same however often generated."""
    return f"wo-{order_no.removeprefix('ord-')}-{line_no}-{position}"


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add work orders in bulk."""
    insert_rows(session, WorkOrder, rows)


def work_order(session: Session, work_order_id: str, *, agent: str | None = None) -> WorkOrder:
    """The work order with that id.

    NotFound if there is none, or if its order is not of the agent that is named.
    """
    found = session.get(WorkOrder, work_order_id)
    if found is None or not is_of(session, found.order_no, agent):
        raise NotFound("work order", work_order_id)
    return found


def of_order(session: Session, order_no: str) -> Sequence[WorkOrder]:
    """All work orders of an order, by line and then as the catalogue has them."""
    query = select(WorkOrder).where(WorkOrder.order_no == order_no)
    rows = session.exec(query).all()
    return sorted(rows, key=lambda row: (row.line_no, _position(row)))


def _position(row: WorkOrder) -> int:
    return int(row.id.rpartition("-")[2])


@dataclass(frozen=True)
class LeftToDo:
    """What a team or a system has still to do for an order, and when the first of it is due."""

    who: str
    count: int
    first_due: datetime


def open_work(session: Session, order_no: str) -> list[LeftToDo]:
    """The work orders of an order that have no result yet, by who does them; the most first."""
    who, count = func.coalesce(WorkOrder.team, WorkOrder.system, ""), func.count()
    query = (
        select(who, count, func.min(WorkOrder.due_at))
        .where(WorkOrder.order_no == order_no, col(WorkOrder.state).in_(OPEN_STATES))
        .group_by(who)
        .order_by(count.desc(), who)
    )
    return [LeftToDo(*row) for row in session.exec(query)]


def any_open(session: Session, order_no: str) -> bool:
    """Whether some work order of an order has no result yet."""
    query = select(WorkOrder.id).where(
        WorkOrder.order_no == order_no, col(WorkOrder.state).in_(OPEN_STATES)
    )
    return session.exec(query.limit(1)).first() is not None


@dataclass(frozen=True)
class WorkOrderFilter:
    """What work orders to list; all that is given must hold. `only_of` is the agent that asks."""

    order_no: str | None = None
    state: str | None = None
    team: str | None = None
    system: str | None = None
    only_of: str | None = None


def count_and_page(
    session: Session, wanted: WorkOrderFilter, *, offset: int, limit: int
) -> tuple[int, Sequence[WorkOrder]]:
    """How many work orders there are of that kind, and a page of them, the first due first."""
    conditions = [
        col(getattr(WorkOrder, name)) == value
        for name in ("order_no", "state", "team", "system")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.only_of is not None and wanted.order_no is not None:
        conditions.append(is_number_of(col(WorkOrder.order_no), wanted.only_of))
    elif wanted.only_of is not None:
        conditions.append(col(WorkOrder.order_no).in_(numbers_of(wanted.only_of)))
    total = session.exec(select(func.count()).select_from(WorkOrder).where(*conditions)).one()
    page = select(WorkOrder).where(*conditions).order_by(col(WorkOrder.due_at), WorkOrder.id)
    return total, session.exec(page.offset(offset).limit(limit)).all()


@dataclass
class LineWork:
    """The work orders of one line, changed in memory and then stored together.

    Those that undo others are among them; withdrawn ones are kept apart.
    """

    work_orders: dict[str, WorkOrder] = field(default_factory=dict)
    withdrawn: list[WorkOrder] = field(default_factory=list)

    def add(self, row: WorkOrder) -> None:
        """Take a work order of the line in."""
        if row.withdrawn_at is None:
            self.work_orders[row.name] = row
        else:
            self.withdrawn.append(row)

    @property
    def states(self) -> States:
        return {name: WorkOrderState(row.state) for name, row in self.work_orders.items()}

    @property
    def forward(self) -> States:
        """The states of the work that the line asks for."""
        rows = self.work_orders.items()
        return {name: WorkOrderState(row.state) for name, row in rows if row.undoes is None}

    @property
    def undo(self) -> States:
        """The states of the work that undoes some of it."""
        rows = self.work_orders.items()
        return {name: WorkOrderState(row.state) for name, row in rows if row.undoes is not None}

    @property
    def state(self) -> OrderState:
        """The state of the line."""
        return line_state(self.forward.values(), self.undo.values())

    @property
    def last_position(self) -> int:
        """The number at the end of the last work order's id."""
        return max(_position(row) for row in (*self.work_orders.values(), *self.withdrawn))

    @property
    def depends_on(self) -> dict[str, Sequence[str]]:
        return {name: row.depends_on for name, row in self.work_orders.items()}

    def end(self, name: str, state: WorkOrderState, *, code: str | None, text: str | None) -> None:
        """A work order has its result; the others of the line follow."""
        row = self.work_orders[name]
        row.state, row.ended_at, row.code, row.text = state, now(), code, text
        row.cause = cause_of(code, text) if state is WorkOrderState.FAILED else None
        self.become(settle(self.states, self.depends_on))

    def become(self, states: States) -> None:
        """The work orders take these states; a result that no longer stands is cleared.

        What is open again has its time anew.
        """
        before = self.states
        reopened = [name for name in states if states[name].is_open and not before[name].is_open]
        if reopened:
            self._give_time(reopened)
        for name, state in states.items():
            row = self.work_orders[name]
            if row.state == state:
                continue
            row.state = state
            row.ended_at = None if state.is_open else now()
            if state.is_open:
                row.code = row.text = row.cause = row.report_key = None

    def _give_time(self, names: Iterable[str]) -> None:
        at, rows = now(), {name: self.work_orders[name] for name in names}
        work = {name: work_from(at, row) for name, row in rows.items()}
        for name, due_at in expected_ends(work, at=at).items():
            rows[name].due_at = due_at


def work_from(at: datetime, row: WorkOrder) -> OpenWork:
    """A work order of which nothing is done yet, given its time from a moment on."""
    time = timedelta(seconds=row.service_seconds or 0) or row.due_at - row.created_at
    return OpenWork(due_at=at + time, service_time=time, after=row.depends_on)


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
            work[row.line_no].add(row)
    return work


def orders_work(session: Session, order_nos: Iterable[str]) -> dict[str, dict[int, LineWork]]:
    """All work orders of several orders, by order and line."""
    work: dict[str, dict[int, LineWork]] = {no: defaultdict(LineWork) for no in order_nos}
    for some in chunks(sorted(work)):
        for row in session.exec(select(WorkOrder).where(col(WorkOrder.order_no).in_(some))):
            work[row.order_no][row.line_no].add(row)
    return work


def first_due(states: Iterable[WorkOrderState], *conditions: Any, limit: int) -> Subquery:
    """`due_at` and `id` of the first due in these states, at most so many of each.

    The indexes begin with the state: of one state the first are found without sorting.
    """
    key: list[Any] = [WorkOrder.due_at, WorkOrder.id]
    firsts = [
        select(*key)
        .where(WorkOrder.state == state, *conditions)
        .order_by(*key)
        .limit(limit)
        .subquery()
        for state in sorted(states)
    ]
    return union_all(*[select(*each.c) for each in firsts]).subquery()


def roll_up(session: Session, order_no: str, work: Mapping[int, LineWork]) -> None:
    """Give the lines the states that their work orders make."""
    by_state: dict[str, list[int]] = defaultdict(list)
    for line_no, line in work.items():
        by_state[line.state].append(line_no)
    session.flush()
    for state, line_nos in by_state.items():
        for some in chunks(line_nos):
            here = (col(OrderLine.order_no) == order_no, col(OrderLine.line_no).in_(some))
            session.execute(update(OrderLine).where(*here).values(state=state))
