"""What is lost when all goes wrong under load: `python -m benchmarks.faults`.

While orders arrive, their work is reported at random moments, also before their runs are
suspended; runs are resumed that nobody asked for; and the worker and the relay's process are
killed with SIGKILL, again and again: the supervisor starts them anew. In the end every order
must be complete, told once, and once on the platform; `settled_s` is how long it took after
the last order had come and the last process was back.
"""

import argparse
import os
import random
import signal
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import httpx

from benchmarks.agents import plan_change, submit_one
from benchmarks.crew import REST_SECONDS, Crew
from benchmarks.databases import databases
from benchmarks.stack import BenchStack, running
from benchmarks.subscriber import Subscriber, subscribed
from benchmarks.telling import Counter, machine, say, tell_figures
from benchmarks.waiting import Patience, wait_until
from ordercast.services.supervisor import is_ready

VICTIMS = ("worker", "gateway")
"""The relay lives in the gateway's process, as `ordercast up` has it."""

BETWEEN_KILLS_SECONDS = (2.0, 10.0)
BETWEEN_ORDERS_SECONDS = 0.5
BETWEEN_RESUMES_SECONDS = 0.2

IN_FLIGHT = {"flow_runs": {"state": {"type": {"any_": ["PAUSED", "RUNNING"]}}}, "limit": 50}

Answer = TypeVar("Answer")


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10_000)
    chance = random.Random(seed)  # noqa: S311 (no secret)
    with databases() as chosen, running("faults", chosen) as bench, subscribed(bench) as told:
        say(f"{chosen.name}; {machine()}; seed {seed}")
        figures = _figures(bench, told, asked, chance)
    tell_figures("faults", figures)


def _figures(
    bench: BenchStack, subscriber: Subscriber, asked: argparse.Namespace, chance: random.Random
) -> dict[str, float]:
    order_nos: list[str] = []
    with _working(bench, chance) as crew, _meddling(bench, chance) as resumed:
        arriving = threading.Thread(
            target=_submit, args=(bench, crew, asked.orders, order_nos), daemon=True
        )
        arriving.start()
        for number in range(1, asked.kills + 1):
            time.sleep(chance.uniform(*BETWEEN_KILLS_SECONDS))
            _kill(bench, chance.choice(VICTIMS), number)
        arriving.join()
        _wait_until_back(bench)
        back = time.monotonic()
        _wait_until_told(subscriber, order_nos)
        settled = max(subscriber.told_at[each] for each in order_nos) - back
    return {
        "orders": len(order_nos),
        "kills": asked.kills,
        "spurious_resumes": len(resumed),
        "lost": sum(each not in subscriber.told_at for each in order_nos),
        "doubled": _doubled(bench, subscriber, order_nos),
        "settled_s": max(0.0, settled),
    }


def _submit(bench: BenchStack, crew: Crew, orders: int, order_nos: list[str]) -> None:
    """Submit orders one after another; one that is not answered is sent again as it was."""
    for _ in range(orders):
        document = plan_change()
        while (
            order_no := _patiently(lambda sent=document: submit_one(bench.gateway, sent))
        ) is None:
            time.sleep(REST_SECONDS)
        order_nos.append(order_no)
        crew.take_on(order_no)
        time.sleep(BETWEEN_ORDERS_SECONDS)


def _patiently(ask: Callable[[], Answer]) -> Answer | None:
    """None while the gateway is away."""
    with suppress(httpx.HTTPError):
        return ask()
    return None


@contextmanager
def _working(bench: BenchStack, chance: random.Random) -> Iterator[Crew]:
    """A crew whose reports come at random moments, and again while nobody takes them."""
    crew = Crew(bench)

    def work(stop: threading.Event) -> None:
        while not stop.wait(chance.uniform(0, 10 * REST_SECONDS)):
            _patiently(crew.turn)

    with _in_thread(work):
        yield crew


@contextmanager
def _meddling(bench: BenchStack, chance: random.Random) -> Iterator[list[str]]:
    """Resumes runs in flight at random, whatever they wait for; their ids."""
    resumed: list[str] = []

    def meddle(stop: threading.Event) -> None:
        while not stop.wait(BETWEEN_RESUMES_SECONDS):
            runs = _patiently(lambda: bench.prefect.post("flow_runs/filter", json=IN_FLIGHT).json())
            if runs:
                chosen = chance.choice(runs)["id"]
                _patiently(lambda no=chosen: bench.prefect.post(f"flow_runs/{no}/resume"))
                resumed.append(chosen)

    with _in_thread(meddle):
        yield resumed


@contextmanager
def _in_thread(work: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _kill(bench: BenchStack, service: str, number: int) -> None:
    """Kill a process, and wait until its successor has been started."""
    pid = bench.pid(service)
    os.kill(pid, signal.SIGKILL)
    say(f"kill {number}: {service}")
    wait_until(lambda: bench.pid(service) != pid, what=f"{service} is not started again")


def _wait_until_back(bench: BenchStack) -> None:
    ready = bench.stack.health["gateway"]
    wait_until(lambda: is_ready(ready), what="the gateway is not back")


def _wait_until_told(subscriber: Subscriber, order_nos: Sequence[str]) -> None:
    tell, patience = Counter("told", len(order_nos)), Patience("told")
    while (told := sum(each in subscriber.told_at for each in order_nos)) < len(order_nos):
        tell(told)
        patience.look_at(told)
        time.sleep(REST_SECONDS)
    tell(told)


def _doubled(bench: BenchStack, subscriber: Subscriber, order_nos: Sequence[str]) -> int:
    """Orders of whose end there are two events, or that the platform has twice."""
    ids = {(push.event["subject"], push.event_id) for push in subscriber.pushes}
    events = Tally(order_no for order_no, _ in ids)
    with bench.client(bench.stack.platform_url) as platform:
        kept = {
            each: len(platform.get(f"/orders/{each}/versions").raise_for_status().json())
            for each in order_nos
        }
    return sum(events[each] > 1 or kept[each] != 1 for each in order_nos)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, help="to kill at the same moments again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
