"""Reconciling with Prefect: every order in flight has its run, and every run its order."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.states import Cancelled
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from config.prefect_server import DEPLOYMENT
from ordercast.store import relaying
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.runs import WaitingFor
from ordercast.store.tables import OrderRun
from tasks.reconcile import Finding
from tasks.step import step

PAGE = 200
LIVE = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED")
REST = wait_fixed(0.5)
GRACE = timedelta(minutes=5)
"""What has just been made or has just ended is not yet, or no more, known to both sides."""

Run = Mapping[str, Any]


@step(name="reconcile-runs")
def reconcile_runs(*, seconds: float, mend: bool) -> tuple[Finding, ...]:
    """Compare the orders in flight with the flow runs that Prefect has, as far as time allows."""
    deadline = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        orders = list(_orders_without_run(client, mend=mend, deadline=deadline))
        return (*orders, *_runs_without_order(client, mend=mend, deadline=deadline))


def _orders_without_run(
    client: SyncPrefectClient, *, mend: bool, deadline: float
) -> Iterator[Finding]:
    after = ("", 0)
    while time.monotonic() < deadline:
        with database().read() as session:
            page = relaying.in_flight_after(session, after, limit=PAGE)
        if not page:
            return
        ids = [str(run.flow_run_id) for run in page]
        known = {row["id"]: row for row in _filter(client, {"id": {"any_": ids}})}
        for run in page:
            row = known.get(str(run.flow_run_id))
            if problem := _problem(run, row):
                if mend and row is None:
                    _launch_again(run)
                mended = mend and row is None
                yield Finding("prefect", run.order_no, run.version, problem, mended=mended)
        after = (page[-1].order_no, page[-1].version)


def _problem(run: OrderRun, row: Run | None) -> str:
    if row is None:
        return "its flow run is not known to Prefect"
    waits_for_person = row["state_type"] == "FAILED" and run.waiting_for == WaitingFor.OPERATOR
    if row["state_type"] in LIVE or waits_for_person or not _is_settled(row):
        return ""
    return f"its flow run is {row['state_name']}, and the order in flight"


def _launch_again(run: OrderRun) -> None:
    with database().write() as session:
        relaying.launch_again(session, run)


def _runs_without_order(
    client: SyncPrefectClient, *, mend: bool, deadline: float
) -> Iterator[Finding]:
    offset = 0
    while time.monotonic() < deadline:
        page = _filter(client, {"state": {"type": {"any_": list(LIVE)}}}, offset=offset)
        lost = _lost(page)
        ended = 0
        for row in lost:
            mended = mend and _end(client, UUID(row["id"]))
            ended += mended
            named = row["parameters"]
            problem = f"its flow run is {row['state_name']}, and the order not in flight"
            order_no, version = named.get("order_no", row["name"]), named.get("version", 1)
            yield Finding("prefect", order_no, version, problem, mended=mended)
        if len(page) < PAGE:
            return
        offset += PAGE - ended


@retry(
    retry=retry_if_exception_type(httpx.HTTPError),
    stop=stop_after_attempt(3),
    wait=REST,
    reraise=True,
)
def _ask_to_end(client: SyncPrefectClient, flow_run_id: UUID) -> None:
    ended = Cancelled(message="no order in flight belongs to this run")
    client.set_flow_run_state(flow_run_id, ended, force=True)


def _end(client: SyncPrefectClient, flow_run_id: UUID) -> bool:
    """End a run; false if the server, whose database may be busy, does not take it now."""
    try:
        _ask_to_end(client, flow_run_id)
    except httpx.HTTPError:
        return False
    return True


def _lost(page: Sequence[Run]) -> list[Run]:
    """Those of the runs that are no order's, and have not been made just now."""
    ids = [UUID(row["id"]) for row in page]
    with database().read() as session:
        ours = {run.flow_run_id for run in relaying.in_flight_of(session, ids)}
    return [row for row in page if UUID(row["id"]) not in ours and _is_settled(row)]


def _is_settled(row: Run) -> bool:
    return now() - datetime.fromisoformat(row["state"]["timestamp"]) > GRACE


def _filter(
    client: SyncPrefectClient, flow_runs: Mapping[str, Any], *, offset: int = 0
) -> list[Run]:
    flow, _, deployment = DEPLOYMENT.partition("/")
    path: Any = "/flow_runs/filter"
    body = {
        "flows": {"name": {"any_": [flow]}},
        "deployments": {"name": {"any_": [deployment]}},
        "flow_runs": dict(flow_runs),
        "limit": PAGE,
        "offset": offset,
        "sort": "ID_DESC",
    }
    return client.request("POST", path, json=body).raise_for_status().json()
