"""Erasing what is personal: numbers, cards, names, wherever an order has left them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import inspect
from sqlmodel import Session, SQLModel, col, select, tuple_

from ordercast.domain.erasing import erased
from ordercast.store.erasing import PAGE, Run, note, over
from ordercast.store.pruning import events_of, forget_devices
from ordercast.store.push_tables import PushEvent
from ordercast.store.tables import (
    CompletionReport,
    OrderLine,
    OrderOutcome,
    ServiceOrder,
    WorkOrder,
)

PERSONAL: Mapping[type[SQLModel], tuple[str, ...]] = {
    ServiceOrder: ("document",),
    OrderLine: ("document", "problems"),
    WorkOrder: ("parameters", "text"),
    CompletionReport: ("text", "reporter"),
    OrderOutcome: ("summary",),
    PushEvent: ("data",),
}
"""Where there is something personal, by table."""


def erase_personal(
    run: Run, order_nos: Sequence[str], before: datetime, at: datetime
) -> Counter[str]:
    """Numbers, cards, names and the like, in whatever is kept of the orders.

    That they are erased is noted first: from then on nobody works on them any more.
    """

    def begin(session: Session) -> list[str]:
        ended = over(session, order_nos, before)
        note(session, ended, "personal_at", at)
        return ended

    ended = run(begin)
    counts = Counter({"devices": run(lambda session: forget_devices(session, events_of(ended)))})
    for table, names in PERSONAL.items():
        after: Any = None
        while True:
            changed, after = run(partial(_erase_page, table, names, ended, after))
            counts[f"rows of {table.__tablename__}"] += changed
            if after is None:
                break
    return counts


def _erase_page(
    table: Any, names: Sequence[str], order_nos: Sequence[str], after: Any, session: Session
) -> tuple[int, Any]:
    """Erase the next rows of a table; how many changed, and the last one's key, None at the end."""
    key = list(inspect(table).primary_key)
    query = select(table).where(col(table.order_no).in_(order_nos)).order_by(*key).limit(PAGE)
    if after is not None:
        query = query.where(tuple_(*key) > after)
    rows = session.exec(query).all()
    changed = sum(_erase(row, names) for row in rows)
    last = tuple(getattr(rows[-1], column.name) for column in key) if len(rows) == PAGE else None
    return changed, last


def _erase(row: Any, names: Sequence[str]) -> bool:
    changed = False
    for name in names:
        told = getattr(row, name)
        kept = "***" if told and name == "reporter" else erased(told)
        if kept != told:
            setattr(row, name, kept)
            changed = True
    return changed
