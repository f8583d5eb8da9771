"""The worker: runs the segments of orders as Prefect hands them out."""

import runpy
import sys

from config.settings import settings
from ordercast.services.relay.prefect_server import WORK_POOL


def run() -> None:
    """Run Prefect's own worker on the orders' work pool, in this process, until it is stopped."""
    chosen = settings().prefect
    sys.argv = [
        "prefect",
        "worker",
        "start",
        "--pool",
        WORK_POOL,
        "--type",
        chosen.work_pool_type,
        "--limit",
        str(chosen.worker_limit),
    ]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
