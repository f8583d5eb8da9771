"""The relay's Prefect client: few calls, in bulk."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import Event

from config.prefect_server import DEPLOYMENT, PARKED, SUSPENDED
from ordercast.services.relay.remedies import FlowRunState
from ordercast.store.chunks import chunks
from ordercast.store.clock import now

CREATE_LIMIT = 100
SET_STATE_LIMIT = 50
READ_LIMIT = 200
PAUSES_SECONDS = (0.05, 0.2, 0.5)


@dataclass(frozen=True)
class NewFlowRun:
    """A flow run to create; the same key never creates a second one."""

    key: str
    name: str
    parameters: Mapping[str, Any]
    tags: Sequence[str]
    start_at: datetime | None = None

    def as_request(self) -> dict[str, Any]:
        request: dict[str, Any] = {
            "idempotency_key": self.key,
            "name": self.name,
            "parameters": dict(self.parameters),
            "tags": list(self.tags),
        }
        if self.start_at:
            request["state"] = _scheduled("Scheduled", self.start_at)
        return request


@contextmanager
def prefect_api() -> Iterator["PrefectApi"]:
    """A client for one thread. Its calls raise httpx.HTTPError while the server is away."""
    with get_client(sync_client=True) as client:
        yield PrefectApi(client)


class PrefectApi:
    """What the relay asks of the Prefect server."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self._client = client
        self._deployment: UUID | None = None

    def forget_deployment(self) -> None:
        """Look the deployment up again at the next use: the server's database may be new."""
        self._deployment = None

    def deployment(self) -> UUID:
        """The id of the order deployment; ObjectNotFound if it is not deployed."""
        if self._deployment is None:
            self._deployment = self._client.read_deployment_by_name(DEPLOYMENT).id
        return self._deployment

    def create_runs(self, runs: Sequence[NewFlowRun]) -> dict[str, UUID | str]:
        """Create up to 100 runs; for each key the flow run's id, or what is wrong with it.

        Those that fail are tried again, at first together: Prefect's SQLite is locked for a
        moment now and then. Then one by one: one bad row can spoil a whole transaction.
        """
        made = self._create(runs)
        for pause in PAUSES_SECONDS:
            if failed := [run for run in runs if isinstance(made[run.key], str)]:
                time.sleep(pause)
                made |= self._create(failed)
        for run in runs:
            if isinstance(made[run.key], str):
                made |= self._create([run])
        return made

    def _create(self, runs: Sequence[NewFlowRun]) -> dict[str, UUID | str]:
        body = [run.as_request() for run in runs]
        path = f"/deployments/{self.deployment()}/create_flow_run/bulk"
        results = self._post(path, body)["results"]
        return {
            run.key: UUID(made["flow_run_id"]) if made["status"] == "CREATED" else made["error"]
            for run, made in zip(runs, results, strict=True)
        }

    def resume_suspended(self, flow_run_ids: Sequence[UUID]) -> set[UUID]:
        """Resume those of up to 50 runs that are suspended now, and say which they were."""
        names = {"any_": [SUSPENDED, PARKED]}
        suspended = {"type": {"any_": ["PAUSED"]}, "name": names}
        body = {
            "flow_runs": {"id": _any(flow_run_ids), "state": suspended},
            "state": _scheduled("Resuming"),
        }
        results = self._post("/flow_runs/bulk_set_state", body)["results"]
        return {UUID(each["flow_run_id"]) for each in results if each["status"] == "ACCEPT"}

    def schedule(self, flow_run_ids: Sequence[UUID], name: str, at: datetime | None = None) -> None:
        """Schedule runs whatever state they are in, at once unless a time is given."""
        self._force(flow_run_ids, _scheduled(name, at))

    def fail(self, flow_run_ids: Sequence[UUID], message: str) -> None:
        """End runs as failed, for the reason that the message gives."""
        self._force(flow_run_ids, {"type": "FAILED", "name": "Failed", "message": message})

    def _force(self, flow_run_ids: Sequence[UUID], state: Mapping[str, Any]) -> None:
        for some in chunks(list(flow_run_ids), SET_STATE_LIMIT):
            body = {"flow_runs": {"id": _any(some)}, "state": state, "force": True}
            self._post("/flow_runs/bulk_set_state", body)

    def states(self, flow_run_ids: Sequence[UUID]) -> dict[UUID, FlowRunState]:
        """The states of those runs that exist."""
        found: dict[UUID, FlowRunState] = {}
        for some in chunks(list(flow_run_ids), READ_LIMIT):
            found |= self._filter({"id": _any(some)})
        return found

    def ended_since(self, moment: datetime) -> dict[UUID, FlowRunState]:
        """Runs that were cancelled or have crashed since then, 200 at most."""
        return self._filter(
            {
                "deployment_id": _any([self.deployment()]),
                "state": {"type": {"any_": ["CANCELLED", "CRASHED", "CANCELLING"]}},
                "end_time": {"after_": moment.isoformat()},
            }
        )

    def emit(self, events: Sequence[Event]) -> None:
        """Tell Prefect of events; unlike its own `emit_event`, with an error if that fails."""
        body = [event.model_dump(mode="json") for event in events]
        self._client.request("POST", "/events", json=body).raise_for_status()

    def make_artifact(self, flow_run_id: UUID, key: str, shown: Mapping[str, str]) -> UUID:
        """A new artifact of a flow run, in Markdown."""
        about = {"key": key, "type": "markdown", "flow_run_id": str(flow_run_id)}
        return UUID(self._post("/artifacts/", {**about, **shown})["id"])

    def rewrite_artifact(self, artifact_id: UUID, shown: Mapping[str, str]) -> bool:
        """Have an artifact show something else; False if there is none of that id.

        Prefect's own functions would keep each text, with events that repeat it.
        """
        path: Any = f"/artifacts/{artifact_id}"
        try:
            self._client.request("PATCH", path, json=dict(shown)).raise_for_status()
        except httpx.HTTPStatusError as fault:
            if fault.response.status_code != httpx.codes.NOT_FOUND:
                raise
            return False
        return True

    def _filter(self, flow_runs: Mapping[str, Any]) -> dict[UUID, FlowRunState]:
        body = {"flow_runs": dict(flow_runs), "limit": READ_LIMIT, "sort": "END_TIME_DESC"}
        rows = self._post("/flow_runs/filter", body)
        return {UUID(row["id"]): _state(row["state"]) for row in rows if row["state"]}

    def _post(self, path: Any, body: Any) -> Any:
        response = self._client.request("POST", path, json=body)
        response.raise_for_status()
        return response.json()


def _any(ids: Sequence[UUID]) -> dict[str, list[str]]:
    return {"any_": [str(each) for each in ids]}


def _scheduled(name: str, at: datetime | None = None) -> dict[str, Any]:
    moment = (at or now()).isoformat()
    return {"type": "SCHEDULED", "name": name, "state_details": {"scheduled_time": moment}}


def _state(row: Mapping[str, Any]) -> FlowRunState:
    since = datetime.fromisoformat(row["timestamp"])
    return FlowRunState(row["type"], row["name"], since, row.get("message") or "")
