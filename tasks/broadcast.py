"""Step 7: tell every subscriber; the relay delivers what is written here."""

from ordercast.domain.order import Stage
from ordercast.store import pushes
from ordercast.store.clock import now
from ordercast.store.outcomes import sealed
from ordercast.store.pushes import NewEvent
from ordercast.store.runs import Lease, working
from tasks.step import step


@step(name="broadcast")
def broadcast(lease: Lease) -> bool:
    """Write the completion event and one delivery per subscriber, in one transaction."""
    with working(lease) as work:
        outcome = sealed(work.session, lease.order_no, lease.version)
        summary = {name: value for name, value in outcome.summary.items() if name != "lines"}
        event = NewEvent(type=f"order.{outcome.state}", version=lease.version, data=summary)
        pushes.add_events(work.session, work.order, [event], tags=outcome.tags)
        work.reach(Stage.BROADCAST)
        work.run.ended_at = now()
    return True
