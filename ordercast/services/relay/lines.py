"""Lines: who asked to be told as lines end is told of those that have come together."""

import logging
from datetime import datetime, timedelta

from config.settings import settings
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.store import telling_lines
from ordercast.store.clock import now
from ordercast.store.engine import DATABASE_AWAY, database

log = logging.getLogger("ordercast.relay")

LIMIT = 50


def tell_lines(_api: PrefectApi) -> bool:
    """Write the events that fall due before the next turn, fifty orders at a time."""
    before = now() + timedelta(seconds=settings().relay.poll_seconds)
    with database().read() as session:
        due = telling_lines.due_orders(session, before=before, limit=LIMIT)
    for order_no in due:
        _tell(order_no, before)
    return len(due) == LIMIT


def _tell(order_no: str, before: datetime) -> None:
    """Tell of one order; if it cannot be done, the others do not wait for it."""
    try:
        with database().write() as session:
            telling_lines.tell_due(session, order_no, before=before)
    except DATABASE_AWAY:
        raise
    except Exception:
        log.exception("%s: its ended lines cannot be told; tried again later", order_no)
        with database().write() as session:
            telling_lines.postpone(session, order_no, until=before)
