"""A whole Ordercast, its Prefect server and its platform on PostgreSQL, which is restarted."""

import signal
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.flows.samples import plan_change
from tests.journeys.stack import Stack, running
from tests.plain_http import HTTP
from tests.services.postgres import Cluster
from tests.waiting import wait_for

pytestmark = pytest.mark.service

ORDERS = 6
NAMES = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"


def test_postgresql_is_restarted_while_orders_are_under_way(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.be_durable()
    with ExitStack() as made:
        ours, prefects, platforms = (
            made.enter_context(cluster.temporary()).replace("+psycopg", "") for _ in range(3)
        )
        stack = made.enter_context(
            running(
                tmp_path / "home",
                ORDERCAST_DATABASE__URL=ours,
                ORDERCAST_PREFECT__DATABASE_URL=prefects,
                ORDERCAST_PLATFORM__DATABASE_URL=platforms,
            )
        )
        order_nos = [stack.submit(plan_change()) for _ in range(ORDERS)]
        stack.wait_for_work(order_nos[0])
        assert services(ours) >= {"ordercast-gateway-relay", "ordercast-worker"}
        cluster.restart(signal.SIGQUIT)
        wait_for(lambda: ready(stack), what="the gateway is not ready again")
        for order_no in order_nos:
            stack.wait_for_work(order_no)
            stack.report_all(order_no)
        cluster.restart()
        wait_for(lambda: ready(stack), what="the gateway is not ready again")
        for order_no in order_nos:
            stack.wait_for_state(order_no, "completed", seconds=180)
        told = HTTP.get(f"{stack.platform}/orders", params={"limit": 100})
        assert told.headers["X-Total-Count"] == str(ORDERS)
        assert not list((tmp_path / "home").rglob("*.db"))


def services(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute(NAMES)}


def ready(stack: Stack) -> bool:
    return HTTP.get(f"{stack.gateway}/ready", timeout=10).status_code == 200
