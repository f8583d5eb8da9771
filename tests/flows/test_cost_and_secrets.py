"""What an order costs in Prefect, and what nobody may read of it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prefect.client.base import PrefectHttpxSyncClient

from blocks import loading
from config.settings import PROJECT_DIR, settings
from ordercast.store import inbox
from ordercast.store.engine import database
from tests.flows.floor import Floor
from tests.flows.samples import plan_change

SECRET_NAMES = {"ki", "opc", "pin1", "puk1", "id-number"}


def test_an_order_of_a_thousand_lines_costs_prefect_as_much_as_an_order_of_one(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    send = PrefectHttpxSyncClient.send

    def counted(client: PrefectHttpxSyncClient, request: object, *args: object, **more: object):
        asked[f"{request.method} {request.url.path.split('/')[2]}"] += 1  # pyright: ignore
        return send(client, request, *args, **more)  # pyright: ignore

    monkeypatch.setattr(loading, "CACHE_SECONDS", 3600)
    floor.complete(floor.submit(plan_change()))  # clients and blocks are read once, not by order
    costs, steps = [], []
    for lines in (1, 1000):
        order_no = floor.submit(plan_change(lines))
        floor.launch()
        with monkeypatch.context() as patch:
            patch.setattr(PrefectHttpxSyncClient, "send", counted)
            asked.clear()
            floor.complete(order_no)
            costs.append(Counter(asked))
        steps.append(floor.task_names(order_no, 8))
    assert costs[0] == costs[1]
    assert sum(costs[0].values()) < 40  # the floor's own polling included
    assert steps[0] == steps[1]


def test_no_sim_key_leaves_the_sealed_message(
    floor: Floor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = json.loads((PROJECT_DIR / "examples" / "sim-activation.json").read_text())
    secrets = _secrets(document)
    assert len(secrets) >= 4
    order_no = floor.submit(document)
    floor.complete(order_no)
    with database().read() as session:
        kept = inbox.message(session, floor.order(order_no).message_id)
    assert all(secret.encode() in inbox.plain_body(kept) for secret in secrets)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    read = [
        written,
        floor.artifact(order_no).encode(),
        floor.flow_run(order_no).model_dump_json().encode(),
        caplog.text.encode(),
        json.dumps([event.data for event in floor.events(order_no)]).encode(),
    ]
    for secret in secrets:
        assert not any(secret.encode() in each for each in read)
    assert settings().home == tmp_path


def _secrets(node: Any) -> set[str]:
    """The values of the sensitive characteristics, at any depth of an order."""
    if isinstance(node, list):
        return {secret for each in node for secret in _secrets(each)}
    if not isinstance(node, dict):
        return set()
    own = {str(node["value"])} if node.get("name") in SECRET_NAMES else set()
    return own | {secret for each in node.values() for secret in _secrets(each)}
