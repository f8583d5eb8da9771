"""The artifact of an order: what an operator reads in the Prefect UI, one for each order."""

from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.runtime import flow_run

from config.settings import settings
from flows.templates import template
from flows.waiting import waits_for
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.overview import overview
from ordercast.store.runs import Lease
from ordercast.store.tables import OrderRun

LIMIT = 100
"""The most rows of a table; beyond it only the count is told."""

ARTIFACTS: Any = "/artifacts/"
ARTIFACT: Any = "/artifacts/{id}"


def publish_artifact(lease: Lease) -> OrderRun:
    """Write how the order stands: one API call, whatever its size. Gives its run.

    A flow run has one artifact, which is rewritten: an operator looks for the newest text, and
    Prefect's own functions would keep each one, with events that repeat it.
    """
    with database().read() as session:
        facts = overview(session, lease.order_no, limit=LIMIT)
        waiting = waits_for(facts["run"])
        text = template("order.md.j2").render(
            facts,
            waiting=waiting,
            at=now(),
            limit=LIMIT,
            gateway_url=settings().gateway_url,
        )
    shown = {"data": text, "description": waiting or facts["order"].title}
    with get_client(sync_client=True) as client:
        lease.artifact_id = _written(client, lease, shown)
    return facts["run"]


def _written(client: SyncPrefectClient, lease: Lease, shown: dict[str, str]) -> UUID:
    """The artifact that shows it now; one that somebody has deleted is followed by another."""
    if lease.artifact_id is not None:
        try:
            client.request("PATCH", ARTIFACT, path_params={"id": lease.artifact_id}, json=shown)
            return lease.artifact_id
        except httpx.HTTPStatusError as fault:
            if fault.response.status_code != httpx.codes.NOT_FOUND:
                raise
    about = {"key": lease.order_no, "type": "markdown", "flow_run_id": flow_run.id}
    return UUID(client.request("POST", ARTIFACTS, json={**about, **shown}).json()["id"])
