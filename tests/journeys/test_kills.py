"""Any process of `ordercast up` may be killed at any time: no order is lost, no effect doubled."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordercast.services.supervisor import is_ready
from tests.flows.samples import plan_change
from tests.journeys.receiver import Receiver, told_by
from tests.journeys.stack import Stack, running
from tests.plain_http import HTTP
from tests.waiting import wait_for

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("stack") / "home") as started:
        yield started


@pytest.fixture(scope="module")
def receiver(stack: Stack) -> Iterator[Receiver]:
    with told_by(stack.ask) as listening:
        yield listening


@pytest.mark.parametrize("service", ["worker", "gateway", "platform", "prefect", "supervisor"])
def test_a_killed_process_loses_no_order_and_doubles_no_effect(
    stack: Stack, receiver: Receiver, service: str
) -> None:
    waiting = [stack.submit(plan_change()) for _ in range(3)]
    for order_no in waiting:
        stack.wait_for_work(order_no)
    for order_no in waiting[:2]:
        stack.report_all(order_no)
    arriving = [stack.submit(plan_change()) for _ in range(2)]
    stack.kill(service)
    if service == "supervisor":
        stack.start()
    for url in (f"{stack.gateway}/ready", f"{stack.platform}/health"):
        wait_for(lambda at=url: is_ready(at), what=f"{url} is not back", seconds=120)
    for order_no in [*waiting, *arriving]:
        stack.wait_for_work(order_no)
        stack.report_all(order_no)
    for order_no in [*waiting, *arriving]:
        stack.wait_for_state(order_no, "completed")
        versions = HTTP.get(f"{stack.platform}/orders/{order_no}/versions").json()
        assert [each["version"] for each in versions] == [1]
        wait_for(lambda no=order_no: receiver.told_of(no), what=f"{order_no} is not told")
        assert len(receiver.ids_of(order_no)) == 1
    assert receiver.forged == 0


def test_orders_complete_after_prefects_database_was_wiped(
    stack: Stack, receiver: Receiver
) -> None:
    waiting = [stack.submit(plan_change()) for _ in range(3)]
    for order_no in waiting:
        stack.wait_for_work(order_no)
    assert stack.stop() == 0
    shutil.rmtree(stack.home / "prefect")
    stack.start()
    for order_no in waiting:
        stack.report_all(order_no)
    for order_no in waiting:
        stack.wait_for_state(order_no, "completed")
        wait_for(lambda no=order_no: receiver.told_of(no), what=f"{order_no} is not told")
        assert len(receiver.ids_of(order_no)) == 1


def test_the_evidence_of_all_is_whole(stack: Stack) -> None:
    verified = stack.run("archive", "verify")
    assert verified.returncode == 0, verified.stdout


def test_a_stock_process_worker_runs_the_same_flows(tmp_path: Path) -> None:
    kind = {"ORDERCAST_PREFECT__WORK_POOL_TYPE": "process", "ORDERCAST_RELAY__STUCK_SECONDS": "40"}
    with running(tmp_path / "home", **kind) as stack:
        order_no = stack.submit(plan_change())
        stack.wait_for_work(order_no)
        stack.report_all(order_no)
        stack.wait_for_state(order_no, "completed")
