"""Pruning the ledger: events, with all that hangs on them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, exists
from sqlmodel import Session, col, select

from ordercast.store.delivery_states import DeliveryState
from ordercast.store.erasing import PAGE, Run, note, over, rows
from ordercast.store.push_tables import DeviceNews, PushAttempt, PushDelivery, PushEvent
from ordercast.store.rounds_tables import OrderForecast, OverdueWork
from ordercast.store.tables import OrderOutcome, ServiceOrder


def events_of(order_nos: Sequence[str]) -> Any:
    return select(PushEvent.id).where(col(PushEvent.order_no).in_(order_nos))


def _is_current() -> Any:
    return and_(
        col(OrderOutcome.order_no) == ServiceOrder.order_no,
        col(OrderOutcome.version) == ServiceOrder.version,
    )


def forget_devices(session: Session, events: Any) -> int:
    return rows(session, delete(DeviceNews).where(col(DeviceNews.event_id).in_(events)))


def passed_over(
    session: Session, *, before: datetime, until: datetime, limit: int
) -> Sequence[str]:
    """Orders sealed until then whose events are still there: a push was due, and is no more."""
    is_pending = col(PushDelivery.state) == DeliveryState.PENDING.value
    due = exists().where(col(PushDelivery.order_no) == PushEvent.order_no, is_pending)
    query = (
        select(PushEvent.order_no)
        .join(ServiceOrder, col(ServiceOrder.order_no) == PushEvent.order_no)
        .join(OrderOutcome, _is_current())
        .where(PushEvent.occurred_at < before, col(ServiceOrder.ended_at) < before)
        .where(OrderOutcome.sealed_at <= until, ~due)
    )
    return session.exec(query.distinct().limit(limit)).all()


def prune_ledger(
    run: Run, order_nos: Sequence[str], before: datetime, at: datetime
) -> Counter[str]:
    """Events, pushes and attempts; of an order with a push that is still due, nothing."""

    def begin(session: Session) -> list[str]:
        ended = over(session, order_nos, before)
        is_pending = PushDelivery.state == DeliveryState.PENDING.value
        pending = select(PushDelivery.order_no).where(
            col(PushDelivery.order_no).in_(ended), is_pending
        )
        free = sorted(set(ended) - set(session.exec(pending)))
        note(session, free, "ledger_at", at)
        for table in (OverdueWork, OrderForecast):
            session.execute(delete(table).where(col(table.order_no).in_(free)))
        return free

    free, counts, after = run(begin), Counter[str](), None
    while True:
        gone, after = run(partial(_prune_page, free, after))
        counts.update(gone)
        if after is None:
            return counts


def _prune_page(
    order_nos: Sequence[str], after: UUID | None, session: Session
) -> tuple[Counter[str], UUID | None]:
    """Delete the next events with all that hangs on them; the last one's id, None at the end."""
    query = events_of(order_nos).order_by(col(PushEvent.id)).limit(PAGE)
    ids = session.exec(query if after is None else query.where(col(PushEvent.id) > after)).all()
    pushes = select(PushDelivery.id).where(col(PushDelivery.event_id).in_(ids))
    gone = Counter({"devices": forget_devices(session, ids)})
    attempts = delete(PushAttempt).where(col(PushAttempt.delivery_id).in_(pushes))
    gone["attempts"] = rows(session, attempts)
    gone["pushes"] = rows(session, delete(PushDelivery).where(col(PushDelivery.event_id).in_(ids)))
    gone["events"] = rows(session, delete(PushEvent).where(col(PushEvent.id).in_(ids)))
    return gone, ids[-1] if len(ids) == PAGE else None
