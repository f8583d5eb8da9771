"""Indexing: orders that were decomposed before there was an index of their numbers and cards."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlmodel import Session

from ordercast.domain.errors import PermanentFault
from ordercast.domain.identities import identity_of
from ordercast.domain.masking import MASKED
from ordercast.intake.kept import kept_order
from ordercast.store import inbox, orders, subjects
from ordercast.store.engine import Database
from ordercast.store.facts import characteristics

ORDERS_AT_ONCE = 100

Lines = Mapping[int, Mapping[str, Any]]


def index_orders(database: Database) -> Iterator[int]:
    """Have every order found by what its lines are about; how many are done, page by page."""
    last, done = "", 0
    while True:
        with database.write() as session:
            numbers = orders.numbers_after(session, last, limit=ORDERS_AT_ONCE)
            for order_no in numbers:
                subjects.add(session, order_no, _lines(session, order_no).items())
        if not numbers:
            return
        last, done = numbers[-1], done + len(numbers)
        yield done


def _lines(session: Session, order_no: str) -> Lines:
    """The characteristics of each line: as they are kept, or as they came where one is masked."""
    kept = {row.line_no: characteristics(row) for row in orders.lines(session, order_no)}
    if not any(map(_hides_identity, kept.values())):
        return kept
    try:
        return _as_they_came(session, order_no)
    except PermanentFault:
        return kept


def _hides_identity(given: Mapping[str, Any]) -> bool:
    return any(value == MASKED and identity_of(name) for name, value in given.items())


def _as_they_came(session: Session, order_no: str) -> Lines:
    message = inbox.message(session, orders.order(session, order_no).message_id)
    items = kept_order(message).order.lines
    return {place: item.service.characteristics for place, item in enumerate(items, start=1)}
