"""Claiming runs: of all workers that want a run, one has it.

A run is claimed by making it Running, a few at a time; the engine need not do so any more.
Source: Prefect 3.8.8, `POST /flow_runs/bulk_set_state` and `PreventDuplicateTransitions`.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State

from ordercast.services.worker.segment_client import now_in

BULK_SET_STATE: Any = "/flow_runs/bulk_set_state"

AHEAD = 2
"""For each thread so many runs may be claimed and wait, so that no thread waits for others."""

CALL_LIMIT = 4
"""The most runs in one call: Prefect sets one after the other, but answers calls side by side."""

ROUND_LIMIT = 50
"""The most runs that a worker claims in one round."""

RUNNING = {
    "type": "RUNNING",
    "name": "Running",
    "state_details": {"transition_id": "0c1a1000-0000-4000-8000-000000000000"},
}
"""Every claim is the same transition: a second one on a run is rejected, as made already."""

PENDING = {"type": "PENDING", "name": "Pending"}
"""For runs of a deployment that has a concurrency limit: the server counts them on this way."""


def room(*, running: int, slots: int) -> int:
    """How many more runs a worker could hold, in its threads and ahead of them."""
    return (1 + AHEAD) * slots - running


def wanted(*, is_deep: bool, running: int, slots: int) -> int:
    """How many runs a worker claims if there are enough, of whose runs some go on."""
    return min(max(0, _free(is_deep, running, slots)), ROUND_LIMIT)


def has_enough(*, is_deep: bool, running: int, slots: int) -> bool:
    """Whether it is too early to claim more of a backlog: many are fetched at once."""
    most = AHEAD * slots if is_deep else slots
    return _free(is_deep, running, slots) < most / 2


def _free(is_deep: bool, running: int, slots: int) -> int:
    """The room that a worker makes use of.

    It claims ahead of its threads only where the backlog is deep, which is where more are due
    than it has room for: else other workers may have free threads.
    """
    return room(running=running, slots=slots) if is_deep else slots - running


def request(flow_runs: Sequence[FlowRun], state: dict[str, Any]) -> dict[str, Any]:
    """The body that sets those of the runs to a state that are still scheduled."""
    wanted = {
        "id": {"any_": [str(each.id) for each in flow_runs]},
        "state": {"type": {"any_": ["SCHEDULED"]}},
    }
    return {"flow_runs": wanted, "state": state}


def claimed(flow_runs: Sequence[FlowRun], answer: dict[str, Any]) -> list[FlowRun]:
    """Those of the runs that the answer gives to who asked, as they are now."""
    ours = {
        UUID(result["flow_run_id"]): State[Any].model_validate(result["state"])
        for result in answer["results"]
        if result["status"] == "ACCEPT"
    }
    return [now_in(each, ours[each.id]) for each in flow_runs if each.id in ours]
