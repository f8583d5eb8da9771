"""What the relay needs of a Prefect server: the work pool, the deployments, the blocks."""

import logging
import subprocess
import threading

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

from blocks.loading import seed_blocks
from config.prefect_server import WORK_POOL
from config.settings import settings
from ordercast.services.relay.deploying import deploy, missing_deployments

log = logging.getLogger("ordercast.relay")

LOOK_SECONDS = 10


def prepare_until_done(stop: threading.Event) -> None:
    """Prepare the server, and again whenever something turns out to be missing."""
    prepared = False
    with get_client(sync_client=True) as client:
        while not stop.is_set():
            try:
                if not prepared or missing_deployments(client):
                    prepare(client)
                    prepared = True
            except ObjectAlreadyExists:
                log.info("another relay prepares the Prefect server as well")
            except (httpx.HTTPError, subprocess.SubprocessError) as fault:
                log.warning("the Prefect server is not prepared yet: %s", type(fault).__name__)
            except Exception:
                log.exception("the Prefect server cannot be prepared; tried again")
            stop.wait(LOOK_SECONDS if prepared else 1)


def prepare(client: SyncPrefectClient) -> None:
    """Make the work pool, the blocks and the deployments that are missing, or new."""
    _make_pool(client)
    seed_blocks()
    deploy(client)


def _make_pool(client: SyncPrefectClient) -> None:
    try:
        client.create_work_pool(
            WorkPoolCreate(
                name=WORK_POOL,
                type=settings().prefect.work_pool_type,
                description="Runs the orders.",
            )
        )
    except ObjectAlreadyExists:
        return
