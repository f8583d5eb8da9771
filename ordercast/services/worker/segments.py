"""Running segments of flow runs in the threads of one live process."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Abort, Pause
from prefect.flow_engine import run_flow_sync
from prefect.flows import Flow
from prefect.settings import (
    PREFECT_CLIENT_RETRY_EXTRA_CODES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)

from ordercast.services.worker.segment_client import begin, open_client
from ordercast.services.worker.task_events import spare_this_thread

log = logging.getLogger("ordercast.worker")

IN_SEGMENTS: dict[Any, Any] = {
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    PREFECT_CLIENT_RETRY_EXTRA_CODES: {500},
}
"""Prefect's heartbeat joins a thread that sleeps up to a second each segment; ours is in the
database, one for the whole process. Its server answers 500 while its database is restarted:
a segment waits for it as for one that answers 503, for a minute."""

ENGINE_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
"""What they say of every step that went well, the step's own record says as well."""

_of_thread = threading.local()


class SegmentThreads:
    """Threads that run segments, each with a Prefect client of its own that stays open."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(
            threads, thread_name_prefix="segment", initializer=_prepare_thread
        )
        for name in ENGINE_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)

    def submit(self, flow: Flow, flow_run: FlowRun) -> "Future[None]":
        """Run the next segment of a claimed run; what goes wrong in it is the engine's to tell."""
        return self._threads.submit(_run_segment, flow, flow_run)

    def drain(self) -> None:
        """Wait for all that was claimed to end: each client has its own time limit."""
        self._threads.shutdown(wait=True)


def _prepare_thread() -> None:
    """Prefect's settings and its client are made once for each thread: both are dear."""
    _of_thread.settings = temporary_settings(IN_SEGMENTS)
    _of_thread.settings.__enter__()
    open_client()
    spare_this_thread()


def _run_segment(flow: Flow, flow_run: FlowRun) -> None:
    # Without a deployment id the engine opens no websocket to watch for suspension, which
    # costs a thread and seconds a run; its client then gives it the real run by itself.
    unobserved = flow_run.model_copy(update={"deployment_id": None})
    begin(flow_run)
    try:
        run_flow_sync(
            flow, flow_run=unobserved, parameters=flow_run.parameters, return_type="state"
        )
    except (Abort, Pause) as signal:
        log.debug("%s: %s", flow_run.name, type(signal).__name__)
    except Exception:
        log.exception("%s: the engine failed", flow_run.name)
