"""Fallout: failed work orders, failed runs and parked orders, by what brought them to a stop.

Each kind is read from the index of what has stopped, however many orders there are beside it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, literal, select, text
from sqlmodel import Session, and_, col, or_, tuple_

from ordercast.domain.fallout import Cause, Trouble
from ordercast.store.hours import hour_of, hour_text
from ordercast.store.runs import WaitingFor
from ordercast.store.tables import IS_STUCK, OrderLine, OrderRun, ServiceOrder, WorkOrder

FOLDABLE = ("product", "agent")
"""What groups may be told apart by or not."""

WAITS: Mapping[Trouble, WaitingFor] = {
    Trouble.RUN: WaitingFor.OPERATOR,
    Trouble.PARKED: WaitingFor.PARKED,
}


@dataclass(frozen=True)
class Group:
    """A cause with what it has stopped: work orders or runs, of how many orders, and when."""

    cause: Cause
    count: int
    orders: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Stopped:
    """A work order or run that has stopped; `item` is its id, or the number and version."""

    item: str
    order_no: str
    version: int
    since: datetime
    reason: str
    who: str
    product: str
    agent: str
    title: str


@dataclass(frozen=True)
class _Columns:
    """Where the facts about what has stopped are, for one kind of trouble."""

    what: Any
    who: Any
    product: Any
    agent: Any
    since: Any


def groups(session: Session, *, folded: Collection[str] = FOLDABLE) -> list[Group]:
    """All that has stopped by cause, those that stop most orders first.

    `folded` names what does not tell groups apart.
    """
    found = [group for trouble in Trouble for group in _groups(session, trouble, folded)]
    return sorted(found, key=lambda each: (-each.orders, -each.count, -each.last_at.timestamp()))


def _groups(session: Session, trouble: Trouble, folded: Collection[str]) -> Iterator[Group]:
    columns = _columns(trouble)
    by = _told_apart_by(columns, folded)
    counts = (
        func.count(),
        func.count(col(ServiceOrder.order_no).distinct()),
        func.min(columns.since),
        func.max(columns.since),
    )
    query = _stopped(select(*by.values(), *counts), Cause(trouble)).group_by(*by.values())
    for *key, count, orders, first_at, last_at in session.execute(query):
        cause = Cause(trouble, **dict(zip(by, key, strict=True)))
        yield Group(cause, count, orders, first_at, last_at)


def _told_apart_by(columns: _Columns, folded: Collection[str]) -> Mapping[str, ColumnElement[str]]:
    names = (name for name in ("what", "who", *FOLDABLE) if name not in folded)
    return {name: func.coalesce(getattr(columns, name), "") for name in names}


def trends(
    session: Session, causes: Sequence[Cause], *, since: datetime, folded: Collection[str]
) -> Mapping[Cause, Mapping[str, int]]:
    """How much stopped in each hour since a time, in UTC, for some of the causes of groups."""
    found: dict[Cause, dict[str, int]] = defaultdict(dict)
    for trouble in Trouble:
        columns = _columns(trouble)
        by = _told_apart_by(columns, folded)
        keys = [
            tuple(getattr(each, name) for name in by) for each in causes if each.trouble is trouble
        ]
        if not keys:
            continue
        hour = hour_of(columns.since)
        query = _stopped(select(*by.values(), hour, func.count()), Cause(trouble))
        recent = query.where(columns.since >= since, tuple_(*by.values()).in_(keys))
        for *key, at, count in session.execute(recent.group_by(*by.values(), hour)):
            found[Cause(trouble, **dict(zip(by, key, strict=True)))][at] = count
    return found


def hours_since(since: datetime, until: datetime) -> list[str]:
    """Every hour from one moment to another, as groups count them."""
    first = since.replace(minute=0, second=0, microsecond=0)
    count = int((until - first) // timedelta(hours=1)) + 1
    return [hour_text(first + timedelta(hours=n)) for n in range(count)]


def stopped(
    session: Session, cause: Cause, *, offset: int, limit: int
) -> tuple[int, Sequence[Stopped]]:
    """How much has stopped for a cause, and a page of it, the last first."""
    columns = _columns(cause.trouble)
    total = session.execute(_stopped(select(func.count()), cause)).scalar_one()
    query = _stopped(select(*_shown(cause.trouble, columns)), cause)
    newest = query.order_by(columns.since.desc(), col(ServiceOrder.order_no))
    rows = session.execute(newest.offset(offset).limit(limit))
    return total, [Stopped(**row) for row in rows.mappings()]


def shares(session: Session, cause: Cause, by: str, *, limit: int) -> Sequence[tuple[str, int]]:
    """The products or agents that a cause concerns, those with most of it first."""
    column = getattr(_columns(cause.trouble), by)
    query = _stopped(select(column, func.count()), cause).group_by(column)
    most = query.order_by(func.count().desc(), column).limit(limit)
    return [(name, count) for name, count in session.execute(most)]


def standing(cause: Cause) -> Select[Any]:
    """What an act looks at, the first to stop first: order, work order, stage, and the rest."""
    columns, order_no = _columns(cause.trouble), col(ServiceOrder.order_no)
    cancelled_at = col(ServiceOrder.cancel_requested_at)
    if cause.trouble is not Trouble.WORK_ORDER:
        is_latest = col(OrderRun.version) == col(ServiceOrder.version)
        what = (literal(""), col(OrderRun.stage), is_latest, cancelled_at)
        query = _stopped(select(order_no, *what), cause)
        return query.order_by(columns.since, order_no)
    what = (col(WorkOrder.id), col(OrderRun.stage), literal(True), cancelled_at)
    query = _stopped(select(order_no, *what), cause)
    latest = and_(
        col(OrderRun.order_no) == col(ServiceOrder.order_no),
        col(OrderRun.version) == col(ServiceOrder.version),
    )
    return query.join(OrderRun, latest).order_by(columns.since, col(WorkOrder.id))


def _shown(trouble: Trouble, columns: _Columns) -> Sequence[ColumnElement[Any]]:
    is_work = trouble is Trouble.WORK_ORDER
    reason = col(WorkOrder.text) if is_work else col(OrderRun.waiting_reason)
    run_id = col(OrderRun.order_no) + ":" + cast(col(OrderRun.version), String)
    return (
        (col(WorkOrder.id) if is_work else run_id).label("item"),
        col(ServiceOrder.order_no).label("order_no"),
        col(ServiceOrder.version if is_work else OrderRun.version).label("version"),
        columns.since.label("since"),
        func.coalesce(reason, "").label("reason"),
        columns.who.label("who"),
        columns.product.label("product"),
        columns.agent.label("agent"),
        col(ServiceOrder.title).label("title"),
    )


def _columns(trouble: Trouble) -> _Columns:
    agent = col(ServiceOrder.agent)
    if trouble is Trouble.WORK_ORDER:
        return _Columns(
            what=col(WorkOrder.cause),
            who=func.coalesce(WorkOrder.system, WorkOrder.team, ""),
            product=func.coalesce(OrderLine.product, ""),
            agent=agent,
            since=col(WorkOrder.ended_at),
        )
    return _Columns(
        what=col(OrderRun.cause),
        who=col(OrderRun.stage),
        product=cast(col(ServiceOrder.products), String),
        agent=agent,
        since=col(OrderRun.waiting_since),
    )


def _stopped(query: Any, cause: Cause) -> Select[Any]:
    """The query over what has stopped for a cause, with the order and line of each."""
    columns = _columns(cause.trouble)
    if cause.trouble is Trouble.WORK_ORDER:
        line = and_(
            col(OrderLine.order_no) == col(WorkOrder.order_no),
            col(OrderLine.line_no) == col(WorkOrder.line_no),
        )
        query = (
            query.select_from(WorkOrder)
            .join(ServiceOrder, col(ServiceOrder.order_no) == col(WorkOrder.order_no))
            .join(OrderLine, line)
            .where(col(WorkOrder.state) == _written("failed"))
            .where(col(WorkOrder.withdrawn_at).is_(None))
        )
    else:
        query = (
            query.select_from(OrderRun)
            .join(ServiceOrder, col(ServiceOrder.order_no) == col(OrderRun.order_no))
            .where(col(OrderRun.waiting_for) == _written(WAITS[cause.trouble].value))
            .where(text(IS_STUCK), col(OrderRun.ended_at).is_(None))
        )
    return query.where(*_conditions(cause, columns))


def _conditions(cause: Cause, columns: _Columns) -> Iterator[ColumnElement[bool]]:
    for name in ("what", "who", *FOLDABLE):
        value = getattr(cause, name)
        if value is not None:
            column = getattr(columns, name)
            yield column == value if value else or_(column.is_(None), column == "")


def _written(value: str) -> ColumnElement[str]:
    """Written out, not bound: only so do databases know that the index of what stopped serves."""
    return literal(value, literal_execute=True)
