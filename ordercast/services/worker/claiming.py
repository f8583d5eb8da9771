"""Claiming runs: of all workers that want a run, one has it.

A run is claimed by making it Running, fifty at a time; the engine need not do so any more.
Source: Prefect 3.8.8, `POST /flow_runs/bulk_set_state` and `PreventDuplicateTransitions`.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State

from ordercast.services.worker.segment_client import now_in

BULK_SET_STATE: Any = "/flow_runs/bulk_set_state"

CLAIM_LIMIT = 50
"""The most runs that Prefect sets to a state in one call."""

RUNNING = {
    "type": "RUNNING",
    "name": "Running",
    "state_details": {"transition_id": "0c1a1000-0000-4000-8000-000000000000"},
}
"""Every claim is the same transition: a second one on a run is rejected, as made already."""

PENDING = {"type": "PENDING", "name": "Pending"}
"""For runs of a deployment that has a concurrency limit: the server counts them on this way."""


def share(due: int, *, running: int, slots: int) -> int:
    """How many of the runs that are due a worker claims, of whose runs some go on.

    As many as it has threads may wait for one that ends, so that no thread waits for others;
    but only where more are due than it has room for: else other workers may have free threads.
    """
    room = 2 * slots - running
    return min(room if due > room else max(0, slots - running), due, CLAIM_LIMIT)


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
