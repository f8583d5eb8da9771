"""A running Ordercast whose archive is a real S3 server: locked, away, and with a key withdrawn."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import CONFIG_DIR
from tests.flows.samples import plan_change
from tests.journeys.stack import Stack, running
from tests.services.s3_server import S3Server
from tests.waiting import wait_for

pytestmark = pytest.mark.service

USER = "journey"
ORDERS = 4
RULES = """
buckets:
  agent-channel:
    lock: {mode: governance, days: 2}
    lifecycle:
      - {expire_days: 30}
"""


@pytest.fixture(scope="module")
def stack(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    place = tmp_path_factory.mktemp("s3")
    tags = place / "tags.yaml"
    tags.write_text((CONFIG_DIR / "tags.yaml").read_text(encoding="utf-8") + RULES)
    settings = {
        "ORDERCAST_ARCHIVE__URL": s3_server.url_of(s3_server.own.add_user(USER)),
        "ORDERCAST_ARCHIVE__BUCKET_PREFIX": "journey-",
        "ORDERCAST_TAGS": str(tags),
    }
    with running(place / "home", **settings) as started:
        yield started
    S3Server(s3_server.url_of(s3_server.own.add_key(USER))).end_lifecycles()


def test_evidence_is_found_read_and_verified_in_locked_buckets(stack: Stack) -> None:
    order_no = done(stack)
    stack.wait_for_state(order_no, "completed")
    [found] = json.loads(said(stack, "find", "--json"))
    assert (found["bucket"], found["state"]) == ("journey-agent-channel", "completed")
    assert json.loads(said(stack, "get", order_no))["order"]["order_no"] == order_no
    assert said(stack, "verify") == "1 checked, 0 faulty\n"


def test_an_outage_of_the_archive_parks_orders_which_end_by_themselves(
    stack: Stack, s3_server: S3Server
) -> None:
    s3_server.own.stop_gateway()
    try:
        order_nos = [done(stack) for _ in range(ORDERS)]
        for order_no in order_nos:
            wait_for(
                lambda no=order_no: waits_for(stack, no, "parked", "archive"),
                what=f"{order_no} is not parked",
                seconds=90,
            )
    finally:
        s3_server.own.start_gateway()
    for order_no in order_nos:
        stack.wait_for_state(order_no, "completed")


def test_a_withdrawn_key_fails_visibly_and_is_finished_by_retry_without_a_restart(
    stack: Stack, s3_server: S3Server
) -> None:
    worker = stack.pid_of("worker")
    block = block_document(stack)
    new = s3_server.own.add_key(USER)
    s3_server.own.withdraw_key(USER, block["data"]["key"])
    order_no = done(stack)
    wait_for(
        lambda: waits_for(stack, order_no, "operator", "InvalidAccessKeyId"),
        what=f"{order_no} does not wait for a person",
        seconds=90,
    )
    wait_for(
        lambda: state_in_prefect(stack, order_no) == "Failed",
        what=f"the run of {order_no} is not Failed",
        seconds=30,
    )
    patch_block(stack, block["id"], key=new.key, secret=new.secret)
    assert stack.run("orders", "retry", order_no).returncode == 0
    stack.wait_for_state(order_no, "completed")
    stack.wait_for_state(done(stack), "completed")
    assert stack.pid_of("worker") == worker


def done(stack: Stack) -> str:
    """An order whose work is all reported."""
    order_no = stack.submit(plan_change())
    stack.wait_for_work(order_no)
    stack.report_all(order_no)
    return order_no


def said(stack: Stack, *arguments: str) -> str:
    """What a command of the archive prints, which complains of nothing."""
    answer = stack.run("archive", *arguments)
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stdout
    return answer.stdout


def waits_for(stack: Stack, order_no: str, *words: str) -> bool:
    waiting_for = stack.order(order_no).get("waitingFor") or ""
    return all(word in waiting_for for word in words)


def block_document(stack: Stack) -> dict[str, Any]:
    path = "/block_types/slug/order-archive/block_documents/name/default"
    return stack.ask_prefect("GET", path, params={"include_secrets": True})


def patch_block(stack: Stack, block_id: str, **data: str) -> None:
    body = {"data": data, "merge_existing_data": True}
    stack.ask_prefect("PATCH", f"/block_documents/{block_id}", json=body)


def state_in_prefect(stack: Stack, order_no: str) -> str:
    body = {"flow_runs": {"name": {"like_": order_no}}}
    [run] = stack.ask_prefect("POST", "/flow_runs/filter", json=body)
    return run["state"]["name"]
