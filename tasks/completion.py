"""Step 4: answer whether every work order has a result; if so, seal the outcome."""

from collections.abc import Sequence

from ordercast.domain.order import Stage
from ordercast.store import outcomes, work_orders
from ordercast.store.runs import Lease, WaitingFor, wait, working
from ordercast.store.work_orders import LeftToDo
from tasks.step import life_step


@life_step(
    name="await-completion",
    cure="Mend the tags file, or the row that stands where the outcome belongs",
)
def await_completion(lease: Lease) -> bool:
    """Seal the outcome if nothing is open any more, else note what the order waits for."""
    with working(lease) as work:
        if work.has_reached(Stage.SEALED):
            return True
        if still_open := work_orders.open_work(work.session, lease.order_no):
            wait(work.run, WaitingFor.WORK_ORDERS, in_words(still_open), until=None)
            return False
        outcomes.seal(work)
    return True


def in_words(still_open: Sequence[LeftToDo]) -> str:
    """How much is open, of whom, and when the first of it is due."""
    by_whom = ", ".join(f"{each.count} {each.who}" for each in still_open)
    due = min(each.first_due for each in still_open)
    count = sum(each.count for each in still_open)
    return f"{count} work orders are open ({by_whom}), the first due {due:%Y-%m-%d %H:%M} UTC"
