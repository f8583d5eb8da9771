"""Undoing: work orders that take back what half of a line has done, made as it comes to nothing.

Whoever ends the work of lines makes them in the same transaction, before it looks whether
anything is open: so no order is woken, and no line ends, before they have ended too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from config.catalog import catalogue
from ordercast.domain.catalog import ActionPolicy
from ordercast.domain.forecast import OpenWork, expected_ends
from ordercast.domain.message_work import WorkOrderType
from ordercast.domain.order import ItemAction
from ordercast.domain.undoing import comes_to_nothing, to_take_back
from ordercast.domain.work_order import WorkOrderState
from ordercast.store import work_orders
from ordercast.store.alerts import alert
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.tables import OrderLine, WorkOrder
from ordercast.store.work_orders import LineWork

DONE_TOO_LATE = "undo-too-late"
"""The kind of the alert that work was taken back although its line went on."""


def take_back(session: Session, order_no: str, work: Mapping[int, LineWork]) -> None:
    """Make the work orders that undo what was completed of the lines that come to nothing.

    What each is, the catalogue says as it stands now. Lines that have them already are left.
    """
    halves = {
        line_no: line
        for line_no, line in work.items()
        if not line.undo and comes_to_nothing(line.forward)
    }
    if not halves:
        return
    at = now()
    made: list[dict[str, Any]] = []
    for line_no, policy in _policies(session, order_no, list(halves)).items():
        rows = _rows(order_no, line_no, halves[line_no], policy, at)
        halves[line_no].work_orders |= {row["name"]: WorkOrder(**row) for row in rows}
        made += rows
    work_orders.add(session, made)


def _policies(
    session: Session, order_no: str, line_nos: Sequence[int]
) -> Mapping[int, ActionPolicy]:
    """By line, the policies of those whose work can be undone."""
    found: dict[int, ActionPolicy] = {}
    for some in chunks(sorted(line_nos)):
        query = select(OrderLine.line_no, OrderLine.product, OrderLine.action).where(
            OrderLine.order_no == order_no, col(OrderLine.line_no).in_(some)
        )
        for line_no, product, action in session.exec(query):
            policy = catalogue().policy(product, ItemAction(action))
            if policy and policy.undo_work:
                found[line_no] = policy
    return found


def _rows(
    order_no: str, line_no: int, line: LineWork, policy: ActionPolicy, at: datetime
) -> list[dict[str, Any]]:
    kinds = {
        name: policy.undo_work[kind.undo] for name, kind in policy.work_orders.items() if kind.undo
    }
    depends_on = {name: line.work_orders[name].depends_on for name in line.forward}
    plan = to_take_back(line.forward, depends_on, kinds)
    names = {done: _name(kinds[done], line) for done in plan}
    work = {
        names[done]: _given_time(kinds[done], [names[other] for other in before], at)
        for done, before in plan.items()
    }
    due = expected_ends(work, at=at)
    return [
        {
            "id": work_orders.work_order_id(order_no, line_no, position),
            "order_no": order_no,
            "line_no": line_no,
            "name": names[done],
            "undoes": done,
            "due_at": due[names[done]],
            "created_at": at,
            **_columns(kinds[done], work[names[done]]),
        }
        for position, done in enumerate(plan, start=line.last_position + 1)
    ]


def _given_time(kind: WorkOrderType, after: Sequence[str], at: datetime) -> OpenWork:
    return OpenWork(at + kind.service_time, kind.service_time, after)


def _columns(kind: WorkOrderType, work: OpenWork) -> dict[str, Any]:
    return {
        "team": kind.team,
        "system": kind.system,
        "state": WorkOrderState.PENDING if work.after else WorkOrderState.ACKNOWLEDGED,
        "depends_on": list(work.after),
        "parameters": {},
        "service_seconds": int(kind.service_time.total_seconds()),
    }


def _name(kind: WorkOrderType, line: LineWork) -> str:
    """The kind's name; numbered where the line has had one of it that was withdrawn."""
    taken = {row.name for row in line.withdrawn} | set(line.work_orders)
    name, number = kind.name, 1
    while name in taken:
        number += 1
        name = f"{kind.name}-{number}"
    return name


def has_begun(line: LineWork) -> bool:
    """Whether some of what a line has done is being taken back, or was: nobody can stop it."""
    return any(
        state not in (WorkOrderState.PENDING, WorkOrderState.ACKNOWLEDGED)
        for state in line.undo.values()
    )


def withdraw(line: LineWork) -> None:
    """The line is worked on again: what would take it back is cancelled, and counts no more."""
    at = now()
    for name in line.undo:
        row = line.work_orders.pop(name)
        if WorkOrderState(row.state).is_open:
            row.state, row.ended_at = WorkOrderState.CANCELLED, at
        row.withdrawn_at = at
        line.withdrawn.append(row)


def undone(line: LineWork) -> set[str]:
    """The work of a line that was taken back: it has to be done again."""
    return {
        row.undoes
        for row in line.work_orders.values()
        if row.undoes and row.state == WorkOrderState.COMPLETED
    }


def warn(session: Session, row: WorkOrder) -> None:
    """Work was taken back although its line goes on: a person must look at it."""
    cure = f"if so, correct {row.undoes} to failed and reopen it"
    text = f"line {row.line_no}: {row.name} was done after it was withdrawn, {row.id}; {cure}"
    alert(session, DONE_TOO_LATE, subject=row.order_no, text=text)
