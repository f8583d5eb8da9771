"""Orders and their lines: opening, finding, listing."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, cast, exists, func
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from ordercast.domain.errors import NotFound
from ordercast.domain.order import Stage
from ordercast.store.bulk import insert_rows
from ordercast.store.chunks import chunks
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.tables import OrderLine, OrderRun, ServiceOrder
from ordercast.store.waiting_lines import Line, wait_in_line


def open_order(session: Session, order: ServiceOrder, *, at: datetime) -> None:
    """Open the life of an order: its row, and a run of version 1 that the relay launches."""
    session.add(order)
    session.add(
        OrderRun(
            order_no=order.order_no,
            version=1,
            stage=Stage.ACCEPTED,
            priority=order.priority,
            start_at=order.requested_start_at or at,
            launch_at=at,
        )
    )
    nudge_after_commit(session, Topic.LAUNCH)


def order(
    session: Session, order_no: str, *, lock: bool = False, agent: str | None = None
) -> ServiceOrder:
    """The order with that number, its row locked if asked.

    NotFound if there is none, or if it is not of the agent that is named.
    """
    found = session.get(
        ServiceOrder, order_no, with_for_update=lock or None, populate_existing=lock
    )
    if found is None or agent not in (None, found.agent):
        raise NotFound("order", order_no)
    return found


def is_of(session: Session, order_no: str, agent: str | None) -> bool:
    """Whether an order is of the agent that is named; of any, if none is."""
    if agent is None:
        return True
    found = session.get(ServiceOrder, order_no)
    return found is not None and found.agent == agent


def numbers_of(agent: str):
    """The numbers of an agent's orders: for what reads much of a table by them."""
    return select(ServiceOrder.order_no).where(ServiceOrder.agent == agent)


def is_number_of(order_no: Mapped[str], agent: str) -> ColumnElement[bool]:
    """That a column has the number of an agent's order: for what reads a few rows."""
    own = (col(ServiceOrder.order_no) == order_no, col(ServiceOrder.agent) == agent)
    return exists().where(*own)


def lock(session: Session, order_nos: Iterable[str]) -> dict[str, ServiceOrder]:
    """The orders by number, their rows locked in that order: for changing several at once."""
    locked: dict[str, ServiceOrder] = {}
    for some in chunks(sorted(order_nos)):
        query = select(ServiceOrder).where(col(ServiceOrder.order_no).in_(some))
        for row in session.exec(query.order_by(ServiceOrder.order_no).with_for_update()):
            locked[row.order_no] = row
    return locked


def hold_external_ids(session: Session, ids: Iterable[tuple[str, str]]) -> None:
    """Let no other transaction open orders of these (agent, external id) before this one ends."""
    wait_in_line(session.connection(), Line.EXTERNAL_ID, map(json.dumps, ids))


def by_external_id(session: Session, agent: str, external_id: str) -> ServiceOrder | None:
    """The order that an agent knows by that id."""
    return session.exec(
        select(ServiceOrder).where(
            ServiceOrder.agent == agent, ServiceOrder.external_id == external_id
        )
    ).first()


def add_lines(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add lines in bulk."""
    insert_rows(session, OrderLine, rows)


def lines(session: Session, order_no: str) -> Sequence[OrderLine]:
    """The lines of an order in their order."""
    query = select(OrderLine).where(OrderLine.order_no == order_no)
    return session.exec(query.order_by(col(OrderLine.line_no))).all()


def numbers_after(session: Session, order_no: str, *, limit: int) -> Sequence[str]:
    """The numbers of orders that have lines, in their order, after a number."""
    query = select(ServiceOrder.order_no).where(
        ServiceOrder.order_no > order_no, ServiceOrder.line_count > 0
    )
    return session.exec(query.order_by(ServiceOrder.order_no).limit(limit)).all()


EQUAL = ("order_no", "state", "agent", "external_id", "category", "priority", "primary_tag")


@dataclass(frozen=True)
class OrderFilter:
    """What orders to list; all that is given must hold. `only_of` is the agent that asks."""

    order_no: str | None = None
    state: str | None = None
    agent: str | None = None
    external_id: str | None = None
    category: str | None = None
    priority: int | None = None
    product: str | None = None
    primary_tag: str | None = None
    ordered_since: datetime | None = None
    ordered_until: datetime | None = None
    only_of: str | None = None


def count_and_page(
    session: Session, wanted: OrderFilter, *, offset: int, limit: int
) -> tuple[int, Sequence[ServiceOrder]]:
    """How many orders there are of that kind, and a page of them, the newest first."""
    conditions = list(_conditions(wanted))
    total = session.exec(select(func.count()).select_from(ServiceOrder).where(*conditions)).one()
    newest = (col(ServiceOrder.ordered_at).desc(), col(ServiceOrder.order_no))
    page = select(ServiceOrder).where(*conditions).order_by(*newest)
    return total, session.exec(page.offset(offset).limit(limit)).all()


def _conditions(wanted: OrderFilter) -> Iterator[ColumnElement[bool]]:
    for name in EQUAL:
        value = getattr(wanted, name)
        if value is not None:
            yield col(getattr(ServiceOrder, name)) == value
    if wanted.only_of is not None:
        yield col(ServiceOrder.agent) == wanted.only_of
    if wanted.product:
        named = json.dumps(wanted.product)
        yield cast(col(ServiceOrder.products), String).contains(named, autoescape=True)
    if wanted.ordered_since:
        yield col(ServiceOrder.ordered_at) >= wanted.ordered_since
    if wanted.ordered_until:
        yield col(ServiceOrder.ordered_at) < wanted.ordered_until
