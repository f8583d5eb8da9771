"""One order as the desk shows it: how it stands, its versions, lines, work and reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.domain.order import OrderState, Stage
from ordercast.domain.order_actions import Standing
from ordercast.domain.report import Verdict
from ordercast.domain.work_order import OPEN_STATES, WorkOrderState
from ordercast.store import orders, results
from ordercast.store.commands import CommandState
from ordercast.store.runs import run_of
from ordercast.store.tables import (
    ArchiveEntry,
    CompletionReport,
    ExclusiveClaim,
    OrderCommand,
    OrderLine,
    OrderOutcome,
    OrderRun,
    PlatformSync,
    ResultManifest,
    ServiceOrder,
    WorkOrder,
)

REPORTS_SHOWN = 20


@dataclass(frozen=True)
class Head:
    """An order, the run of its current version, and what is counted of it.

    Lines and work orders are counted by state; `resources` are the numbers and cards that it
    works on, or waits for.
    """

    order: ServiceOrder
    run: OrderRun
    standing: Standing
    line_counts: Mapping[str, int]
    work_counts: Mapping[str, int]
    resources: Sequence[str]

    @property
    def open_work_orders(self) -> int:
        return sum(self.work_counts.get(each, 0) for each in OPEN_STATES)


@dataclass(frozen=True)
class Version:
    """A version of an order: its run, and where its outcome has got to."""

    run: OrderRun
    state: str | None
    tags: Sequence[str]
    sync: PlatformSync | None
    archived: ArchiveEntry | None
    manifest: ResultManifest | None


@dataclass(frozen=True)
class Reported:
    """A report, and whether it is the one that stands."""

    report: CompletionReport
    name: str
    line_no: int
    stands: bool
    can_be_accepted: bool


def head(session: Session, order_no: str) -> Head:
    """How an order stands; NotFound if there is none."""
    order = orders.order(session, order_no)
    run = run_of(session, order_no, order.version)
    work_counts = _counts(session, WorkOrder, order_no)
    claims = select(ExclusiveClaim.resource).where(ExclusiveClaim.order_no == order_no)
    asked = select(OrderCommand.kind).where(
        OrderCommand.order_no == order_no, OrderCommand.state == CommandState.ACKNOWLEDGED
    )
    standing = Standing(
        stage=Stage(run.stage),
        waiting_for=None if run.ended_at else run.waiting_for,
        is_cancelling=order.cancel_requested_at is not None,
        failed_work_orders=work_counts.get(WorkOrderState.FAILED, 0),
        events=order.event_count,
        asked=set(session.exec(asked)),
    )
    return Head(
        order,
        run,
        standing,
        _counts(session, OrderLine, order_no),
        work_counts,
        session.exec(claims.order_by(ExclusiveClaim.resource).limit(10)).all(),
    )


def _counts(
    session: Session, table: type[WorkOrder] | type[OrderLine], order_no: str
) -> Mapping[str, int]:
    query = select(table.state, func.count()).where(table.order_no == order_no)
    return dict(session.exec(query.group_by(table.state)).all())


def versions(session: Session, order_no: str) -> Sequence[Version]:
    """The versions of an order, the newest first."""
    query = select(OrderRun).where(OrderRun.order_no == order_no)
    runs = session.exec(query.order_by(col(OrderRun.version).desc())).all()
    return [_version(session, run) for run in runs]


def _version(session: Session, run: OrderRun) -> Version:
    place = (run.order_no, run.version)
    outcome = select(OrderOutcome.state, OrderOutcome.tags).where(
        OrderOutcome.order_no == run.order_no, OrderOutcome.version == run.version
    )
    state, tags = session.exec(outcome).first() or (None, ())
    return Version(
        run,
        state,
        tags,
        session.get(PlatformSync, place),
        session.get(ArchiveEntry, place),
        results.find(session, *place),
    )


def lines(
    session: Session, order_no: str, *, state: str | None, offset: int, limit: int
) -> Sequence[OrderLine]:
    """A page of the lines of an order, in their order."""
    query = select(OrderLine).where(OrderLine.order_no == order_no)
    if state:
        query = query.where(OrderLine.state == state)
    page = query.order_by(col(OrderLine.line_no)).offset(offset).limit(limit)
    return session.exec(page).all()


def line_to_look_at(session: Session, head: Head) -> int:
    """The first line with failed work, else the first that is in progress, else the first."""
    order_no = head.order.order_no
    if head.standing.failed_work_orders:
        failed = select(func.min(WorkOrder.line_no)).where(
            WorkOrder.order_no == order_no, WorkOrder.state == WorkOrderState.FAILED
        )
        return session.exec(failed).one() or 1
    going_on = select(OrderLine.line_no).where(
        OrderLine.order_no == order_no, OrderLine.state == OrderState.IN_PROGRESS
    )
    return session.exec(going_on.order_by(col(OrderLine.line_no)).limit(1)).first() or 1


def work_of_line(session: Session, order_no: str, line_no: int) -> Sequence[WorkOrder]:
    """The work orders of a line, as they were generated."""
    query = select(WorkOrder).where(WorkOrder.order_no == order_no, WorkOrder.line_no == line_no)
    rows = session.exec(query).all()
    return sorted(rows, key=lambda row: int(row.id.rpartition("-")[2]))


def reports(session: Session, order_no: str) -> Sequence[Reported]:
    """The reports that contradict the one that stands, then the others, each the newest first."""
    of_order = select(CompletionReport).where(CompletionReport.order_no == order_no)
    newest = of_order.order_by(col(CompletionReport.key).desc()).limit(REPORTS_SHOWN)
    contradicting = newest.where(CompletionReport.verdict == Verdict.CONTRADICTING)
    first = list(session.exec(contradicting))
    seen = {row.key for row in first}
    shown = [*first, *(row for row in session.exec(newest) if row.key not in seen)]
    ids = {row.work_order_id for row in shown}
    work = {
        row.id: row for row in session.exec(select(WorkOrder).where(col(WorkOrder.id).in_(ids)))
    }
    return [_reported(row, work[row.work_order_id]) for row in shown if row.work_order_id in work]


def _reported(report: CompletionReport, work_order: WorkOrder) -> Reported:
    is_ended = not WorkOrderState(work_order.state).is_open
    can_be_accepted = (
        report.verdict == Verdict.CONTRADICTING
        and is_ended
        and work_order.report_key is not None
        and work_order.state != report.result
    )
    stands = work_order.report_key == report.key
    return Reported(report, work_order.name, work_order.line_no, stands, can_be_accepted)
