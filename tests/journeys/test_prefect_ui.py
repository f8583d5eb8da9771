"""Orders that need a person: found, retried, moved on and cancelled in the real Prefect UI.

One stack, one browser and one receiver for all; the automations watch meanwhile.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.flows.samples import plan_change
from tests.journeys.faults import AFTER_THE_WAIT, BEFORE_THE_WAIT, FAULTS
from tests.journeys.notices import BLOCK, make_block
from tests.journeys.prefect_ui import PrefectUi
from tests.journeys.receiver import Receiver, told_by
from tests.journeys.stack import ORDERS, Stack, running
from tests.plain_http import HTTP
from tests.services import receivers
from tests.waiting import wait_for

pytestmark = pytest.mark.service

WATCHFUL = {
    "ORDERCAST_ALERTS__WAITING_HOURS": "0.0005",
    "ORDERCAST_ALERTS__WAITING_ORDERS": "5",
    "ORDERCAST_PREFECT__ALERT_BLOCK": BLOCK,
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1",
}
HANDS = ("the UI", "the command line")
WORK_ORDERS = 4
OVERDUE_SECONDS = 90


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("operators") / "home", **WATCHFUL) as started:
        yield started


@pytest.fixture(scope="module")
def people(stack: Stack) -> Iterator[receivers.Receiver]:
    """Those whom the automations tell, by a block that was made before they were applied."""
    with receivers.Receiver() as listening:
        make_block(stack, listening.url)
        applied = stack.run("automations", "apply")
        assert applied.stdout.count("make: ") == 3, applied.stderr
        yield listening


@pytest.fixture(scope="module")
def receiver(stack: Stack) -> Iterator[Receiver]:
    with told_by(stack.ask) as listening:
        yield listening


@pytest.fixture(scope="module")
def ui(stack: Stack) -> Iterator[PrefectUi]:
    with PrefectUi.open(stack.prefect.removesuffix("/api")) as opened:
        yield opened


@pytest.fixture(scope="module", autouse=True)
def basket(stack: Stack) -> str:
    """The id of an event by which another system asks for an order, before all else."""
    wait_for(lambda: is_triggered(stack), what="accept has no trigger", seconds=60)
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "ordercast.order.requested",
        "resource": {"prefect.resource.id": "shop.basket.7"},
        "payload": {"agent": "shop", "order": plan_change(externalId="basket-7")},
    }
    stack.ask_prefect("POST", "/events", json=[event])
    return str(event["id"])


@pytest.fixture(scope="module")
def stuck(stack: Stack, people: receivers.Receiver) -> str:
    """An order whose run Prefect takes for Running, although nobody works on it."""
    order_no = stack.submit(plan_change())
    stack.wait_for_work(order_no)
    wait_for(lambda: state(stack, order_no)["name"] == "Suspended", what="not suspended")
    forced = {"state": {"type": "RUNNING"}, "force": True}
    path = f"/flow_runs/{run(stack, order_no)['id']}/set_state"
    stack.ask_prefect("POST", path, json=forced)
    return order_no


@pytest.fixture(scope="module")
def failed(stack: Stack, receiver: Receiver, stuck: str) -> dict[tuple[str, str], str]:
    """For each hand that retries and each step an order that has failed there."""
    found: dict[tuple[str, str], str] = {}
    with stopped_worker(stack):
        for hand in HANDS:
            for fault in BEFORE_THE_WAIT:
                order_no = found[hand, fault.step] = stack.submit(plan_change())
                fault.put(stack, order_no)
    for hand in HANDS:
        for fault in AFTER_THE_WAIT:
            found[hand, fault.step] = stack.submit(plan_change())
    for hand in HANDS:
        for fault in AFTER_THE_WAIT:
            order_no = found[hand, fault.step]
            stack.wait_for_work(order_no)
            fault.put(stack, order_no)
            stack.report_all(order_no)
    for (_, step), order_no in found.items():
        wait_for(lambda no=order_no: waits_for_a_person(stack, no), what=f"{step} did not fail")
    return found


def is_triggered(stack: Stack) -> bool:
    """Whether the relay has deployed `accept` with its trigger."""
    known = stack.ask_prefect("POST", "/automations/filter", json={})
    return any(each["name"].startswith("accept") for each in known)


@contextmanager
def stopped_worker(stack: Stack) -> Iterator[None]:
    """What is submitted meanwhile is launched, and not begun."""
    try:
        wait_for(lambda: stops_between_transactions(stack), what="the worker writes without end")
        yield
    finally:
        os.kill(stack.pid_of("worker"), signal.SIGCONT)


def stops_between_transactions(stack: Stack) -> bool:
    """Stop the worker; not while it writes, for then nobody else could."""
    worker = stack.pid_of("worker")
    os.kill(worker, signal.SIGSTOP)
    wait_for(lambda: ") T " in Path(f"/proc/{worker}/stat").read_text(), what="it goes on")
    with closing(sqlite3.connect(stack.home / "ordercast.db", timeout=2)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(worker, signal.SIGCONT)
            return False
    return True


def run(stack: Stack, order_no: str) -> dict[str, Any]:
    """The flow run of an order that has been launched."""
    of_order = {"flow_runs": {"name": {"like_": order_no}}}

    def launched() -> list[dict[str, Any]]:
        return stack.ask_prefect("POST", "/flow_runs/filter", json=of_order)

    return wait_for(launched, what=f"{order_no} has no run")[0]


def state(stack: Stack, order_no: str) -> dict[str, Any]:
    return run(stack, order_no)["state"]


def waits_for_a_person(stack: Stack, order_no: str) -> bool:
    return (stack.order(order_no).get("waitingFor") or "").startswith("operator")


def retry_in_the_ui(_: Stack, ui: PrefectUi, runs: Sequence[dict[str, Any]]) -> None:
    for each in runs:
        ui.open_run(each["id"])
        ui.see("then press Retry")
        ui.retry()


def retry_by_commands(stack: Stack, _: PrefectUi, runs: Sequence[dict[str, Any]]) -> None:
    """By the commands of Prefect and of Ordercast in turn."""
    environment = {**stack.environment, "PREFECT_API_URL": stack.prefect}
    for n, each in enumerate(runs):
        prefects = ("prefect", "flow-run", "retry", each["id"])
        ours = ("ordercast", "orders", "retry", each["parameters"]["order_no"])
        command = [sys.executable, "-m", *(ours if n % 2 else prefects)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


RETRY: dict[str, Callable[[Stack, PrefectUi, Sequence[dict[str, Any]]], None]] = dict(
    zip(HANDS, (retry_in_the_ui, retry_by_commands), strict=True)
)


def count(stack: Stack, sql: str, order_no: str) -> int:
    path = stack.home / "ordercast.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, [order_no]).fetchone()[0]


def assert_nothing_is_doubled(stack: Stack, receiver: Receiver, order_no: str) -> None:
    versions = HTTP.get(f"{stack.platform}/orders/{order_no}/versions").json()
    assert [each["version"] for each in versions] == [1]
    assert len(list(Path(stack.home / "archive").rglob(f"{order_no}/v1.json.gz"))) == 1
    assert len({each["id"] for each in stack.get("/work-orders", order_no=order_no)}) == WORK_ORDERS
    assert (
        count(stack, "SELECT count(*) FROM work_order WHERE order_no = ?", order_no) == WORK_ORDERS
    )
    told = "SELECT count(*) FROM push_event WHERE order_no = ? AND type = 'order.completed'"
    assert count(stack, told, order_no) == 1
    (event_id,) = wait_for(lambda: receiver.ids_of(order_no), what=f"{order_no} is not told")
    assert receiver.times[event_id] == 1


def test_a_failed_run_says_in_words_what_to_do_before_it_says_why(
    stack: Stack, ui: PrefectUi, failed: dict[tuple[str, str], str]
) -> None:
    for fault in FAULTS:
        words = state(stack, failed["the UI", fault.step])["message"]
        assert words.index("then press Retry") < words.index(f"{fault.step} failed: ")
    ui.open_runs(state="Failed", tags="agent:default")
    ui.see(failed["the UI", "sync-to-platform"])


@pytest.mark.parametrize("hand", HANDS)
def test_an_order_that_failed_at_any_step_is_retried_and_ends_with_no_effect_doubled(
    stack: Stack,
    ui: PrefectUi,
    receiver: Receiver,
    failed: dict[tuple[str, str], str],
    hand: str,
) -> None:
    for fault in FAULTS:
        fault.mend(stack, failed[hand, fault.step])
    RETRY[hand](stack, ui, [run(stack, failed[hand, fault.step]) for fault in FAULTS])
    for fault in BEFORE_THE_WAIT:
        stack.wait_for_work(failed[hand, fault.step])
        stack.report_all(failed[hand, fault.step])
    for fault in FAULTS:
        stack.wait_for_state(failed[hand, fault.step], "completed")
        assert_nothing_is_doubled(stack, receiver, failed[hand, fault.step])


def test_a_suspended_order_says_what_it_waits_for_and_is_cancelled_in_the_ui(
    stack: Stack, ui: PrefectUi
) -> None:
    order_no = stack.submit(plan_change())
    stack.wait_for_work(order_no)
    wait_for(lambda: state(stack, order_no)["name"] == "Suspended", what="not suspended")
    ui.open_run(run(stack, order_no)["id"])
    ui.see("Waits for work orders since")
    ui.cancel()
    stack.wait_for_state(order_no, "cancelled")
    wait_for(lambda: state(stack, order_no)["name"] == "Cancelled", what="not Cancelled")


def test_a_running_order_is_cancelled_in_the_ui(stack: Stack, ui: PrefectUi) -> None:
    """Its segment is held up by a transaction on the database, as a long one would."""
    with stopped_worker(stack):
        order_no = stack.submit(plan_change())
        flow_run_id = run(stack, order_no)["id"]
        held = sqlite3.connect(stack.home / "ordercast.db", isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
    with closing(held):
        wait_for(lambda: state(stack, order_no)["name"] == "Running", what="it does not run")
        ui.open_run(flow_run_id)
        ui.see("Running")
        ui.cancel()
        held.rollback()
    stack.wait_for_state(order_no, "cancelled")
    wait_for(lambda: state(stack, order_no)["name"] == "Cancelled", what="not Cancelled")


def test_an_order_that_is_stuck_is_found_and_moved_on(
    stack: Stack, receiver: Receiver, stuck: str
) -> None:
    wait_for(
        lambda: state(stack, stuck)["name"] == "Suspended",
        what="it is still Running, although nobody works on it",
        seconds=OVERDUE_SECONDS,
    )
    stack.report_all(stuck)
    stack.wait_for_state(stuck, "completed")
    assert_nothing_is_doubled(stack, receiver, stuck)


def test_applying_the_automations_again_changes_nothing(
    stack: Stack, people: receivers.Receiver
) -> None:
    again = stack.run("automations", "apply")
    assert again.stdout.count("as it is: ") == 3, again.stderr


def test_people_are_told_by_the_block_of_failures_of_a_crossing_and_of_a_pool_without_workers(
    stack: Stack, people: receivers.Receiver, failed: dict[tuple[str, str], str]
) -> None:
    def told(title: str) -> list[str]:
        return [each.body for each in people.pushes if title in each.event["title"]]

    (failure,) = wait_for(lambda: told("has failed"), what="no failure is told")  # one for all
    assert "then press Retry" in failure and "/flow-run/" in failure
    crossings = wait_for(lambda: told("have waited for over"), what="no crossing is told")
    assert " wait for " in crossings[0]
    assert len(crossings) <= stack.run("alerts", "list", "--json").stdout.count("orders-waiting")
    before = len(told("no worker is online"))
    with stopped_worker(stack):
        wait_for(lambda: len(told("no worker is online")) > before, what="nobody hears of it")


def test_the_sweep_runs_each_minute_by_its_schedule(stack: Stack) -> None:
    of_schedule = {
        "deployments": {"name": {"any_": ["sweep"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }

    def swept() -> list[dict[str, Any]]:
        found = stack.ask_prefect("POST", "/flow_runs/filter", json=of_schedule)
        return [each for each in found if each["auto_scheduled"]]

    wait_for(swept, what="no sweep has completed", seconds=OVERDUE_SECONDS)


def test_another_system_starts_an_order_by_an_event(stack: Stack) -> None:
    def ordered() -> list[dict[str, Any]]:
        return stack.get(ORDERS, agent="shop", externalId="basket-7")

    (order,) = wait_for(ordered, what="the event started no order", seconds=OVERDUE_SECONDS)
    stack.wait_for_work(order["id"])
