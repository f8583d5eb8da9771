"""A large order through the whole flow: its results are archived, told of, and given by link."""

import gzip
import json
from hashlib import sha256

from fastapi.testclient import TestClient
from sqlmodel import select

from config.settings import settings
from ordercast.store.archive import entry
from ordercast.store.engine import database
from ordercast.store.push_tables import PushEvent
from tests.flows.floor import Floor
from tests.flows.samples import plan_change
from tests.gateway import gateway

LINES = 25


def test_the_gateway_gives_the_results_from_the_archive_of_the_block(floor: Floor) -> None:
    order_no = floor.submit(plan_change(LINES))
    assert floor.complete(order_no).state == "completed"
    with database().read() as session:
        told = session.exec(select(PushEvent).where(PushEvent.type == "order.completed")).one()
        kept = entry(session, order_no)
    assert kept.results
    assert kept.results.bucket == kept.bucket
    assert kept.results.key == kept.key.replace("v1.json.gz", "v1.results.ndjson.gz")
    link = told.data["results"]
    assert link["sha256"] == kept.results.sha256
    with TestClient(gateway(), base_url=settings().gateway_url) as client:
        answer = client.get(link["url"])
    assert answer.status_code == 200
    assert sha256(answer.content).hexdigest() == link["sha256"]
    rows = [json.loads(row) for row in gzip.decompress(answer.content).splitlines()]
    assert [row["line_no"] for row in rows] == list(range(1, LINES + 1))
    assert {row["state"] for row in rows} == {"completed"}
    assert all(row["msisdn"].startswith("86138****") for row in rows)
