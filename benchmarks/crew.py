"""The crew of a benchmark: reports in bulk whatever is ready, so that nobody waits for it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlmodel import col, select

from benchmarks.stack import BenchStack
from ordercast.domain.work_order import WorkOrderState
from ordercast.store.chunks import chunks
from ordercast.store.tables import WorkOrder

REPORTS = "/work-orders/reports"
REST_SECONDS = 0.25


class Crew:
    """Works on the orders that it has been told of, and on no others."""

    def __init__(self, bench: BenchStack) -> None:
        self._bench = bench
        self._mine: set[str] = set()

    def take_on(self, order_no: str) -> None:
        """From now on this order's work is done as soon as it is ready."""
        self._mine.add(order_no)

    def lay_down(self, order_no: str) -> None:
        """Nothing is left to do on this order."""
        self._mine.discard(order_no)

    def turn(self) -> int:
        """Report all that is ready; how many work orders that were."""
        ready = self.ready(sorted(self._mine.copy()))
        report(self._bench, ready)
        return len(ready)

    def ready(self, order_nos: Sequence[str]) -> list[str]:
        """The work orders that can be done now, read where they are stored."""
        found: list[str] = []
        with self._bench.database.read() as session:
            for some in chunks(order_nos):
                query = select(WorkOrder.id).where(
                    col(WorkOrder.order_no).in_(some),
                    WorkOrder.state == WorkOrderState.ACKNOWLEDGED.value,
                )
                found += session.exec(query)
        return found


def report(bench: BenchStack, work_order_ids: Sequence[str]) -> None:
    """Report work orders completed, five hundred a request."""
    for some in chunks(work_order_ids):
        reports = [{"work_order_id": each, "result": "completed"} for each in some]
        bench.gateway.post(REPORTS, json=reports).raise_for_status()


@contextmanager
def working_crew(bench: BenchStack) -> Iterator[Crew]:
    """A crew that works in a thread of its own until the end."""
    crew, stop = Crew(bench), threading.Event()

    def work() -> None:
        while not stop.is_set():
            if not crew.turn():
                stop.wait(REST_SECONDS)

    thread = threading.Thread(target=work, name="crew", daemon=True)
    thread.start()
    try:
        yield crew
    finally:
        stop.set()
        thread.join()
