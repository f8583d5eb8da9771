"""Carrying orders: from the first that is submitted to the last push that is received."""

import time
from collections import Counter as Tally
from dataclasses import dataclass

from benchmarks.agents import submit
from benchmarks.counting import Meter
from benchmarks.crew import working_crew
from benchmarks.stack import BenchStack
from benchmarks.subscriber import Subscriber
from benchmarks.telling import Counter
from benchmarks.waiting import Patience

LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Carried:
    """What came of a number of orders that were submitted together."""

    orders: int
    seconds: float
    requests: Tally[str]
    cpu_seconds: dict[str, float]

    @property
    def orders_per_s(self) -> float:
        return self.orders / self.seconds

    @property
    def requests_per_order(self) -> float:
        return self.requests.total() / self.orders


def carry(bench: BenchStack, subscriber: Subscriber, orders: int, *, what: str) -> Carried:
    """Carry so many orders to their end, as fast as they go."""
    tell, patience = Counter(what, orders), Patience(what)
    meter, began = Meter.read(bench), time.monotonic()
    with working_crew(bench) as crew:
        mine: list[str] = []
        for order_no in submit(bench, orders):
            crew.take_on(order_no)
            mine.append(order_no)
        while (told := sum(each in subscriber.told_at for each in mine)) < orders:
            tell(told)
            patience.look_at(told)
            time.sleep(LOOK_SECONDS)
    ended = max(subscriber.told_at[each] for each in mine)
    tell(orders)
    return Carried(orders, ended - began, meter.requests_since(bench), meter.cpu_since(bench))
