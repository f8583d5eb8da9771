"""Events as they were written, to be looked at."""

from sqlmodel import Session, col, select

from ordercast.domain.errors import NotFound
from ordercast.store.push_tables import PushEvent


def latest(session: Session, order_no: str, event_type: str | None = None) -> PushEvent:
    """The last event of an order, or the last of that type; NotFound if there is none."""
    of_order = select(PushEvent).where(PushEvent.order_no == order_no)
    if event_type:
        of_order = of_order.where(PushEvent.type == event_type)
    found = session.exec(of_order.order_by(col(PushEvent.sequence).desc()).limit(1)).first()
    if found is None:
        raise NotFound(f"event {event_type} of order" if event_type else "event of order", order_no)
    return found
