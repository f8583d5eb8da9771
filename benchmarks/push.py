"""How fast and how surely everybody is told: `python -m benchmarks.push`.

The relay's deliver loop, the ledger's writes included, beside a bare httpx loop that posts the
same bodies with the same concurrency, in turn within one run; the same for one order to a
thousand subscribers. Arrivals at a fixed rate with and without one dead subscriber of a
hundred. And a relay that is killed by SIGKILL under load, again and again.
"""

import argparse
import signal
import subprocess
import time
from collections import Counter as Tally
from statistics import median, quantiles

from benchmarks.databases import databases
from benchmarks.push_stage import Receipt, Stage, relaying, stage
from benchmarks.telling import machine, say, tell_figures
from benchmarks.waiting import wait_until
from config.settings import settings

LOAD, FAN_OUT, STEADY = "load", "fan-out", "steady"
DEAD = f"/{STEADY}/0"
WARM_UP_ORDERS = 20
KILL_AT = (0.75, 0.5, 0.25)
"""The share of deliveries still pending at which the relay is killed."""

HASTY = {"ORDERCAST_RELAY__LEASE_SECONDS": "3", "ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS": "1.5"}
"""Leases that end soon, so that what a killed relay had in flight is soon sent by the next."""


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    with databases() as chosen, stage(chosen) as played:
        say(f"{chosen.name}; {machine()}")
        played.subscribe(LOAD, 10)
        played.subscribe(FAN_OUT, 1000)
        played.subscribe(STEADY, 100)
        with relaying():
            _ours(played, LOAD, WARM_UP_ORDERS)
            figures = _beside_bare(played, asked.orders, asked.pairs)
            figures |= _with_one_dead(played, asked.rate, asked.seconds, asked.pairs)
        figures |= _killed(played, asked.orders)
        say(f"{chosen.name}; {machine()}")
    tell_figures("push", figures)


def _beside_bare(played: Stage, orders: int, pairs: int) -> dict[str, float]:
    rates, shares, fans = [], [], []
    for pair in range(1, pairs + 1):
        posts = orders * len(played.audiences[LOAD])
        ours, events = _ours(played, LOAD, orders)
        bare = _bare(played, LOAD, events)
        rates.append(posts / ours)
        shares.append(bare / ours)
        say(f"pair {pair}: ours {posts / ours:.0f}/s, bare {posts / bare:.0f}/s: {bare / ours:.2f}")
        first, events = _first_attempts(played)
        bare = _bare(played, FAN_OUT, events)
        fans.append(first / bare)
        say(f"  to 1,000: ours {first:.2f} s, bare {bare:.2f} s: {first / bare:.2f}")
    return {
        "deliveries_per_s": median(rates),
        "vs_bare": median(shares),
        "fanout_1000_ratio": median(fans),
    }


def _ours(played: Stage, audience: str, orders: int) -> tuple[float, list[str]]:
    """The seconds until all is delivered and recorded, and the events."""
    began, events = played.complete(audience, orders)
    ended = played.wait_until_told()
    played.receiver.take()
    return ended - began, events


def _first_attempts(played: Stage) -> tuple[float, list[str]]:
    """The seconds until one order has gone out to all of a thousand, and its event."""
    began, events = played.complete(FAN_OUT, 1)
    played.wait_until_told()
    return max(at for _, _, at in played.receiver.take()) - began, events


def _bare(played: Stage, audience: str, events: list[str]) -> float:
    seconds = played.post_bare(events, audience, settings().relay.deliver_concurrency)
    played.receiver.take()
    return seconds


def _with_one_dead(played: Stage, rate: float, seconds: float, pairs: int) -> dict[str, float]:
    alive, dead = [], []
    for pair in range(1, pairs + 1):
        alive.append(_p99(_arrivals(played, rate, seconds)))
        played.receiver.kill(DEAD)
        dead.append(_p99(_arrivals(played, rate, seconds, dead=1)))
        played.receiver.revive()
        played.forget_dead(played.audiences[STEADY][0])
        say(f"p99 of the healthy, pair {pair}: {alive[-1]:.3f} s, with 1 % dead {dead[-1]:.3f} s")
    ratio = median(one / other for one, other in zip(dead, alive, strict=True))
    return {"p99_s": median(alive), "dead_p99_ratio": ratio}


def _arrivals(played: Stage, rate: float, seconds: float, *, dead: int = 0) -> list[float]:
    """The seconds from each order's end to its arrival at each healthy subscriber."""
    told_at: dict[str, float] = {}
    began = time.monotonic()
    for place in range(round(rate * seconds)):
        time.sleep(max(0, began + place / rate - time.monotonic()))
        at, (event,) = played.complete(STEADY, 1)
        told_at[event] = at
    played.wait_until_told(most=len(told_at) * dead)
    healthy = [each for each in played.receiver.take() if each[0] != DEAD]
    return [at - told_at[event] for _, event, at in healthy]


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100, method="inclusive")[98]


def _killed(played: Stage, orders: int) -> dict[str, float]:
    """What was lost and doubled when the relay was killed three times under load."""
    deliveries, in_flight = orders * len(played.audiences[LOAD]), 0
    _, events = played.complete(LOAD, orders)
    for share in KILL_AT:
        with relaying(HASTY) as relay:
            played.wait_until_told(most=round(deliveries * share))
            _kill(relay)
            in_flight += played.leased_by(relay)
    with relaying(HASTY):
        played.wait_until_told()
    receipts: list[Receipt] = played.receiver.take()
    times = Tally((path, event) for path, event, _ in receipts)
    expected = {(f"/{LOAD}/{n}", event) for n in range(10) for event in events}
    figures: dict[str, float] = {
        "lost": len(expected - times.keys()),
        "duplicates": len(receipts) - len(times),
        "in_flight": in_flight,
    }
    say(f"killed {len(KILL_AT)} times: {figures}")
    return figures


def _kill(relay: subprocess.Popen[str]) -> None:
    relay.send_signal(signal.SIGKILL)
    wait_until(lambda: relay.poll() is not None, what="the relay is not dead", every=0.001)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push", description=__doc__)
    parser.add_argument("--orders", type=int, default=200, help="to ten subscribers, a part")
    parser.add_argument("--pairs", type=int, default=3, help="of ours and the bare loop")
    parser.add_argument("--rate", type=float, default=1.5, help="orders a second to a hundred")
    parser.add_argument("--seconds", type=float, default=10, help="of arrivals, a part")
    return parser.parse_args()


if __name__ == "__main__":
    main()
