"""A Prefect client for the threads of segments: it answers what is known already.

Before a segment begins, the engine asks where results are kept, writes the flow's version and
policy to the run, reads the run again, and makes it Running, which the worker has done when it
claimed it. That is four calls a segment of an API server whose processor is what limits the
whole. Source: Prefect 3.8.8, `prefect.flow_engine` and `prefect.results`.
"""

from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import (
    OrchestrationResult,
    SetStateStatus,
    StateAcceptDetails,
)
from prefect.context import SyncClientContext
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL

ENGINES_OWN = {"flow_version", "empirical_policy"}
"""What the engine writes to each run: the policy is as it read it, and nobody asks the version."""


class SegmentClient(SyncPrefectClient):
    """The client of one thread; it knows the run that the thread is about to work on."""

    _begun: FlowRun | None = None
    _claimed: UUID | None = None
    _result_storage: Any = None

    def begin(self, flow_run: FlowRun) -> None:
        """The engine starts on this run: its first reading is answered from here.

        So is its wish to make it Running, if the run is that already.
        """
        self._begun = flow_run
        self._claimed = flow_run.id if flow_run.state and flow_run.state.is_running() else None

    def set_flow_run_state(
        self, flow_run_id: UUID | str, state: State[Any], force: bool = False
    ) -> OrchestrationResult[Any]:
        claimed, self._claimed = self._claimed, None
        if claimed == flow_run_id and state.is_running() and self._begun:
            return _accepted(self._begun.state)
        answer = super().set_flow_run_state(flow_run_id, state, force)
        if self._begun and self._begun.id == flow_run_id and answer.state:
            self._begun = now_in(self._begun, answer.state)
        return answer

    def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        begun, self._begun = self._begun, None
        if begun and begun.id == flow_run_id:
            return begun
        return super().read_flow_run(flow_run_id)

    def update_flow_run(self, flow_run_id: UUID, *args: Any, **changes: Any) -> httpx.Response:
        if not args and changes.keys() <= ENGINES_OWN:
            return httpx.Response(204)
        return super().update_flow_run(flow_run_id, *args, **changes)

    def read_server_default_result_storage(self) -> Any:
        if self._result_storage is None:
            self._result_storage = super().read_server_default_result_storage()
        return self._result_storage


def _accepted(state: State[Any] | None) -> OrchestrationResult[Any]:
    return OrchestrationResult(
        state=state, status=SetStateStatus.ACCEPT, details=StateAcceptDetails()
    )


def now_in(flow_run: FlowRun, state: State[Any]) -> FlowRun:
    """The run as the server has it after a transition; to resume does not count as a run."""
    changes: dict[str, Any] = {"state": state, "state_type": state.type, "state_name": state.name}
    if not state.is_running():
        return flow_run.model_copy(update=changes)
    policy = flow_run.empirical_policy
    changes["run_count"] = flow_run.run_count + (not policy.resuming)
    changes["empirical_policy"] = policy.model_copy(update={"resuming": False})
    return flow_run.model_copy(update=changes)


def open_client() -> None:
    """Open the client of this thread; it stays open as long as the thread lives."""
    context = SyncClientContext()
    context.client = SegmentClient(
        PREFECT_API_URL.value(),
        auth_string=PREFECT_API_AUTH_STRING.value(),
        api_key=PREFECT_API_KEY.value(),
    )
    context.__enter__()


def begin(flow_run: FlowRun) -> None:
    """This thread's segment is the next one of that run."""
    context = SyncClientContext.get()
    if context and isinstance(context.client, SegmentClient):
        context.client.begin(flow_run)
