"""Overdue work: finding it, what the catalogue has to be done about it, and what was done."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists
from sqlmodel import Session, and_, col, select

from config.catalog import catalogue
from ordercast.contracts.service_order import ServiceRef
from ordercast.domain.escalation import DEFAULT, Escalation, Step
from ordercast.domain.order import ItemAction
from ordercast.domain.work_order import WorkOrderState
from ordercast.store import forecasts, work_orders
from ordercast.store.chunks import chunks
from ordercast.store.rounds_tables import OverdueWork
from ordercast.store.tables import OrderLine, WorkOrder
from ordercast.store.upserting import insert_for

STARTABLE = (WorkOrderState.ACKNOWLEDGED, WorkOrderState.IN_PROGRESS)
"""What waits for others is not late by its own fault: it is escalated once it can be done."""
NUMBERED = re.compile(r"-\d+$")
"""The end of a name that stands on its line for the second time."""
TAKEN_AT = {Step.REMIND: "reminded_at", Step.ALERT: "alerted_at", Step.FAIL: "failed_at"}


def find(session: Session, *, at: datetime, limit: int) -> int:
    """Note work that has become overdue, the longest due first; how much there was.

    Its orders are looked at again: they may be in jeopardy.
    """
    late = session.execute(_unknown(at, limit)).all()
    policies = Policies()
    rows = [_noted(row, policies, at) for row in late]
    for some in chunks(rows):
        new = insert_for(session, OverdueWork).values(some)
        key = ["work_order_id", "due_at"]
        session.execute(new.on_conflict_do_nothing(index_elements=key))
    forecasts.look_again(session, {row.order_no for row in late}, at=at)
    return len(rows)


def _unknown(at: datetime, limit: int) -> Any:
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
    first = work_orders.first_due(STARTABLE, col(WorkOrder.due_at) <= at, ~known, limit=limit)
    return (
        select(*columns)
        .join(OrderLine, line)
        .where(col(WorkOrder.id).in_(select(first.c.id)))
        .order_by(col(WorkOrder.due_at))
        .limit(limit)
    )


def _noted(row: Row[Any], policies: "Policies", at: datetime) -> dict[str, Any]:
    first = policies.of(row).next_step(row.due_at, {})
    return {
        "work_order_id": row.id,
        "due_at": row.due_at,
        "order_no": row.order_no,
        "found_at": at,
        "next_at": first and first[1],
    }


class Policies:
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


def steps_taken(late: OverdueWork) -> dict[Step, datetime]:
    """The steps that were taken about overdue work, and when."""
    return {step: moment for step, name in TAKEN_AT.items() if (moment := getattr(late, name))}


def of_work_orders(session: Session, ids: Sequence[str]) -> Mapping[str, OverdueWork]:
    """What was done about each of these work orders since it was due last."""
    found: dict[str, OverdueWork] = {}
    for some in chunks(ids):
        query = select(OverdueWork).where(col(OverdueWork.work_order_id).in_(some))
        for row in session.exec(query.order_by(col(OverdueWork.due_at))):
            found[row.work_order_id] = row
    return found
