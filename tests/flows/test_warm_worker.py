"""The warm worker as Prefect's own command starts it, through the entry point."""

import os
import select
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import pytest
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolUpdate

from config.prefect_server import DEPLOYMENT, WORK_POOL
from flows.order import order as order_flow
from tests.flows.floor import Floor
from tests.flows.samples import plan_change
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.service

ORDERS = 12
HEARTBEAT = 30
STEPS = {"receive", "decompose", "generate-work-orders", "broadcast"}


@contextmanager
def worker(
    home: Path, name: str, changes: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker process on the orders' pool, killed at the end if it still runs."""
    command = [sys.executable, "-m", "prefect", "worker", "start"]
    command += ["--type", "ordercast-warm", "--pool", WORK_POOL, "--name", name, "--limit", "4"]
    environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "0.3", **(changes or {})}
    with (home / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def two_workers(floor: Floor, tmp_path: Path) -> Iterator[list["subprocess.Popen[bytes]"]]:
    with worker(tmp_path, "one") as one, worker(tmp_path, "two") as two:
        wait_for(lambda: _online(floor) >= {"one", "two"}, what="no workers online", seconds=60)
        yield [one, two]


def test_two_workers_share_the_orders_and_run_none_twice_and_drain_when_stopped(
    floor: Floor, two_workers: list["subprocess.Popen[bytes]"]
) -> None:
    order_nos = [floor.submit(plan_change()) for _ in range(ORDERS)]
    floor.launch()
    for order_no in order_nos:
        wait_for(lambda no=order_no: floor.ready(no), what=f"{order_no} has no work", seconds=60)
        floor.report_all(order_no)
    wait_for(lambda: _all_ended(floor, order_nos), what="not all have ended", seconds=90)
    for order_no in order_nos:
        assert floor.order(order_no).state == "completed"
        names = wait_for(lambda no=order_no: _recorded(floor, no), what="steps are not recorded")
        assert {names.count(step) for step in STEPS} == {1}
        kinds = [event.type for event in floor.events(order_no)]
        assert kinds.count("order.completed") == 1
    for process in two_workers:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) is not None
    assert not [no for no in order_nos if floor.run(no).token]


def test_a_paused_work_pool_starts_nothing_until_it_goes_on(
    floor: Floor, two_workers: list["subprocess.Popen[bytes]"]
) -> None:
    floor.client.update_work_pool(WORK_POOL, WorkPoolUpdate(is_paused=True))
    try:
        order_no = floor.submit(plan_change())
        floor.launch()
        polls = floor.flow_run(order_no).id
        assert [run.id for run in floor.scheduled()] == [polls]
        wait_for(lambda: _has_polled(two_workers), what="the workers have ended", seconds=5)
        assert floor.run(order_no).stage == "accepted"
    finally:
        floor.client.update_work_pool(WORK_POOL, WorkPoolUpdate(is_paused=False))
    wait_for(lambda: floor.ready(order_no), what="not started after the pause", seconds=60)


def test_a_run_of_a_deployment_with_a_limit_is_counted_on_its_way(
    floor: Floor, tmp_path: Path
) -> None:
    deployment = floor.client.read_deployment_by_name(DEPLOYMENT)
    floor.client.update_deployment(deployment.id, DeploymentUpdate(concurrency_limit=1))
    try:
        order_nos = [floor.submit(plan_change()) for _ in range(2)]
        floor.launch()
        with worker(tmp_path, "limited"):
            for no in order_nos:
                wait_for(lambda no=no: floor.ready(no), what=f"{no} has no work", seconds=90)
        for no in order_nos:
            states = floor.client.read_flow_run_states(floor.flow_run(no).id)
            assert "Pending" in [state.name for state in states]
    finally:
        floor.client.update_deployment(deployment.id, DeploymentUpdate(concurrency_limit=None))


def test_a_run_whose_flow_cannot_be_loaded_crashes_in_words_and_delays_no_other(
    floor: Floor, tmp_path: Path
) -> None:
    broken = floor.client.create_deployment(
        flow_id=floor.client.create_flow(order_flow),
        name="broken",
        entrypoint="flows.nowhere.order",
        work_pool_name=WORK_POOL,
        enforce_parameter_schema=False,
    )
    try:
        run = floor.client.create_flow_run_from_deployment(broken)
        order_no = floor.submit(plan_change())
        floor.launch()
        with worker(tmp_path, "steady"):
            wait_for(lambda: floor.ready(order_no), what="the order has no work", seconds=90)
        state = floor.client.read_flow_run(run.id).state
        assert state and state.is_crashed() and "flows.nowhere" in (state.message or "")
    finally:
        floor.client.delete_deployment(broken)


def test_a_worker_that_is_there_before_the_server_does_not_wait_for_a_heartbeat(
    floor: Floor, tmp_path: Path
) -> None:
    server, port = urlsplit(os.environ["PREFECT_API_URL"]), free_port()
    order_no = floor.submit(plan_change())
    floor.launch()
    with worker(tmp_path, "early", {"PREFECT_API_URL": f"http://127.0.0.1:{port}{server.path}"}):
        said = tmp_path / "early.log"
        wait_for(lambda: "Unable to reach" in said.read_text(), what="it was not early", seconds=60)
        with _gate(port, server):
            wait_for(lambda: floor.ready(order_no), what="it still waits", seconds=HEARTBEAT / 2)


@contextmanager
def _gate(port: int, server: SplitResult) -> Iterator[None]:
    """A second address of the Prefect server."""

    class Passage(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((server.hostname, server.port)) as inner:
                ways = {self.request: inner, inner: self.request}
                while ready := select.select(list(ways), [], [])[0]:
                    for each in ready:
                        if not (data := each.recv(65536)):
                            return
                        ways[each].sendall(data)

    class Gate(socketserver.ThreadingTCPServer):
        daemon_threads = allow_reuse_address = True

    with Gate(("127.0.0.1", port), Passage) as gate:
        threading.Thread(target=gate.serve_forever, daemon=True).start()
        yield
        gate.shutdown()


def _recorded(floor: Floor, order_no: str) -> list[str]:
    """The names of the order's task runs, once every step is among them."""
    names = floor.task_names(order_no, len(STEPS))
    return names if set(names) >= STEPS else []


def _online(floor: Floor) -> set[str]:
    found = floor.client.read_workers_for_work_pool(WORK_POOL, offset=0, limit=100)
    return {each.name for each in found if each.status and each.status.value == "ONLINE"}


def _all_ended(floor: Floor, order_nos: list[str]) -> bool:
    floor.wake()
    return all(floor.run(no).ended_at for no in order_nos)


def _has_polled(workers: list["subprocess.Popen[bytes]"]) -> bool:
    """Several polls fit into a second: the workers live and have had the chance."""
    try:
        workers[0].wait(1)
    except subprocess.TimeoutExpired:
        return True
    return False
