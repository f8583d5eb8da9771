"""What the relay needs of a Prefect server: the work pool, the deployments, the blocks."""

import logging
import subprocess
import sys
import threading

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from blocks.loading import seed_blocks
from config.prefect_server import DEPLOYMENT, WORK_POOL
from config.settings import PROJECT_DIR, child_environment, settings

log = logging.getLogger("ordercast.relay")

LOOK_SECONDS = 10


def prepare_until_done(stop: threading.Event) -> None:
    """Prepare the server, and again whenever its database turns out to be new."""
    prepared = False
    with get_client(sync_client=True) as client:
        while not stop.is_set():
            try:
                if not prepared or not _is_deployed(client):
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
    """Make the work pool and the blocks that are missing, and update the deployments."""
    _make_pool(client)
    seed_blocks()
    _deploy()


def _is_deployed(client: SyncPrefectClient) -> bool:
    try:
        client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        return False
    return True


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


def _deploy() -> None:
    """Apply prefect.yaml with Prefect's own command, which updates what is there in place."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(  # noqa: S603 (our own interpreter and arguments)
        command,
        cwd=PROJECT_DIR,
        env=child_environment({}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        log.error("prefect deploy failed:\n%s%s", done.stdout, done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
