"""Escalating overdue work: each step that is due is taken once, and told.

A step and the note that it was taken share a transaction that holds the order's row: two
sweeps at once, and one that dies, take no step twice and leave none out.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session, and_, col, select, tuple_

from ordercast.domain.escalation import Step
from ordercast.domain.work_order import WorkOrderState
from ordercast.store import orders, reports
from ordercast.store.overdue import TAKEN_AT, Policies, steps_taken
from ordercast.store.rounds_tables import OverdueWork
from ordercast.store.tables import OrderLine, WorkOrder
from ordercast.store.telling_overdue import Taken, failed, tell


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
    policies = Policies()
    for order_no, rows in sorted(by_order.items()):
        done = [step for row in rows if (step := _step(row, policies, at))]
        tell(session, locked[order_no], done, at)
        taken += done
    failing = [failed(each, at) for each in taken if each.step is Step.FAIL]
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


def _step(row: Row[Any], policies: Policies, at: datetime) -> Taken | None:
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
