"""The warm worker: a Prefect worker that runs segments in threads of one live process.

A stock process worker starts a Python process for every segment, which takes seconds; this
one has the flows loaded and its clients open. Heartbeats, work pools, queues, limits and
pauses are Prefect's own. Source: Prefect 3.8.8, `prefect.workers.base.BaseWorker`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.workers.base import BaseJobConfiguration, BaseWorker, BaseWorkerResult

from config.settings import settings
from ordercast.services.worker import claiming
from ordercast.services.worker.segments import SegmentThreads
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.nudges import Listener, Topic

log = logging.getLogger("ordercast.worker")

SCHEDULED: Any = "/work_pools/{name}/get_scheduled_flow_runs"
LISTEN_SECONDS = 5
DEPLOYMENT_SECONDS = 30

GATHER_SECONDS = 0.02
"""Nudges that come together make one question."""


class WarmWorker(BaseWorker[BaseJobConfiguration, Any, BaseWorkerResult]):
    """Runs any deployment of a work pool whose flows are importable by module."""

    type = "ordercast-warm"
    _description = "Runs segments of orders in threads of one live process."
    _display_name = "Ordercast warm worker"

    async def setup(self) -> None:
        """Open the threads, then set up as any worker."""
        self._slots = self._limit or settings().prefect.worker_limit
        self._threads = SegmentThreads(self._slots)
        self._running: set[UUID] = set()
        self._deployments: dict[UUID, Deployed] = {}
        self._backlog, self._is_deep, self._asked = False, False, 0
        self._polling = asyncio.Lock()
        self._look = asyncio.Event()
        await super().setup()
        assert self._runs_task_group is not None
        self._listening = _listen(self._look)
        self._runs_task_group.start_soon(self._poll_when_nudged)

    async def teardown(self, *exc_info: Any) -> None:
        """Let running segments end, then close as any worker."""
        self._listening.set()
        if self._runs_task_group is not None:
            self._runs_task_group.cancel_scope.cancel()
        await asyncio.to_thread(self._threads.drain)
        await super().teardown(*exc_info)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Ask for scheduled runs and start those that are claimed, one round at a time."""
        async with self._polling:
            if not self._has_successfully_synced:
                await self._catch_up()
            if claiming.wanted(**self._load) == 0:
                return []
            return await super().get_and_submit_flow_runs()

    async def _catch_up(self) -> None:
        """The server, or the pool, came after this worker: it does not wait for a heartbeat."""
        try:
            await self.sync_with_backend()
        except httpx.HTTPError as fault:
            log.debug("no work pool yet: %s", type(fault).__name__)

    @property
    def _load(self) -> dict[str, Any]:
        """What claiming goes by: the backlog as it was when this worker asked last."""
        return {"is_deep": self._is_deep, "running": len(self._running), "slots": self._slots}

    async def _poll_when_nudged(self) -> None:
        """Ask at once when the relay has made something runnable, or a thread has become free."""
        while True:
            await self._look.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._look.clear()
            if self._backlog and claiming.has_enough(**self._load):
                continue
            try:
                await self.get_and_submit_flow_runs()
            except httpx.HTTPError as fault:
                log.warning("cannot ask for runs now: %s", type(fault).__name__)

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """The least that Prefect takes: it validates job variables for every run."""
        return {"job_configuration": {"runs": "in a thread"}, "variables": {"properties": {}}}

    async def run(self, flow_run: FlowRun, *_: Any, **__: Any) -> BaseWorkerResult:
        """Not used: segments are run by `_submit_scheduled_flow_runs`."""
        raise RuntimeError(f"{flow_run.id}: a warm worker starts no infrastructure")

    async def _setup_cancellation_observer(self) -> None:
        """A thread cannot be killed: a cancelled run is ended by the relay after its segment."""

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        """The runs that are due: one more than this worker has room for, not Prefect's 200."""
        self._asked = claiming.room(running=len(self._running), slots=self._slots)
        body = {
            "work_queue_names": list(self._work_queues),
            "scheduled_before": now().isoformat(),
            "limit": self._asked + 1,
        }
        try:
            response = await self.client.request(
                "POST", SCHEDULED, path_params={"name": self._work_pool_name}, json=body
            )
        except httpx.HTTPStatusError as fault:
            if fault.response.status_code == httpx.codes.NOT_FOUND:
                return []  # the pool is gone, and comes back with the next heartbeat
            raise
        return WorkerFlowRunResponse.model_validate_list(response.json())

    async def _submit_scheduled_flow_runs(
        self, flow_run_response: list[WorkerFlowRunResponse]
    ) -> list[FlowRun]:
        """Claim as many of the scheduled runs as there is room for, and run them."""
        fresh = [
            each.flow_run for each in flow_run_response if each.flow_run.id not in self._running
        ]
        self._is_deep = len(fresh) > self._asked
        share = min(len(fresh), claiming.wanted(**self._load))
        self._backlog = len(fresh) > share
        claimed = await self._claim_and_start(await self._runnable(fresh[:share]))
        if self._backlog and len(claimed) < share:
            self._look.set()  # another worker was faster
        return claimed

    async def _claim_and_start(self, flow_runs: list[FlowRun]) -> list[FlowRun]:
        """Claim runs a few at a time, side by side, and run each few as soon as they are ours."""
        calls = [self._claim(some) for some in chunks(flow_runs, claiming.CALL_LIMIT)]
        claimed: list[FlowRun] = []
        faults: list[BaseException] = []
        for each in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(each, BaseException):
                faults.append(each)
            else:
                claimed += each
        if faults:
            raise faults[0]  # those that were claimed run
        return claimed

    async def _runnable(self, flow_runs: list[FlowRun]) -> list[FlowRun]:
        """Those whose flow is known; a run whose flow is not crashes, and delays no other."""
        found = []
        for each in flow_runs:
            try:
                await self._look_up(each)
            except httpx.HTTPError:
                raise
            except Exception as fault:
                message = f"its flow cannot be loaded: {type(fault).__name__}: {fault}"
                await self._propose_crashed_state(each, message)
            else:
                found.append(each)
        return found

    async def _claim(self, flow_runs: Sequence[FlowRun]) -> list[FlowRun]:
        """Start those of the runs that are this worker's now: whoever makes one Running has it.

        A deployment's own concurrency limit counts runs as they become Pending; the runs of
        such a one take that way round.
        """
        free = [each for each in flow_runs if not self._deployed(each).is_limited]
        counted = [each for each in flow_runs if self._deployed(each).is_limited]
        claimed = [
            *await self._take(free, claiming.RUNNING),
            *await self._take(counted, claiming.PENDING),
        ]
        for flow_run in claimed:
            self._start(flow_run)
        return claimed

    async def _take(self, flow_runs: list[FlowRun], state: dict[str, Any]) -> list[FlowRun]:
        if not flow_runs:
            return []
        body = claiming.request(flow_runs, state)
        response = await self.client.request("POST", claiming.BULK_SET_STATE, json=body)
        return claiming.claimed(flow_runs, response.raise_for_status().json())

    def _start(self, flow_run: FlowRun) -> None:
        self._running.add(flow_run.id)
        ended = asyncio.wrap_future(self._threads.submit(self._deployed(flow_run).flow, flow_run))
        ended.add_done_callback(lambda _: self._ended(flow_run.id))

    def _ended(self, flow_run_id: UUID) -> None:
        self._running.discard(flow_run_id)
        if self._backlog:
            self._look.set()

    async def _look_up(self, flow_run: FlowRun) -> None:
        """Look up a run's deployment, unless that was done just now; it names a flow by module."""
        deployment_id = flow_run.deployment_id
        assert deployment_id is not None  # only deployments have a work pool
        known = self._deployments.get(deployment_id)
        if known and not known.is_old:
            return
        deployment = await self.client.read_deployment(deployment_id)
        flow = load_flow_from_entrypoint(deployment.entrypoint or "", use_placeholder_flow=False)
        is_limited = deployment.global_concurrency_limit is not None
        self._deployments[deployment_id] = Deployed(flow, is_limited)

    def _deployed(self, flow_run: FlowRun) -> "Deployed":
        assert flow_run.deployment_id is not None
        return self._deployments[flow_run.deployment_id]


@dataclass(frozen=True)
class Deployed:
    """What a worker knows of a deployment, and since when (monotonic seconds)."""

    flow: Flow
    is_limited: bool
    since: float = field(default_factory=time.monotonic)

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self.since > DEPLOYMENT_SECONDS


def _listen(look: asyncio.Event) -> threading.Event:
    """Set an event of this loop at every nudge, until the event that is returned is set."""
    loop, stop = asyncio.get_running_loop(), threading.Event()

    def hear() -> None:
        with closing(Listener(Topic.CLAIM)) as listener:
            while not stop.is_set():
                if listener.wait(LISTEN_SECONDS) and not stop.is_set():
                    loop.call_soon_threadsafe(look.set)

    threading.Thread(target=hear, name="claim-listener", daemon=True).start()
    return stop
