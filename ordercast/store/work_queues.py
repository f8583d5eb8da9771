"""Work orders as those see them who do them: queues, and claiming."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from ordercast.domain.work_order import OPEN_STATES, WorkOrderState
from ordercast.store import audit, orders, work_orders
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.engine import Database
from ordercast.store.people_tables import AuditEntry
from ordercast.store.tables import CompletionReport, WorkOrder

CLAIM, RELEASE = "work-orders.claim", "work-orders.release"
ROUND = 1000


class Shelf(StrEnum):
    """Which of a queue's open work orders."""

    OPEN = "open"
    READY = "ready"
    CLAIMED = "claimed"
    BLOCKED = "blocked"
    OVERDUE = "overdue"


STATES = {
    Shelf.READY: WorkOrderState.ACKNOWLEDGED,
    Shelf.CLAIMED: WorkOrderState.IN_PROGRESS,
    Shelf.BLOCKED: WorkOrderState.PENDING,
}


@dataclass(frozen=True)
class Queue:
    """The open work of a team or of a system; all that there is, if neither is named."""

    team: str | None = None
    system: str | None = None

    def holds(self, other: "Queue") -> bool:
        """Whether what stands in another one stands in this one too."""
        return self.team in (None, other.team) and self.system in (None, other.system)


@dataclass
class QueueCounts:
    """How much open work a queue has."""

    queue: Queue
    ready: int = 0
    claimed: int = 0
    blocked: int = 0
    overdue: int = 0

    @property
    def open(self) -> int:
        return self.ready + self.claimed + self.blocked


def queues(session: Session, *, at: datetime) -> list[QueueCounts]:
    """Every queue with open work, teams before systems, each by name."""
    late = func.sum(case((col(WorkOrder.due_at) < at, 1), else_=0))
    query = (
        select(WorkOrder.team, WorkOrder.system, WorkOrder.state, func.count())
        .add_columns(late)
        .where(col(WorkOrder.state).in_(OPEN_STATES))
        .group_by(col(WorkOrder.team), col(WorkOrder.system), col(WorkOrder.state))
    )
    names = {state: shelf for shelf, state in STATES.items()}
    found: dict[Queue, QueueCounts] = {}
    for team, system, state, count, overdue in session.execute(query):
        queue = Queue(team, system)
        counts = found.setdefault(queue, QueueCounts(queue))
        setattr(counts, names[WorkOrderState(state)], count)
        counts.overdue += int(overdue)
    return sorted(
        found.values(), key=lambda each: (not each.queue.team, each.queue.team or each.queue.system)
    )


def count(counts: Sequence[QueueCounts], queue: Queue, shelf: Shelf) -> int:
    """How many open work orders stand there, by the counts of all queues."""
    return sum(getattr(each, shelf) for each in counts if queue.holds(each.queue))


def page(
    session: Session, queue: Queue, shelf: Shelf, *, at: datetime, offset: int, limit: int
) -> Sequence[WorkOrder]:
    """A page of the open work orders that stand there, the first due first."""
    first = work_orders.first_due(
        _states(shelf), *_conditions(queue, shelf, at), limit=offset + limit
    )
    chosen = select(first.c.id).order_by(*first.c).offset(offset).limit(limit)
    rows = select(WorkOrder).where(col(WorkOrder.id).in_(chosen))
    return session.exec(rows.order_by(col(WorkOrder.due_at), col(WorkOrder.id))).all()


def each_open(database: Database, queue: Queue, shelf: Shelf) -> Iterator[Sequence[WorkOrder]]:
    """All open work orders that stand there, some at a time, by their ids."""
    at, last = now(), ""
    there = [col(WorkOrder.state).in_(_states(shelf)), *_conditions(queue, shelf, at)]
    while True:
        query = select(WorkOrder).where(*there, col(WorkOrder.id) > last)
        with database.read() as session:
            rows = session.exec(query.order_by(col(WorkOrder.id)).limit(ROUND)).all()
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _states(shelf: Shelf) -> Collection[WorkOrderState]:
    return [STATES[shelf]] if shelf in STATES else OPEN_STATES


def _conditions(queue: Queue, shelf: Shelf, at: datetime) -> Iterator[Any]:
    if shelf is Shelf.OVERDUE:
        yield col(WorkOrder.due_at) < at
    if queue.team:
        yield col(WorkOrder.team) == queue.team
    if queue.system:
        yield col(WorkOrder.system) == queue.system


def claim(session: Session, ids: Sequence[str], *, who: str) -> list[str]:
    """Claim the ready ones for somebody; the ids that are claimed by whom asked."""
    claimed = []
    for row in _locked(session, ids):
        if row.state == WorkOrderState.ACKNOWLEDGED:
            row.state, row.claimed_by = WorkOrderState.IN_PROGRESS, who
            audit.note(session, who=who, did=CLAIM, subject=row.id)
        if row.state == WorkOrderState.IN_PROGRESS and row.claimed_by == who:
            claimed.append(row.id)
    return claimed


def release(session: Session, ids: Sequence[str], *, who: str) -> list[str]:
    """Give claimed ones back, whoever claimed them; the ids that were given back."""
    released = []
    for row in _locked(session, ids):
        if row.state == WorkOrderState.IN_PROGRESS:
            details = {"claimed_by": row.claimed_by}
            audit.note(session, who=who, did=RELEASE, subject=row.id, details=details)
            row.state, row.claimed_by = WorkOrderState.ACKNOWLEDGED, None
            released.append(row.id)
    return released


def _locked(session: Session, ids: Sequence[str]) -> Iterator[WorkOrder]:
    """The work orders of these ids, after their orders are locked as reports lock them."""
    orders.lock(session, {row.order_no for row in of_ids(session, ids)})
    session.expire_all()
    yield from of_ids(session, ids)


def of_ids(session: Session, ids: Sequence[str]) -> list[WorkOrder]:
    """The work orders of these ids, of those that there are."""
    found: list[WorkOrder] = []
    for some in chunks(sorted(set(ids))):
        query = select(WorkOrder).where(col(WorkOrder.id).in_(some)).order_by(col(WorkOrder.id))
        found += session.exec(query).all()
    return found


def claimed_at(session: Session, work_order_id: str) -> datetime | None:
    """When a work order was claimed last."""
    query = select(AuditEntry.at).where(
        AuditEntry.subject == work_order_id, AuditEntry.did == CLAIM
    )
    return session.exec(query.order_by(col(AuditEntry.key).desc()).limit(1)).first()


def reports_of(session: Session, row: WorkOrder) -> Sequence[CompletionReport]:
    """The reports on a work order, the newest first."""
    query = select(CompletionReport).where(CompletionReport.work_order_id == row.id)
    return session.exec(query.order_by(col(CompletionReport.key).desc())).all()
