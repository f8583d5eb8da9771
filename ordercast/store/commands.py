"""Commands: what people ask of an order, with who and why. The relay carries them out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlmodel import Session, col, func, select, update

from ordercast.domain.errors import NotFound
from ordercast.store import orders
from ordercast.store.clock import now
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.tables import OrderCommand


class CommandKind(StrEnum):
    """What can be asked."""

    CANCEL = "cancel"
    REOPEN = "reopen"
    RETRY = "retry"
    RESCHEDULE = "reschedule"
    ACCEPT = "accept"


class CommandState(StrEnum):
    """How far a command has come. Source: TMF641 v4.1, TaskStateType."""

    ACKNOWLEDGED = "acknowledged"
    DONE = "done"
    TERMINATED_WITH_ERROR = "terminatedWithError"


def ask(
    session: Session,
    order_no: str,
    kind: CommandKind,
    *,
    reason: str,
    asked_by: str,
    details: Mapping[str, Any] | None = None,
    due_at: datetime | None = None,
) -> OrderCommand:
    """Put a command to an order that exists; NotFound if it does not."""
    orders.order(session, order_no)
    at = now()
    command = OrderCommand(
        id=f"cmd-{uuid4().hex}",
        order_no=order_no,
        kind=kind,
        reason=reason,
        asked_by=asked_by,
        asked_at=at,
        details=dict(details or {}),
        state=CommandState.ACKNOWLEDGED,
        due_at=max(at, due_at) if due_at else at,
    )
    session.add(command)
    nudge_after_commit(session, Topic.COMMAND)
    return command


def command(session: Session, command_id: str, *, lock: bool = False) -> OrderCommand:
    """The command with that id; NotFound if there is none."""
    found = session.get(OrderCommand, command_id, with_for_update=lock or None)
    if found is None:
        raise NotFound("command", command_id)
    return found


def of_order(session: Session, order_no: str) -> Sequence[OrderCommand]:
    """What was asked of an order, the newest first."""
    query = select(OrderCommand).where(OrderCommand.order_no == order_no)
    return session.exec(query.order_by(col(OrderCommand.asked_at).desc())).all()


def cancellation(session: Session, command_id: str, *, agent: str | None = None) -> OrderCommand:
    """The cancellation with that id; NotFound if there is none of an order of that agent."""
    found = session.get(OrderCommand, command_id)
    if found is None or found.kind != CommandKind.CANCEL:
        raise NotFound("cancellation", command_id)
    if not orders.is_of(session, found.order_no, agent):
        raise NotFound("cancellation", command_id)
    return found


def count_and_page(
    session: Session,
    kind: CommandKind,
    *,
    order_no: str | None = None,
    agent: str | None = None,
    offset: int,
    limit: int,
) -> tuple[int, Sequence[OrderCommand]]:
    """How many commands of a kind there are, and a page of them, the newest first.

    Those on one order or on the orders of one agent, if it is named.
    """
    conditions = [col(OrderCommand.kind) == kind]
    if order_no:
        conditions.append(col(OrderCommand.order_no) == order_no)
    if agent is not None:
        conditions.append(orders.is_number_of(col(OrderCommand.order_no), agent))
    total = session.exec(select(func.count()).select_from(OrderCommand).where(*conditions)).one()
    newest = (col(OrderCommand.asked_at).desc(), col(OrderCommand.id))
    page = select(OrderCommand).where(*conditions).order_by(*newest)
    return total, session.exec(page.offset(offset).limit(limit)).all()


def lease_due(session: Session, *, limit: int, lease_seconds: float) -> Sequence[OrderCommand]:
    """Commands that are due, kept from other relays for a while, in the order asked.

    Those asked of one order come before those asked of many at once.
    """
    at = now()
    due = (
        select(OrderCommand.id)
        .where(col(OrderCommand.done_at).is_(None), OrderCommand.due_at <= at)
        .order_by(col(OrderCommand.act_id).is_not(None), col(OrderCommand.asked_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    leased = (
        update(OrderCommand)
        .where(col(OrderCommand.id).in_(select(due.c.id)))
        .values(due_at=at + timedelta(seconds=lease_seconds))
        .returning(OrderCommand)
    )
    rows = session.scalars(leased, execution_options={"populate_existing": True}).all()
    return sorted(rows, key=lambda row: row.asked_at)


def finish(session: Session, command_id: str, state: CommandState, answer: str) -> None:
    """A command has ended, with what came of it in words."""
    done = command(session, command_id, lock=True)
    done.state, done.answer, done.done_at = state, answer, now()


def finish_all(session: Session, answers: Mapping[str, tuple[CommandState, str]]) -> None:
    """Commands have ended, each with its state and what came of it in words."""
    at = now()
    rows = [
        {"id": key, "state": state.value, "answer": answer, "done_at": at}
        for key, (state, answer) in sorted(answers.items())
    ]
    if rows:
        session.execute(update(OrderCommand), rows)
