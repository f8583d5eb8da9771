"""Step 4: answer whether every work order has a result; if so, seal the outcome."""

from ordercast.domain.order import Stage
from ordercast.store import outcomes, work_orders
from ordercast.store.runs import Lease, WaitingFor, wait, working
from tasks.step import step


@step(name="await-completion")
def await_completion(lease: Lease) -> bool:
    """Seal the outcome if nothing is open any more, else note what the order waits for."""
    with working(lease) as work:
        if work.has_reached(Stage.SEALED):
            return True
        still_open = work_orders.count_open(work.session, lease.order_no)
        if still_open:
            reason = f"{still_open} work orders are open"
            wait(work.run, WaitingFor.WORK_ORDERS, reason, until=None)
            return False
        outcomes.seal(work)
    return True
