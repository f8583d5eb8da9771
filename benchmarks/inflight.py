"""What 50,000 waiting orders cost the others: `python -m benchmarks.inflight`.

Two stacks: one with no other orders, one with 50,000 that wait, in its database and as suspended
runs in its Prefect. Orders are carried through both in pairs, in alternating order; while one
stack works the other is stopped where it is.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks.agents import submit
from benchmarks.carrying import carry
from benchmarks.databases import Databases, databases
from benchmarks.seeding import seed
from benchmarks.stack import BenchStack, running
from benchmarks.subscriber import Subscriber, subscribed
from benchmarks.telling import machine, say, tell_figures
from benchmarks.waiting import wait_until
from ordercast.store.tables import OrderRun

WARM_UP_ORDERS = 16
SETTLE_SECONDS = 3
ROUNDS = 3


class Side:
    """One of the two stacks, frozen but for when it is measured."""

    def __init__(self, name: str, bench: BenchStack, subscriber: Subscriber) -> None:
        self.name, self.bench, self._subscriber = name, bench, subscriber

    def measure(self, orders: int, pair: int) -> float:
        """Orders a second."""
        with self.bench.running_again():
            carried = carry(self.bench, self._subscriber, orders, what=f"{self.name} {pair}")
            time.sleep(SETTLE_SECONDS)  # what was put off is not for the other side to bear
        cpu = sum(carried.cpu_seconds.values()) / orders * 1000
        say(f"{self.name} {pair}: {carried.orders_per_s:.2f} orders/s, {cpu:.0f} ms an order")
        return carried.orders_per_s

    def recovery_round(self) -> float:
        """The seconds of one round of recovery."""
        with self.bench.running_again():
            rounds = self.bench.run_module("benchmarks.recovery_round", str(ROUNDS))
        say("rounds of recovery: " + ", ".join(f"{each:.2f} s" for each in rounds))
        return median(rounds)


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    with (
        databases() as chosen,
        _side("empty", chosen, waiting=0) as empty,
        _side("full", chosen, waiting=asked.waiting) as full,
    ):
        say(f"{chosen.name}; {machine()}")
        ratios = [_ratio(empty, full, asked.orders, pair) for pair in range(asked.pairs)]
        recover = full.recovery_round()
        say(f"{chosen.name}; {machine()}")
    tell_figures("inflight", {"vs_empty": median(ratios), "recover_s": recover})


def _ratio(empty: Side, full: Side, orders: int, pair: int) -> float:
    first, second = (empty, full) if pair % 2 else (full, empty)
    per_s = {side.name: side.measure(orders, pair + 1) for side in (first, second)}
    return per_s["full"] / per_s["empty"]


@contextmanager
def _side(name: str, chosen: Databases, *, waiting: int) -> Iterator[Side]:
    with running(name, chosen) as bench, subscribed(bench) as subscriber:
        carry(bench, subscriber, WARM_UP_ORDERS, what=f"{name}: warm-up")
        if waiting:
            seed(bench.database.engine, bench.prefects_engine, _one_that_waits(bench), waiting)
        time.sleep(SETTLE_SECONDS)
        with bench.frozen():
            yield Side(name, bench, subscriber)


def _one_that_waits(bench: BenchStack) -> str:
    """An order that waits for its work, its run suspended and its tasks recorded."""
    (order_no,) = submit(bench, 1)
    wait_until(lambda: _is_suspended(bench, order_no), what=f"{order_no} does not wait", every=0.5)
    time.sleep(SETTLE_SECONDS)
    return order_no


def _is_suspended(bench: BenchStack, order_no: str) -> bool:
    with bench.database.read() as session:
        flow_run_id = session.get_one(OrderRun, (order_no, 1)).flow_run_id
    answer = bench.prefect.get(f"flow_runs/{flow_run_id}") if flow_run_id else None
    return bool(answer and answer.is_success and answer.json()["state_name"] == "Suspended")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inflight", description=__doc__)
    parser.add_argument("--waiting", type=int, default=50_000, help="orders that wait")
    parser.add_argument("--orders", type=int, default=40, help="in each part of a pair")
    parser.add_argument("--pairs", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
