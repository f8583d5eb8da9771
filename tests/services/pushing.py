"""An order whose subscribers were told once, without success."""

from datetime import UTC, datetime

from ordercast.store.engine import database
from ordercast.store.push_leases import lease_due
from ordercast.store.push_recording import Tried, record_attempts
from ordercast.store.push_tables import PushAttempt
from ordercast.store.pushes import DeliveryState, NewEvent, add_events
from ordercast.store.tables import ServiceOrder

ORDER_NO = "ord-20261122-aaaaaa"


def push_once(reason="server-error"):
    """Complete and reopen the order, and note one failed attempt for each subscriber."""
    moment = datetime.now(UTC)
    with database().write() as session:
        order = ServiceOrder(
            order_no=ORDER_NO,
            agent="agent-x",
            content_sha256="",
            message_id="m",
            title="a SIM",
            state="completed",
            ordered_at=moment,
        )
        session.add(order)
        session.flush()
        add_events(session, order, [NewEvent("order.completed", 1), NewEvent("order.reopened", 2)])
    with database().write() as session:
        leased = lease_due(
            session, now=datetime.now(UTC), limit=9, lease_seconds=60, holder="relay"
        )
        for each in leased:
            attempt = PushAttempt(
                delivery_id=each.delivery.id,
                number=1,
                started_at=moment,
                duration_ms=5,
                status=500,
                verdict="retry",
                reason=reason,
                answer="oh [bold]no",
            )
            record_attempts(session, [(each, Tried(attempt, DeliveryState.PENDING, moment))])
