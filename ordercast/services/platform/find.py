"""Finding what is kept: one order, its versions, lists by filter, and the classes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func
from sqlmodel import Session, col, select

from ordercast.domain.errors import NotFound
from ordercast.services.platform.class_stores import store_table
from ordercast.services.platform.tables import OrderClass, OrderIndex, OrderTag, OrderVersion
from ordercast.services.platform.wire import ClassEntry, VersionEntry


@dataclass(frozen=True)
class Wanted:
    """Which orders a list shall have; what is empty or None does not narrow it.

    `since` and `until` are about when the outcome was sealed: from the first, and before the
    second.
    """

    states: Sequence[str] = ()
    tag: str | None = None
    agent: str | None = None
    class_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        asked = [
            col(OrderIndex.state).in_(self.states) if self.states else None,
            _has_tag(self.tag) if self.tag else None,
            col(OrderIndex.agent) == self.agent if self.agent else None,
            col(OrderIndex.class_name) == self.class_name if self.class_name else None,
            col(OrderIndex.sealed_at) >= self.since if self.since else None,
            col(OrderIndex.sealed_at) < self.until if self.until else None,
        ]
        return [condition for condition in asked if condition is not None]


def _has_tag(tag: str) -> ColumnElement[bool]:
    return exists().where(
        col(OrderTag.tag) == tag,
        col(OrderTag.order_no) == col(OrderIndex.order_no),
        col(OrderTag.version) == col(OrderIndex.version),
    )


@dataclass(frozen=True)
class Page:
    """Some of the orders wanted, the newest first, without their lines; and how many there are."""

    summaries: Sequence[Mapping[str, Any]]
    total: int


def find_document(session: Session, order_no: str, *, version: int | None = None) -> str:
    """The JSON document of a version of an order, by default of the current one; or NotFound."""
    if version is None:
        version = _current_version(session, order_no)
    held = session.get(OrderVersion, (order_no, version))
    if held is None:
        raise NotFound("order", f"{order_no} version {version}")
    store = store_table(session.get_one(OrderClass, held.class_name).store)
    row = (store.c.order_no == order_no) & (store.c.version == version)
    return session.exec(select(store.c.document).where(row)).one()


def find_versions(session: Session, order_no: str) -> list[VersionEntry]:
    """All versions of an order that are held, the newest first; or NotFound."""
    current = _current_version(session, order_no)
    rows = session.exec(
        select(OrderVersion)
        .where(col(OrderVersion.order_no) == order_no)
        .order_by(col(OrderVersion.version).desc())
    )
    return [VersionEntry(**row.model_dump(), current=row.version == current) for row in rows]


def find_page(session: Session, wanted: Wanted, *, offset: int, limit: int) -> Page:
    """The orders wanted, from `offset`, at most `limit`, counted and cut by the database."""
    conditions = wanted.conditions()
    total = session.exec(select(func.count()).select_from(OrderIndex).where(*conditions)).one()
    summaries = session.exec(
        select(OrderIndex.summary)
        .where(*conditions)
        .order_by(col(OrderIndex.sealed_at).desc(), col(OrderIndex.order_no))
        .offset(offset)
        .limit(limit)
    )
    return Page(summaries=list(summaries), total=total)


def find_classes(session: Session) -> list[ClassEntry]:
    """Every class by name, with the states that the current versions of its orders are in."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    by_class = (OrderIndex.class_name, OrderIndex.state)
    for name, state, number in session.exec(select(*by_class, func.count()).group_by(*by_class)):
        counts[name][state] = number
    rows = session.exec(select(OrderClass).order_by(col(OrderClass.name)))
    return [
        ClassEntry(
            class_name=row.name, store=row.store, opened_at=row.opened_at, counts=counts[row.name]
        )
        for row in rows
    ]


def _current_version(session: Session, order_no: str) -> int:
    current = session.get(OrderIndex, order_no)
    if current is None:
        raise NotFound("order", order_no)
    return current.version
