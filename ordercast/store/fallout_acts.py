"""What is asked of all orders that a cause has stopped: counted first, then one command each."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, func, insert, update
from sqlmodel import Session, col, select

from ordercast.domain.errors import Conflict, NotFound
from ordercast.domain.fallout import FITTING, Action, Cause, LeftOut, Standing, Trouble, left_out
from ordercast.domain.order import Stage
from ordercast.store import fallout
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind, CommandState
from ordercast.store.fallout_tables import FalloutAct
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.tables import OrderCommand
from ordercast.store.waiting_lines import Line, wait_in_line

MOST_ORDERS = 20_000
"""The orders of one act; the rest is for another one."""

KINDS: Mapping[Action, CommandKind] = {
    Action.REOPEN: CommandKind.REOPEN,
    Action.RETRY: CommandKind.RETRY,
    Action.CANCEL: CommandKind.CANCEL,
}


@dataclass(frozen=True)
class Estimate:
    """What an act would come to: of how many orders it is asked, and why not of the others."""

    asked: int
    left_out: Mapping[LeftOut, int]


@dataclass(frozen=True)
class _Affected:
    order_no: str
    work_orders: Sequence[str]
    standing: Standing


def estimate(session: Session, cause: Cause, action: Action) -> Estimate:
    """What an act would come to now; nothing is written. Conflict if it does not fit the cause."""
    return _sorted_out(session, cause, action)[1]


def begin(
    session: Session,
    cause: Cause,
    action: Action,
    *,
    reason: str,
    asked_by: str,
    per_second: float,
) -> FalloutAct:
    """Ask something of all orders that a cause has stopped, so many a second.

    The same is not asked of an order twice while it is open. Conflict if nobody is to be asked.
    """
    wait_in_line(session.connection(), Line.FALLOUT_ACT, [action])
    chosen, estimated = _sorted_out(session, cause, action)
    if not chosen:
        raise Conflict(
            "there is no order of which {action} can be asked for this cause", action=action
        )
    at = now()
    act = FalloutAct(
        id=f"act-{uuid4().hex[:12]}",
        action=action,
        cause=asdict(cause),
        reason=reason,
        asked_by=asked_by,
        asked_at=at,
        asked=len(chosen),
        left_out={why.value: count for why, count in estimated.left_out.items()},
        per_second=per_second,
    )
    session.add(act)
    for some in chunks(list(_commands(act, chosen))):
        session.execute(insert(OrderCommand), some)
    nudge_after_commit(session, Topic.COMMAND)
    return act


def _commands(act: FalloutAct, chosen: Sequence[_Affected]) -> Iterator[dict[str, Any]]:
    for place, each in enumerate(chosen):
        yield {
            "id": f"cmd-{uuid4().hex}",
            "order_no": each.order_no,
            "kind": KINDS[Action(act.action)],
            "reason": act.reason,
            "asked_by": act.asked_by,
            "asked_at": act.asked_at,
            "details": {"work_orders": list(each.work_orders)} if each.work_orders else {},
            "state": CommandState.ACKNOWLEDGED,
            "due_at": act.asked_at + timedelta(seconds=place / act.per_second),
            "act_id": act.id,
        }


def _sorted_out(
    session: Session, cause: Cause, action: Action
) -> tuple[Sequence[_Affected], Estimate]:
    """Those that are asked, the first to stop first, and what the act comes to."""
    if action not in FITTING[cause.trouble]:
        fitting = " or ".join(FITTING[cause.trouble])
        raise Conflict(
            "{action} does not fit {trouble}; use {fitting}",
            action=action,
            trouble=cause.trouble,
            fitting=fitting,
        )
    chosen: list[_Affected] = []
    reasons: Counter[LeftOut] = Counter()
    for each in _affected(session, cause, action):
        if why := left_out(action, each.standing):
            reasons[why] += 1
        else:
            chosen.append(each)
    if len(chosen) > MOST_ORDERS:
        reasons[LeftOut.TOO_MANY] = len(chosen) - MOST_ORDERS
    chosen = chosen[:MOST_ORDERS]
    return chosen, Estimate(len(chosen), dict(reasons))


def _affected(session: Session, cause: Cause, action: Action) -> Sequence[_Affected]:
    asked = _asked_of(session, KINDS[action])
    query = fallout.standing(cause)
    standings: dict[str, Standing] = {}
    work_orders: dict[str, list[str]] = defaultdict(list)
    for order_no, work_order_id, stage, is_latest, cancelled_at in session.execute(query):
        standings[order_no] = Standing(
            stage=Stage(stage),
            is_latest_version=bool(is_latest),
            is_cancelled=cancelled_at is not None,
            is_asked=order_no in asked,
        )
        if cause.trouble is Trouble.WORK_ORDER and action is Action.REOPEN:
            work_orders[order_no].append(work_order_id)
    return [_Affected(no, work_orders[no], standing) for no, standing in standings.items()]


def _asked_of(session: Session, kind: CommandKind) -> set[str]:
    """The orders of which that is asked and not carried out yet, from the index of what is due."""
    query = select(OrderCommand.order_no).where(OrderCommand.kind == kind.value)
    return set(session.exec(query.where(col(OrderCommand.done_at).is_(None))))


def act(session: Session, act_id: str, *, lock: bool = False) -> FalloutAct:
    """The act with that id; NotFound if there is none."""
    found = session.get(FalloutAct, act_id, with_for_update=lock or None)
    if found is None:
        raise NotFound("act", act_id)
    return found


def cause_of(act: FalloutAct) -> Cause:
    """The cause that an act was for."""
    return Cause(**{**act.cause, "trouble": Trouble(act.cause["trouble"])})


def listing(session: Session, *, offset: int, limit: int) -> tuple[int, Sequence[FalloutAct]]:
    """The number of acts and a page of them, the newest first."""
    total = session.exec(select(func.count()).select_from(FalloutAct)).one()
    newest = select(FalloutAct).order_by(col(FalloutAct.asked_at).desc(), FalloutAct.id)
    return total, session.exec(newest.offset(offset).limit(limit)).all()


def progress(session: Session, act_id: str) -> Mapping[CommandState, int]:
    """How many commands of an act are waiting, done and refused."""
    by = OrderCommand.state
    query = select(by, func.count()).where(OrderCommand.act_id == act_id).group_by(by)
    return {CommandState(state): count for state, count in session.exec(query)}


def items(
    session: Session, act_id: str, *, state: CommandState | None, offset: int, limit: int
) -> tuple[int, Sequence[OrderCommand]]:
    """The number of commands of an act, in a state if one is given, and a page of them."""
    conditions: list[ColumnElement[bool]] = [col(OrderCommand.act_id) == act_id]
    if state:
        conditions.append(col(OrderCommand.state) == state.value)
    total = session.exec(select(func.count()).select_from(OrderCommand).where(*conditions)).one()
    last_done = (
        col(OrderCommand.done_at).is_(None),
        col(OrderCommand.done_at).desc(),
        col(OrderCommand.due_at),
    )
    page = select(OrderCommand).where(*conditions).order_by(*last_done)
    return total, session.exec(page.offset(offset).limit(limit)).all()


def stop(session: Session, act_id: str, *, by: str) -> int:
    """Ask no more of the orders whose turn has not come; of how many."""
    found = act(session, act_id, lock=True)
    at = now()
    waiting = (
        update(OrderCommand)
        .where(col(OrderCommand.act_id) == act_id, col(OrderCommand.done_at).is_(None))
        .where(col(OrderCommand.due_at) > at)
        .values(
            state=CommandState.TERMINATED_WITH_ERROR.value,
            answer=f"stopped by {by} before its turn",
            done_at=at,
        )
        .returning(col(OrderCommand.id))
        .execution_options(synchronize_session=False)
    )
    stopped = len(session.execute(waiting).all())
    if not stopped:
        raise Conflict("{id} has nothing left to stop", id=act_id)
    found.stopped_by = by
    return stopped
