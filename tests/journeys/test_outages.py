"""An Ordercast on PostgreSQL, an S3 server and a platform of others: each goes away and comes back.

Orders park visibly meanwhile, hold no thread, and end by themselves; only a key that was withdrawn
waits for a person.
"""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI

from config.database_urls import for_ordercast
from config.settings import CONFIG_DIR
from ordercast.services.platform.app import create_app
from tests.flows.samples import plan_change
from tests.journeys.stack import Stack, running
from tests.plain_http import HTTP
from tests.services.platform_server import served
from tests.services.postgres import Cluster
from tests.services.s3_server import S3Server
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.service

USER = "journey"
ORDERS = 4
MORE_ORDERS_THAN_THREADS = 15
RULES = """
buckets:
  agent-channel:
    lock: {mode: governance, days: 2}
    lifecycle:
      - {expire_days: 30}
"""
NAMES = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"


class Platform:
    """The platform of others, on PostgreSQL like the rest; it may be away for a while."""

    def __init__(self, app: FastAPI) -> None:
        self._app, self._port, self._served = app, free_port(), ExitStack()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._served.enter_context(served(self._app, port=self._port))

    def stop(self) -> None:
        self._served.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def count_of(self, path: str) -> int:
        answer = HTTP.get(f"{self.url}{path}", params={"limit": 1})
        return int(answer.headers["X-Total-Count"])


@pytest.fixture(scope="module")
def databases(cluster: Cluster) -> Iterator[dict[str, str]]:
    """The URLs of three databases that lose nothing when their server crashes."""
    cluster.be_durable()
    with ExitStack() as made:
        names = ("ordercast", "prefect", "platform")
        yield {
            name: made.enter_context(cluster.temporary()).replace("+psycopg", "") for name in names
        }


@pytest.fixture(scope="module")
def platform(databases: dict[str, str]) -> Iterator[Platform]:
    of_others = Platform(create_app(for_ordercast(databases["platform"])))
    of_others.start()
    yield of_others
    of_others.stop()


@pytest.fixture(scope="module")
def stack(
    s3_server: S3Server,
    databases: dict[str, str],
    platform: Platform,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    place = tmp_path_factory.mktemp("outages")
    tags = place / "tags.yaml"
    tags.write_text((CONFIG_DIR / "tags.yaml").read_text(encoding="utf-8") + RULES)
    settings = {
        "ORDERCAST_DATABASE__URL": databases["ordercast"],
        "ORDERCAST_PREFECT__DATABASE_URL": databases["prefect"],
        "ORDERCAST_PLATFORM__URL": platform.url,
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


def test_an_outage_of_the_platform_holds_no_thread_and_loses_no_order(
    stack: Stack, platform: Platform
) -> None:
    before = platform.count_of("/orders")
    with platform.away():
        order_nos = [done(stack) for _ in range(MORE_ORDERS_THAN_THREADS)]
        for order_no in order_nos:
            wait_until_parked(stack, order_no, "platform")
        late = done(stack)  # threads are free for others
    for order_no in [*order_nos, late]:
        stack.wait_for_state(order_no, "completed", seconds=180)
    assert platform.count_of("/orders") == before + len(order_nos) + 1


def test_postgresql_is_restarted_while_orders_are_under_way(
    stack: Stack, platform: Platform, cluster: Cluster, databases: dict[str, str]
) -> None:
    before = platform.count_of("/orders")
    order_nos = [stack.submit(plan_change()) for _ in range(ORDERS)]
    stack.wait_for_work(order_nos[0])
    assert services(databases["ordercast"]) >= {"ordercast-gateway-relay", "ordercast-worker"}
    cluster.restart(signal.SIGQUIT)
    wait_for(lambda: ready(stack), what="the gateway is not ready again")
    for order_no in order_nos:
        stack.wait_for_work(order_no)
        stack.report_all(order_no)
    cluster.restart()
    wait_for(lambda: ready(stack), what="the gateway is not ready again")
    for order_no in order_nos:
        stack.wait_for_state(order_no, "completed", seconds=180)
    assert platform.count_of("/orders") == before + ORDERS
    assert not list(stack.home.rglob("*.db"))


def test_an_outage_of_the_archive_parks_orders_which_end_by_themselves(
    stack: Stack, s3_server: S3Server
) -> None:
    s3_server.own.stop_gateway()
    try:
        order_nos = [done(stack) for _ in range(ORDERS)]
        for order_no in order_nos:
            wait_until_parked(stack, order_no, "archive")
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


def wait_until_parked(stack: Stack, order_no: str, waits: str) -> None:
    """Wait until an order is parked for somebody who is away."""
    wait_for(
        lambda: waits_for(stack, order_no, "parked", waits),
        what=f"{order_no} is not parked",
        seconds=120,
    )


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


def services(url: str) -> set[str]:
    """Who is connected to a database."""
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute(NAMES)}


def ready(stack: Stack) -> bool:
    return HTTP.get(f"{stack.gateway}/ready", timeout=10).status_code == 200
