"""How many orders a second go through all seven steps: `python -m benchmarks.lifecycle`.

Compared within one run, on one server: pairs of our orders and the floor, and Prefect's own
process worker on the same flow. Each figure counts all of a number of orders that are
submitted together, from the first request to the last push.
"""

import argparse
from statistics import median

from benchmarks.carrying import Carried, carry
from benchmarks.databases import Databases, databases
from benchmarks.stack import BenchStack, running
from benchmarks.stock import LEAST_ORDERS, stock_worker
from benchmarks.subscriber import subscribed
from benchmarks.telling import machine, say, tell_figures

WARM_UP_ORDERS = 16


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    with databases() as chosen, running("lifecycle", chosen) as bench:
        figures = _figures(asked, chosen, bench)
    tell_figures("lifecycle", figures)


def _figures(asked: argparse.Namespace, chosen: Databases, bench: BenchStack) -> dict[str, float]:
    say(f"{chosen.name}; {machine()}")
    with subscribed(bench) as subscriber:
        carry(bench, subscriber, WARM_UP_ORDERS, what="warm-up")
        _floor(bench, WARM_UP_ORDERS, "warm-up")
        ours, floors = [], []
        for pair in range(1, asked.pairs + 1):
            ours.append(_tell(carry(bench, subscriber, asked.orders, what=f"ours {pair}")))
            floors.append(_floor(bench, asked.orders, str(pair)))
        with stock_worker(bench):
            stock = _tell(carry(bench, subscriber, asked.stock_orders, what="stock"))
    say(f"{chosen.name}; {machine()}")
    return _compared(ours, floors, stock)


def _compared(ours: list[Carried], floors: list[float], stock: Carried) -> dict[str, float]:
    ours_per_s = median(each.orders_per_s for each in ours)
    pairs = zip(ours, floors, strict=True)
    return {
        "orders_per_s": ours_per_s,
        "vs_stock": ours_per_s / stock.orders_per_s,
        "vs_floor": median(each.orders_per_s / floor for each, floor in pairs),
        "api_requests_per_order": median(each.requests_per_order for each in ours),
    }


def _floor(bench: BenchStack, runs: int, name: str) -> float:
    """Runs of the floor flow a second."""
    diary = bench.home / f"floor-{name}"
    per_s = runs / bench.run_module("benchmarks.floor", str(runs), str(diary))
    say(f"floor {name}: {per_s:.2f} runs/s")
    return per_s


def _tell(carried: Carried) -> Carried:
    """Say what came of it, and what it cost."""
    per_order = carried.orders / 1000
    cost = ", ".join(f"{name} {s / per_order:.0f}" for name, s in carried.cpu_seconds.items())
    say(f"{carried.orders} orders in {carried.seconds:.1f} s: {carried.orders_per_s:.2f} orders/s")
    say(f"  processor ms an order: {cost}; requests an order: {carried.requests_per_order:.1f}")
    for route, count in carried.requests.most_common(9):
        say(f"  {count / carried.orders:6.2f}  {route}")
    return carried


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lifecycle", description=__doc__)
    parser.add_argument("--orders", type=int, default=60, help="in each of our parts")
    parser.add_argument("--pairs", type=int, default=5, help="of our orders and the floor")
    parser.add_argument("--stock-orders", type=int, default=LEAST_ORDERS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
