"""How soon everybody is told after the last report: `python -m benchmarks.wake`.

Orders that wait for their last report, one after another, nothing else to do: the time from
sending that report to receiving the signed push. Ours before and after Prefect's own process
worker, on one server.
"""

import argparse
import random
import time
from collections.abc import Sequence
from statistics import median, quantiles

from benchmarks.agents import submit
from benchmarks.crew import Crew, report
from benchmarks.databases import databases
from benchmarks.stack import BenchStack, running
from benchmarks.stock import LEAST_ORDERS, stock_worker
from benchmarks.subscriber import Subscriber, subscribed
from benchmarks.telling import Counter, machine, say, tell_figures
from benchmarks.waiting import Patience, wait_until

PAUSE_SECONDS = (0.5, 1.0)
"""Between two orders, at random: so that no poll keeps step with the benchmark."""

SUSPENDED = {"state": {"name": {"any_": ["Suspended"]}}}
CALM_SECONDS = 5


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    with databases() as chosen, running("wake", chosen) as bench:
        say(f"{chosen.name}; {machine()}")
        with subscribed(bench) as subscriber:
            half = asked.orders // 2
            ours = wakes(bench, subscriber, half, what="ours, first half")
            with stock_worker(bench):
                stock = wakes(bench, subscriber, asked.stock_orders, what="stock")
            ours += wakes(bench, subscriber, asked.orders - half, what="ours, second half")
        say(f"{chosen.name}; {machine()}")
    _tell("ours", ours)
    _tell("stock", stock)
    figures = {
        "p50_s": median(ours),
        "p99_s": percentile_99(ours),
        "vs_stock": median(stock) / median(ours),
    }
    tell_figures("wake", figures)


def wakes(bench: BenchStack, subscriber: Subscriber, orders: int, *, what: str) -> list[float]:
    """The seconds from the last report to the push, for so many orders."""
    waiting = _waiting_for_one_report(bench, orders, what=what)
    time.sleep(CALM_SECONDS)
    tell, seconds = Counter(f"{what}: told", orders), []
    for order_no, work_order_id in waiting.items():
        time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 (no secret)
        began = time.monotonic()
        report(bench, [work_order_id])
        wait_until(
            lambda no=order_no: no in subscriber.told_at,
            what=f"nobody was told of {order_no}",
            every=0.005,
        )
        seconds.append(subscriber.told_at[order_no] - began)
        tell(len(seconds))
    return seconds


def _waiting_for_one_report(bench: BenchStack, orders: int, *, what: str) -> dict[str, str]:
    """Orders of which one work order is left, each with that one; their runs are suspended."""
    order_nos, crew = list(submit(bench, orders)), Crew(bench)
    last: dict[str, str] = {}
    tell, patience = Counter(f"{what}: waiting", orders), Patience(what)
    while len(last) < orders:
        for work_order_id in crew.ready([each for each in order_nos if each not in last]):
            if _is_last(work_order_id):
                last[order_of(work_order_id)] = work_order_id
            else:
                report(bench, [work_order_id])
        tell(len(last))
        patience.look_at(len(last))
        time.sleep(0.2)
    wait_until(lambda: _suspended(bench) >= orders, what="not all are suspended", every=0.5)
    return last


def _is_last(work_order_id: str) -> bool:
    """Whether it is the fourth of a plan change, which waits for the other three."""
    return work_order_id.endswith("-4")


def order_of(work_order_id: str) -> str:
    """The order that a work order belongs to."""
    return f"ord-{work_order_id.removeprefix('wo-').rsplit('-', 2)[0]}"


def _suspended(bench: BenchStack) -> int:
    answer = bench.prefect.post("flow_runs/count", json={"flow_runs": SUSPENDED})
    return int(answer.json()) if answer.is_success else 0


def percentile_99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100, method="inclusive")[98]


def _tell(who: str, seconds: Sequence[float]) -> None:
    p50, p99 = median(seconds), percentile_99(seconds)
    say(f"{who}: {len(seconds)} orders, p50 {p50:.3f} s, p99 {p99:.3f} s, max {max(seconds):.3f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wake", description=__doc__)
    parser.add_argument("--orders", type=int, default=60, help="of ours")
    parser.add_argument("--stock-orders", type=int, default=LEAST_ORDERS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
