"""`ordercast archive` as operators run it: a process of its own, the block in a real Prefect."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentUpdate, BlockSchemaCreate

from blocks import loading
from blocks.order_archive import OrderArchive
from config.settings import settings
from tests.flows.floor import Floor
from tests.flows.samples import plan_change


def archive(*commands: Sequence[str]) -> "Iterator[subprocess.CompletedProcess[str]]":
    """What came of each command; they run beside each other."""
    environment = {**os.environ, "ORDERCAST_HOME": str(settings().home.absolute())}

    def run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "ordercast", "archive", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    with ThreadPoolExecutor(len(commands)) as threads:
        yield from threads.map(run, commands)


def test_the_commands_read_the_block_and_say_nothing_of_prefect(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.complete(order_no)
    got, verified, shown = archive(["get", order_no], ["verify"], ["show", order_no])
    assert (got.returncode, got.stderr) == (0, "")
    assert json.loads(got.stdout)["order"]["order_no"] == order_no
    assert (verified.returncode, verified.stdout, verified.stderr) == (
        0,
        "1 checked, 0 faulty\n",
        "",
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "completed" in shown.stdout


def test_a_block_of_an_older_version_gets_the_new_fields_and_keeps_its_own(floor: Floor) -> None:
    OrderArchive(url="file:///elsewhere", timeout_seconds=7).save(loading.NAME, overwrite=True)
    newest = OrderArchive._block_schema_id
    with get_client(sync_client=True) as client:
        document = client.read_block_document_by_name(loading.NAME, "order-archive")
        fields = {"title": "Order archive", "properties": {"url": {"type": "string"}}}
        older = client.create_block_schema(
            BlockSchemaCreate(block_type_id=document.block_type_id, fields=fields)
        )
        data = {"url": "file:///elsewhere", "timeout_seconds": 7}
        change = BlockDocumentUpdate(block_schema_id=older.id, data=data, merge_existing_data=False)
        client.update_block_document(document.id, change)
        loading.seed_blocks()
        seeded = client.read_block_document_by_name(loading.NAME, "order-archive")
    assert seeded.block_schema_id == newest
    assert (seeded.data["url"], seeded.data["timeout_seconds"]) == ("file:///elsewhere", 7)
    assert seeded.data["ca_bundle"] == ""
