"""Step 1: take the accepted message of the order and open its life."""

from hashlib import sha256

from ordercast.domain.errors import PermanentFault
from ordercast.domain.order import Stage
from ordercast.store import inbox
from ordercast.store.clock import now
from ordercast.store.runs import Lease, working
from tasks.step import life_step


@life_step(name="receive", cure="Restore the order's message from a backup of the database")
def receive(lease: Lease) -> bool:
    """Check that the message is what intake sealed, and open the order's life."""
    with working(lease) as work:
        kept = inbox.message(work.session, work.order.message_id)
        if sha256(inbox.plain_body(kept)).hexdigest() != kept.sha256:
            raise PermanentFault(
                f"message {kept.id} is not what was received: its checksum differs"
            )
        work.order.started_at = now()
        work.reach(Stage.RECEIVED)
    return True
