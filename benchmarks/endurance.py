"""Whether memory stays flat, and what rest and 100 orders take: `python -m benchmarks.endurance`.

Orders in rounds, one after another, through all seven steps; after each round the memory of
every service is read. Then nothing is to be done for a while: that takes processor time as
well. In a last round the threads, sockets and processes of all are counted while a hundred
orders are under way, and compared with the same counts at rest.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from benchmarks.carrying import carry
from benchmarks.counting import Meter
from benchmarks.databases import databases
from benchmarks.memory import resident_mb
from benchmarks.stack import SERVICES, BenchStack, running
from benchmarks.subscriber import Subscriber, subscribed
from benchmarks.telling import machine, say, tell_figures

RUNNING_ORDERS = 100
LOOK_SECONDS = 0.2
SETTLE_SECONDS, REST_SECONDS = 10, 40

Held = dict[str, int]
"""Threads, sockets and processes of all services together."""


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    with databases() as chosen, running("endurance", chosen) as bench:
        say(f"{chosen.name}; {machine()}")
        with subscribed(bench) as subscriber:
            first, last = _rounds(bench, subscriber, asked.orders, asked.rounds)
            idle = _idle(bench)
            at_rest, at_work = held(bench), _at_work(bench, subscriber)
    grown = {f"{name}_grown_mb": last[name] - first[name] for name in SERVICES}
    counts = {f"{what}_at_work": float(at_work[what]) for what in at_work}
    rest = {f"{what}_at_rest": float(at_rest[what]) for what in at_rest}
    tell_figures("endurance", {"orders": float(asked.orders), **grown, **idle, **rest, **counts})


def _rounds(
    bench: BenchStack, subscriber: Subscriber, orders: int, rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """The memory of each service, MB, after the first round and after the last."""
    read: list[dict[str, float]] = []
    for number in range(1, rounds + 1):
        carried = carry(bench, subscriber, orders // rounds, what=f"round {number}")
        read.append({name: resident_mb(bench.pid(name)) for name in SERVICES})
        memory = ", ".join(f"{name} {mb:.0f} MB" for name, mb in read[-1].items())
        say(f"round {number}: {carried.orders_per_s:.2f} orders/s; {memory}")
    return read[0], read[-1]


def _idle(bench: BenchStack) -> dict[str, float]:
    """The processor time of each service while nothing is to be done, ms a second."""
    time.sleep(SETTLE_SECONDS)
    meter = Meter.read(bench)
    time.sleep(REST_SECONDS)
    spent = meter.cpu_since(bench).items()
    return {f"{name}_idle_ms_per_s": 1000 * each / REST_SECONDS for name, each in spent}


def _at_work(bench: BenchStack, subscriber: Subscriber) -> Held:
    """The most that was held while a hundred orders were carried."""
    most: Held = {}
    with _looking(bench, most):
        carry(bench, subscriber, RUNNING_ORDERS, what="100 at once")
    say(f"at work: {most}")
    return most


@contextmanager
def _looking(bench: BenchStack, most: Held) -> Iterator[None]:
    stop = Event()

    def look() -> None:
        while not stop.wait(LOOK_SECONDS):
            for what, count in held(bench).items():
                most[what] = max(most.get(what, 0), count)

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def held(bench: BenchStack) -> Held:
    """What all services hold now, and the processes that they have started."""
    processes = [each for name in SERVICES for each in _family(bench.pid(name))]
    return {
        "threads": sum(_count(pid, "task") for pid in processes),
        "sockets": sum(_sockets(pid) for pid in processes),
        "processes": len(processes),
    }


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _count(pid: int, what: str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/{what}").iterdir())


def _sockets(pid: int) -> int:
    return sum(_is_socket(each) for each in Path(f"/proc/{pid}/fd").iterdir())


def _is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except FileNotFoundError:  # closed meanwhile
        return False


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("--orders", type=int, default=2000, help="in all rounds together")
    parser.add_argument("--rounds", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
