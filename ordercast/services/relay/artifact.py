"""Artifact: what an operator reads of an order in Prefect is written after each segment."""

import logging
from uuid import UUID

import httpx

from flows.artifact import shown
from ordercast.services.relay.loop import AWAY
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.store import relaying
from ordercast.store.engine import database
from ordercast.store.tables import OrderRun

log = logging.getLogger("ordercast.relay")

LIMIT = 20


def write_artifacts(api: PrefectApi) -> bool:
    """Write the artifacts that are due, twenty at a time, each in one call to Prefect.

    An order that goes on meanwhile is due again.
    """
    with database().write() as session:
        due = relaying.lease_artifacts(session, limit=LIMIT)
    written: list[tuple[OrderRun, UUID]] = []
    try:
        for run in due:
            if artifact_id := _written(api, run):
                written.append((run, artifact_id))
    finally:
        if written:
            with database().write() as session:
                relaying.artifacts_written(session, written)
    return len(due) == LIMIT


def _written(api: PrefectApi, run: OrderRun) -> UUID | None:
    """The artifact of the run's flow run, which shows it now; None if it cannot be written.

    A flow run has one, which is rewritten: an operator looks for the newest text. One that
    somebody has deleted is followed by another.
    """
    assert run.flow_run_id is not None
    try:
        with database().read() as session:
            text = shown(session, run.order_no)
        if run.artifact_id and api.rewrite_artifact(run.artifact_id, text):
            return run.artifact_id
        return api.make_artifact(run.flow_run_id, run.order_no, text)
    except httpx.HTTPStatusError as fault:
        answer = fault.response
        if answer.is_server_error:
            raise
        log.warning("%s: Prefect refuses its artifact: %d", run.order_no, answer.status_code)
    except AWAY:
        raise
    except Exception:
        log.exception("%s: its artifact cannot be written; tried again later", run.order_no)
    return None
