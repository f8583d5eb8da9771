"""While the platform is away orders arrive, park visibly, and all end by themselves afterwards."""

from pathlib import Path

import pytest

from ordercast.services.platform.app import create_app
from tests.flows.samples import plan_change
from tests.journeys.stack import Stack, running
from tests.plain_http import HTTP
from tests.services.platform_server import served
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.service

ORDERS = 15


def test_an_outage_of_the_platform_holds_no_thread_and_loses_no_order(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(tmp_path / "home", ORDERCAST_PLATFORM__URL=url) as stack:
        order_nos = [stack.submit(plan_change()) for _ in range(ORDERS)]
        for order_no in order_nos:
            stack.wait_for_work(order_no)
            stack.report_all(order_no)
        for order_no in order_nos:
            wait_for(lambda no=order_no: _parked(stack, no), what="not parked", seconds=120)
        late = stack.submit(plan_change())
        stack.wait_for_work(late)  # threads are free for others
        stack.report_all(late)
        with served(create_app(f"sqlite:///{tmp_path / 'platform.db'}"), port=port):
            for order_no in [*order_nos, late]:
                stack.wait_for_state(order_no, "completed", seconds=180)
            told = HTTP.get(f"{url}/orders", params={"limit": 100}).headers["X-Total-Count"]
            assert int(told) == ORDERS + 1


def _parked(stack: Stack, order_no: str) -> bool:
    waiting_for = stack.order(order_no).get("waitingFor") or ""
    return waiting_for.startswith("parked") and "platform" in waiting_for
