"""Searching orders: by what somebody typed, by what is known of them, a page at a time."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, text
from sqlmodel import Session, col, or_, select

from ordercast.domain.order import OrderState
from ordercast.domain.seeking import understand
from ordercast.store import subjects
from ordercast.store.runs import WaitingFor
from ordercast.store.tables import IS_STUCK, ArchiveTag, OrderRun, ServiceOrder

COUNTED = 1000
"""More orders than that are not counted: nobody pages through them all."""

FEW = 2000
"""So many are looked up one by one; of more, those are left out that one comes by."""

LAST = "\U0010ffff"
BY_DAY = (col(ServiceOrder.ordered_at).desc(), col(ServiceOrder.order_no).desc())
BY_NUMBER = (col(ServiceOrder.order_no).desc(),)


@dataclass(frozen=True)
class Search:
    """What orders to find; all that is given must hold. `typed` is what was typed into the box."""

    typed: str = ""
    state: str | None = None
    agent: str | None = None
    tag: str | None = None
    product: str | None = None
    waiting_for: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Found:
    """An order of a page, what its current version waits for, and the line that was sought."""

    order: ServiceOrder
    run: OrderRun | None
    line_no: int | None = None


@dataclass(frozen=True)
class Page:
    """A page of what was found, the newest first; `total` is at most COUNTED + 1."""

    orders: Sequence[Found]
    total: int
    offset: int
    limit: int


@dataclass(frozen=True)
class _Meant:
    """What the typed text means here: orders by number, and the beginning of numbers."""

    lines: dict[str, int | None] = field(default_factory=dict)
    begins: str | None = None


def search(session: Session, wanted: Search, *, offset: int = 0, limit: int = 50) -> Page:
    """A page of the orders that are wanted.

    Numbers are chosen first, out of the indexes alone; only then the rows of the page are read.
    """
    meant = _meant(session, wanted.typed)
    conditions = list(_conditions(session, wanted, meant))
    order_by = BY_NUMBER if meant and meant.begins else BY_DAY
    numbers = select(ServiceOrder.order_no).where(*conditions)
    few = numbers.limit(COUNTED + 1).subquery()
    total = session.exec(select(func.count()).select_from(few)).one()
    chosen = session.exec(numbers.order_by(*order_by).offset(offset).limit(limit)).all()
    return Page(_rows(session, chosen, meant), total, offset, limit)


def _rows(session: Session, chosen: Sequence[str], meant: _Meant | None) -> Sequence[Found]:
    query = (
        select(ServiceOrder, OrderRun)
        .outerjoin(
            OrderRun,
            (col(OrderRun.order_no) == col(ServiceOrder.order_no))
            & (col(OrderRun.version) == col(ServiceOrder.version)),
        )
        .where(col(ServiceOrder.order_no).in_(chosen))
    )
    found = {order.order_no: (order, run) for order, run in session.exec(query)}
    lines = meant.lines if meant else {}
    return [Found(*found[each], lines.get(each)) for each in chosen if each in found]


def _meant(session: Session, typed: str) -> _Meant | None:
    sought = understand(typed)
    if sought is None:
        return None
    by_id = select(ServiceOrder.order_no).where(ServiceOrder.external_id == sought.external_id)
    newest = by_id.order_by(*BY_NUMBER).limit(subjects.MOST_FOUND)
    lines: dict[str, int | None] = dict.fromkeys(session.exec(newest))
    lines.update(subjects.orders_about(session, sought.identities))
    return _Meant(lines, sought.order_no_begins)


def _conditions(
    session: Session, wanted: Search, meant: _Meant | None
) -> Iterator[ColumnElement[bool]]:
    if meant:
        yield _is_meant(meant)
    if wanted.state:
        yield col(ServiceOrder.state) == wanted.state
    if wanted.agent:
        yield col(ServiceOrder.agent) == wanted.agent
    if wanted.tag:
        yield _is_tagged(session, wanted.tag)
    if wanted.product:
        named = json.dumps(wanted.product)
        yield cast(col(ServiceOrder.products), String).contains(named, autoescape=True)
    if wanted.waiting_for:
        yield from _waits(WaitingFor(wanted.waiting_for))
    if wanted.since:
        yield col(ServiceOrder.ordered_at) >= wanted.since
    if wanted.until:
        yield col(ServiceOrder.ordered_at) < wanted.until


def _is_meant(meant: _Meant) -> ColumnElement[bool]:
    order_no = col(ServiceOrder.order_no)
    named = order_no.in_(list(meant.lines))
    if not meant.begins:
        return named
    begins = (order_no >= meant.begins) & (order_no < meant.begins + LAST)
    return or_(begins, named) if meant.lines else begins


def _is_tagged(session: Session, tag: str) -> ColumnElement[bool]:
    tagged = select(ArchiveTag.order_no).where(ArchiveTag.tag == tag)
    some = session.exec(tagged.limit(FEW + 1)).all()
    if len(some) <= FEW:
        return col(ServiceOrder.order_no).in_(set(some))
    return tagged.where(col(ArchiveTag.order_no) == col(ServiceOrder.order_no)).exists()


def _waits(waiting_for: WaitingFor) -> Iterator[ColumnElement[bool]]:
    """Those that wait for their work are many, and found as one goes; the others have an index."""
    waits = col(OrderRun.waiting_for) == literal(waiting_for.value, literal_execute=True)
    if waiting_for is WaitingFor.WORK_ORDERS:
        yield col(ServiceOrder.state) == OrderState.IN_PROGRESS
        yield exists().where(
            col(OrderRun.order_no) == ServiceOrder.order_no,
            col(OrderRun.version) == ServiceOrder.version,
            waits,
        )
        return
    few = select(OrderRun.order_no).where(waits, col(OrderRun.ended_at).is_(None))
    if waiting_for is not WaitingFor.EXCLUSIVE:
        few = few.where(text(IS_STUCK))
    yield col(ServiceOrder.order_no).in_(few)


def agents(session: Session, *, limit: int = 50) -> Sequence[str]:
    """The agents who have sent orders, in their order: a look into the index for each."""
    found: list[str] = []
    while len(found) < limit:
        query = select(func.min(ServiceOrder.agent))
        if found:
            query = query.where(ServiceOrder.agent > found[-1])
        following = session.exec(query).one()
        if following is None:
            break
        found.append(following)
    return found
