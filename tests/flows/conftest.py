"""One real Prefect server for all flow tests; segments run in threads of the test's process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect import context
from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import BlockDocumentUpdate
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from blocks import loading
from config.prefect_server import SERVER_SETTINGS
from config.settings import settings
from flows import segment
from ordercast.services.platform.app import create_app
from ordercast.services.relay import prefect_server
from ordercast.store import engine, runs, sealing
from tests.flows.floor import Floor
from tests.migrated import have_migrated
from tests.services.platform_server import served
from tests.waiting import free_port, wait_until_healthy

READY_SECONDS = 300
QUICK = {
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
}
"""A run that finds a deployment's limit reached waits half a minute otherwise, and who looks for
an event five seconds."""


@pytest.fixture(scope="package")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a Prefect server that lives as long as the tests of flows."""
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    url = f"http://127.0.0.1:{port}/api"
    have_migrated(home)
    environment = {**os.environ, **SERVER_SETTINGS, **QUICK, "PREFECT_HOME": str(home)}
    prefect = "ordercast.services.embedded_prefect"
    command = [sys.executable, "-m", prefect, "server", "start", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_until_healthy(f"{url}/health", server, READY_SECONDS)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PREFECT_API_URL", url)
            patch.setenv("PREFECT_HOME", str(home))
            patch.setattr(segment, "BEAT_SECONDS", 3600)  # no beat into other tests' databases
            patch.setattr(runs, "SHOW_AFTER", timedelta(0))
            patch.setattr(context, "GLOBAL_SETTINGS_CONTEXT", context.root_settings_context())
            yield url
            APILogWorker.instance().drain()  # what is queued is sent while there is a server
            EventsWorker.drain_all()
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="package")
def deployed(prefect_url: str) -> str:
    """The server with the work pool and the deployments of prefect.yaml."""
    with get_client(sync_client=True) as client:
        prefect_server.prepare(client)
    return prefect_url


@pytest.fixture
def floor(
    deployed: str, migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Floor]:
    """A database of its own, an archive, a platform, and everything that moves orders."""
    shutil.copy(migrated, tmp_path / "ordercast.db")
    app = create_app(f"sqlite:///{tmp_path / 'platform.db'}")
    with served(app) as platform_url:
        monkeypatch.setenv("ORDERCAST_HOME", str(tmp_path))
        monkeypatch.setenv("ORDERCAST_PLATFORM__URL", platform_url)
        monkeypatch.setenv("ORDERCAST_RELAY__PARK_MIN_SECONDS", "0")
        _forget()
        sealing.make_key(tmp_path)
        _save_blocks()
        with Floor.open(platform_url) as opened:
            yield opened
        loading.business_platform().close()
        engine.database().engine.dispose()
    _forget()


def _save_blocks() -> None:
    """Blocks belong to the server, which all tests share: each test points them at its own."""
    with get_client(sync_client=True) as client:
        for block in loading.blocks_from_settings():
            _save(client, block)
    loading.forget_clients()


def _save(client: SyncPrefectClient, block: Block) -> None:
    """Save a block as its `save` does, but for the type and the schema, which are there."""
    document = client.read_block_document_by_name(loading.NAME, block.get_block_type_slug())
    if document.block_schema_id != type(block)._block_schema_id:
        block.save(loading.NAME, overwrite=True)
        return
    about = (document.block_schema_id, document.block_type_id)
    data = block._to_block_document(loading.NAME, *about, include_secrets=True).data
    change = BlockDocumentUpdate(data=data, merge_existing_data=False)
    client.update_block_document(document.id, change)


def _forget() -> None:
    for cached in (settings, engine.database, sealing.sealer):
        cached.cache_clear()
