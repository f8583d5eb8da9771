"""Prefect's own process worker, with the same flows, on the server of a stack."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.stack import BenchStack
from benchmarks.telling import say
from benchmarks.waiting import wait_until
from ordercast.services.child import Child

LIMIT = 8
LEAST_ORDERS = 24
POOL = "stock"


@contextmanager
def stock_worker(bench: BenchStack) -> Iterator[None]:
    """New orders go to a stock worker; ours stands still meanwhile, and costs nothing."""
    say(f"starting Prefect's process worker, limit {LIMIT}")
    with _worker(bench), bench.orders_go_to(POOL), bench.frozen(["worker"]):
        yield


@contextmanager
def _worker(bench: BenchStack) -> Iterator[None]:
    arguments = ["prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    arguments += ["--limit", str(LIMIT), "--name", "stock"]
    worker = Child("stock", arguments, bench.home / "logs", bench.stack.environment)
    leash, hand = os.pipe()
    worker.start(leash)
    os.close(leash)
    try:
        wait_until(lambda: _is_online(bench), what="the stock worker is not online", every=0.5)
        yield
    finally:
        worker.stop()
        os.close(hand)


def _is_online(bench: BenchStack) -> bool:
    answer = bench.prefect.post(f"work_pools/{POOL}/workers/filter", json={})
    return answer.status_code == 200 and any(each["status"] == "ONLINE" for each in answer.json())
