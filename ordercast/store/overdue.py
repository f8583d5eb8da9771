"""Overdue work: finding it, and what the catalogue has done about it, each step once.

A step and the note that it was taken share a transaction that holds the order's row: two
sweeps at once, and one that dies, take no step twice and leave none out.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, exists
from sqlmodel import Session, and_, col, select, tuple_

from config.catalog import catalogue
from ordercast.contracts.report import WorkOrderReport
from ordercast.contracts.service_order import ServiceRef
from ordercast.domain.escalation import DEFAULT, Escalation, Step
from ordercast.domain.order import ItemAction
from ordercast.domain.work_order import Result, WorkOrderState
from ordercast.store import forecasts, orders, pushes, reports
from ordercast.store.alerts import alert
from ordercast.store.chunks import chunks
from ordercast.store.pushes import NewEvent, known_by
from ordercast.store.rounds_tables import OverdueWork
from ordercast.store.tables import OperatorAlert, OrderLine, ServiceOrder, WorkOrder
from ordercast.store.upserting import insert_for

OVERDUE = "OVERDUE"
"""The code of a work order that was reported failed because nobody reported it in time."""

ALERT = "work-overdue"
SWEEP = "ordercast sweep"
STARTABLE = (WorkOrderState.ACKNOWLEDGED.value, WorkOrderState.IN_PROGRESS.value)
"""What waits for others is not late by its own fault: it is escalated once it can be done."""

NUMBERED = re.compile(r"-\d+$")
"""The end of a name that stands on its line for the second time."""

TAKEN_AT = {Step.REMIND: "reminded_at", Step.ALERT: "alerted_at", Step.FAIL: "failed_at"}


@dataclass(frozen=True)
class Taken:
    """That a step was taken about a work order."""

    step: Step
    order_no: str
    work_order_id: str
    name: str
    who: str
    due_at: datetime


def find(session: Session, *, at: datetime, limit: int) -> int:
    """Note work that has become overdue, the longest due first; how much there was.

    Its orders are looked at again: they may be in jeopardy.
    """
    late = session.execute(_unknown(at).limit(limit)).all()
    policies = _Policies()
    rows = [_noted(row, policies, at) for row in late]
    for some in chunks(rows):
        new = insert_for(session, OverdueWork).values(some)
        key = ["work_order_id", "due_at"]
        session.execute(new.on_conflict_do_nothing(index_elements=key))
    forecasts.look_again(session, {row.order_no for row in late}, at=at)
    return len(rows)


def _unknown(at: datetime) -> Any:
    known = exists().where(
        col(OverdueWork.work_order_id) == col(WorkOrder.id),
        col(OverdueWork.due_at) == col(WorkOrder.due_at),
    )
    line = and_(
        col(OrderLine.order_no) == col(WorkOrder.order_no),
        col(OrderLine.line_no) == col(WorkOrder.line_no),
    )
    columns: list[Any] = [WorkOrder.id, WorkOrder.order_no, WorkOrder.line_no, WorkOrder.name]
    columns += [WorkOrder.due_at, OrderLine.product, OrderLine.action, OrderLine.document]
    return (
        select(*columns)
        .join(OrderLine, line)
        .where(col(WorkOrder.state).in_(STARTABLE), col(WorkOrder.due_at) <= at, ~known)
        .order_by(col(WorkOrder.due_at))
    )


def _noted(row: Row[Any], policies: "_Policies", at: datetime) -> dict[str, Any]:
    first = policies.of(row).next_step(row.due_at, {})
    return {
        "work_order_id": row.id,
        "due_at": row.due_at,
        "order_no": row.order_no,
        "found_at": at,
        "next_at": first and first[1],
    }


class _Policies:
    """What the catalogue says of overdue work, looked up once for each line that has commands."""

    def __init__(self) -> None:
        self._of_lines: dict[tuple[str, int], Any] = {}

    def of(self, row: Row[Any]) -> Escalation:
        policy = catalogue().policy(row.product, ItemAction(row.action))
        if policy and policy.message_work:
            policy = self._of_lines.setdefault(
                (row.order_no, row.line_no),
                policy.for_line(ServiceRef.model_validate(row.document["service"]).commands),
            )
        kind = policy and (policy.kind(row.name) or policy.kind(NUMBERED.sub("", row.name)))
        return kind.escalation if kind else DEFAULT


def due(session: Session, *, at: datetime, limit: int) -> Sequence[tuple[str, datetime]]:
    """The keys of overdue work about which something is to be done now, the longest due first."""
    query = select(OverdueWork.work_order_id, OverdueWork.due_at)
    first = query.where(col(OverdueWork.next_at) <= at).order_by(col(OverdueWork.next_at))
    return session.exec(first.limit(limit)).all()


def escalate(
    session: Session, keys: Sequence[tuple[str, datetime]], *, at: datetime
) -> list[Taken]:
    """Take the steps that are due about some overdue work; what was done.

    Work that has ended meanwhile, or has a new due time, is left alone for good.
    """
    locked = orders.lock(session, _order_nos(session, keys))
    taken: list[Taken] = []
    by_order: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in session.execute(_standing(keys, at)):
        by_order[row.OverdueWork.order_no].append(row)
    policies = _Policies()
    for order_no, rows in sorted(by_order.items()):
        done = [step for row in rows if (step := _step(row, policies, at))]
        _tell(session, locked[order_no], done, at)
        taken += done
    failing = [_failed(each, at) for each in taken if each.step is Step.FAIL]
    if failing:
        reports.take(session, failing)
    return taken


def _order_nos(session: Session, keys: Sequence[tuple[str, datetime]]) -> set[str]:
    ids = [work_order_id for work_order_id, _ in keys]
    query = select(OverdueWork.order_no).where(col(OverdueWork.work_order_id).in_(ids))
    return set(session.exec(query))


def _standing(keys: Sequence[tuple[str, datetime]], at: datetime) -> Any:
    line = and_(
        col(OrderLine.order_no) == col(WorkOrder.order_no),
        col(OrderLine.line_no) == col(WorkOrder.line_no),
    )
    columns: list[Any] = [OverdueWork, WorkOrder, WorkOrder.order_no, WorkOrder.line_no]
    columns += [WorkOrder.name, OrderLine.product, OrderLine.action, OrderLine.document]
    key = tuple_(col(OverdueWork.work_order_id), col(OverdueWork.due_at))
    return (
        select(*columns)
        .join(WorkOrder, col(WorkOrder.id) == col(OverdueWork.work_order_id))
        .join(OrderLine, line)
        .where(key.in_(keys), col(OverdueWork.next_at) <= at)
        .order_by(OverdueWork.work_order_id)
        .execution_options(populate_existing=True)
    )


def _step(row: Row[Any], policies: _Policies, at: datetime) -> Taken | None:
    """Note the step that is due, and when the next one is; None if nothing is to be done."""
    late: OverdueWork = row.OverdueWork
    work: WorkOrder = row.WorkOrder
    late.next_at = None
    if not WorkOrderState(work.state).is_open or work.due_at != late.due_at:
        return None
    policy, taken = policies.of(row), steps_taken(late)
    planned = policy.next_step(late.due_at, taken)
    if planned is None or planned[1] > at:  # the policy is another one since
        late.next_at = planned and planned[1]
        return None
    step = planned[0]
    setattr(late, TAKEN_AT[step], at)
    following = policy.next_step(late.due_at, {**taken, step: at})
    late.next_at = following and following[1]
    who = work.team or work.system or ""
    return Taken(step, work.order_no, work.id, work.name, who, late.due_at)


def steps_taken(late: OverdueWork) -> dict[Step, datetime]:
    """The steps that were taken about overdue work, and when."""
    return {step: moment for step, name in TAKEN_AT.items() if (moment := getattr(late, name))}


def _tell(session: Session, order: ServiceOrder, taken: Sequence[Taken], at: datetime) -> None:
    reminded = [each for each in taken if each.step is Step.REMIND]
    pushes.add_events(session, order, [_event(order, each) for each in reminded], at=at)
    by_kind: dict[tuple[str, str], list[Taken]] = defaultdict(list)
    for each in taken:
        if each.step is Step.ALERT:
            by_kind[each.name, each.who].append(each)
    for (name, who), alike in by_kind.items():
        if not _is_told(session, order.order_no, f"{name} ({who})", at):
            alert(session, ALERT, subject=order.order_no, text=_words(alike), at=at)


def _is_told(session: Session, order_no: str, what: str, at: datetime) -> bool:
    """Whether operators are about to hear of such work: thousands of lines are one alert."""
    just_written = select(OperatorAlert.key).where(
        col(OperatorAlert.sent_at).is_(None),
        OperatorAlert.created_at > at - timedelta(hours=1),
        OperatorAlert.kind == ALERT,
        OperatorAlert.subject == order_no,
        col(OperatorAlert.text).startswith(what, autoescape=True),
    )
    return session.exec(just_written.limit(1)).first() is not None


def _event(order: ServiceOrder, late: Taken) -> NewEvent:
    line_no, position = map(int, late.work_order_id.rsplit("-", 2)[1:])
    return NewEvent(
        type=pushes.WORK_OVERDUE,
        version=order.version,
        line_no=line_no,
        n=position * 10**11 + int(late.due_at.timestamp()),
        data={
            **known_by(order),
            "work_order_id": late.work_order_id,
            "name": late.name,
            "line_no": line_no,
            "who": late.who,
            "due_at": _iso(late.due_at),
            "text": f"{late.name} ({late.who}) was due {_utc(late.due_at)} and is not reported",
        },
    )


def _words(alike: Sequence[Taken]) -> str:
    first = min(alike, key=lambda each: each.due_at)
    more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    what = f"{first.name} ({first.who}), {first.work_order_id}{more}"
    return f"{what}: due {_utc(first.due_at)} and not reported; ask who does it"


def _failed(late: Taken, at: datetime) -> WorkOrderReport:
    """The report by which a work order fails; said twice, it is the same one."""
    return WorkOrderReport(
        work_order_id=late.work_order_id,
        report_id=f"overdue-{late.due_at:%Y%m%dT%H%M%SZ}",
        result=Result.FAILED,
        code=OVERDUE,
        text=f"nobody reported it: it was due {_utc(late.due_at)}, {_long(at - late.due_at)} ago",
        reporter=SWEEP,
    )


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _long(time: timedelta) -> str:
    hours, seconds = divmod(int(time.total_seconds()), 3600)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {seconds // 60} min"


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def of_work_orders(session: Session, ids: Sequence[str]) -> Mapping[str, OverdueWork]:
    """What was done about each of these work orders since it was due last."""
    found: dict[str, OverdueWork] = {}
    for some in chunks(ids):
        query = select(OverdueWork).where(col(OverdueWork.work_order_id).in_(some))
        for row in session.exec(query.order_by(col(OverdueWork.due_at))):
            found[row.work_order_id] = row
    return found
