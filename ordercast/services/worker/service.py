"""The worker service: runs the segments of orders as Prefect hands them out."""

import asyncio
import runpy
import signal
import sys
from typing import Any

from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings

from config.prefect_server import WORK_POOL
from config.settings import settings
from ordercast.services.worker.warm_worker import WarmWorker


def run() -> None:
    """Run a worker on the orders' work pool until it is told to stop.

    The setting `ORDERCAST_PREFECT__WORK_POOL_TYPE` says which: the warm worker, or Prefect's
    own worker of that type, which runs the same flows.
    """
    chosen = settings().prefect
    if chosen.work_pool_type != WarmWorker.type:
        return _run_stock(chosen.work_pool_type, chosen.worker_limit)
    with temporary_settings({PREFECT_WORKER_QUERY_SECONDS: chosen.worker_poll_seconds}):
        asyncio.run(_run_warm(chosen.worker_limit))
    return None


async def _run_warm(limit: int) -> None:
    worker = asyncio.create_task(WarmWorker(WORK_POOL, limit=limit).start())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, worker.cancel)
    await asyncio.wait([worker])
    _tell_failure(worker)


def _tell_failure(worker: "asyncio.Task[Any]") -> None:
    if not worker.cancelled() and (fault := worker.exception()):
        raise fault


def _run_stock(pool_type: str, limit: int) -> None:
    sys.argv = ["prefect", "worker", "start", "--pool", WORK_POOL]
    sys.argv += ["--type", pool_type, "--limit", str(limit)]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
