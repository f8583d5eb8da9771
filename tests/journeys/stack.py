"""A whole Ordercast as its users run it: `ordercast up` in a home of its own, on free ports."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ordercast.store.api_keys import FIRST_KEY_FILE
from tests import prefect_api
from tests.keys import bearer
from tests.leash import environment, leash, on_leash
from tests.migrated import have_migrated
from tests.plain_http import HTTP
from tests.waiting import free_port, wait_for, wait_until_healthy

ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
READY_SECONDS = 300
FAST = {
    "ORDERCAST_RELAY__PARK_MIN_SECONDS": "1",
    "ORDERCAST_RELAY__PARK_MAX_SECONDS": "4",
    "ORDERCAST_RELAY__RECOVER_SECONDS": "2",
    "ORDERCAST_RELAY__ZOMBIE_SECONDS": "12",
    "ORDERCAST_RELAY__STUCK_SECONDS": "15",
    "ORDERCAST_RELAY__LEASE_SECONDS": "10",
    "ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS": "5",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
}


class Stack:
    """Starts, kills and asks a running Ordercast."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        ports = {name: free_port() for name in ("GATEWAY", "PREFECT", "PLATFORM")}
        self.gateway = f"http://127.0.0.1:{ports['GATEWAY']}"
        self.prefect = f"http://127.0.0.1:{ports['PREFECT']}/api"
        self.platform = f"http://127.0.0.1:{ports['PLATFORM']}"
        own = {f"ORDERCAST_{name}__PORT": str(port) for name, port in ports.items()}
        self.environment = {**environment(), **FAST, **settings, **own, "ORDERCAST_HOME": str(home)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        began = time.time()
        self.home.mkdir(exist_ok=True)
        if "ORDERCAST_PREFECT__DATABASE_URL" not in self.environment:
            have_migrated(self.home / "prefect")
        with (self.home / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                on_leash("ordercast", "up"),
                pass_fds=[leash()],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        healths = {"prefect": f"{self.prefect}/health", "gateway": f"{self.gateway}/ready"}
        if "ORDERCAST_PLATFORM__URL" not in self.environment:
            healths["platform"] = f"{self.platform}/health"
        for service, url in healths.items():
            self._wait_until_begun(service, began)
            wait_until_healthy(url, self.process, READY_SECONDS)

    def _wait_until_begun(self, service: str, at: float) -> None:
        """Wait for this start's process: one of a killed supervisor answers for a while yet."""
        file = self._pid_file(service)

        def begun() -> bool:
            assert self.process and self.process.poll() is None, f"ended before {service} began"
            return file.exists() and file.stat().st_mtime >= at

        wait_for(begun, what=f"{service} has not begun", seconds=READY_SECONDS)

    def stop(self) -> int:
        """Stop as Ctrl-C does; gives the exit status."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def kill(self, service: str) -> None:
        """Kill a process without warning: a service by its name, or `supervisor`."""
        assert self.process
        if service == "supervisor":
            self.process.kill()
            self.process.wait()
        else:
            os.kill(self.pid_of(service), signal.SIGKILL)

    def pid_of(self, service: str) -> int:
        return int(self._pid_file(service).read_text())

    def _pid_file(self, service: str) -> Path:
        return self.home / "run" / f"{service}.pid"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `ordercast` as an operator would."""
        command = [sys.executable, "-m", "ordercast", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True)

    # asking

    def get(self, path: str, **query: Any) -> Any:
        return self.ask("GET", path, params=query).raise_for_status().json()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The gateway's answer to who has the key that `up` has made."""
        headers = bearer((self.home / FIRST_KEY_FILE).read_text().strip())
        return HTTP.request(method, f"{self.gateway}{path}", headers=headers, **more)

    def ask_prefect(self, method: str, path: str, **more: Any) -> Any:
        """What Prefect's server answers."""
        return prefect_api.ask(self.prefect, method, path, **more)

    def submit(self, document: dict[str, Any]) -> str:
        answer = self.ask("POST", ORDERS, json=document)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def order(self, order_no: str) -> dict[str, Any]:
        return self.get(f"{ORDERS}/{order_no}")

    def wait_for_work(self, order_no: str) -> None:
        """Wait until the order has work orders to do."""
        wait_for(
            lambda: self.get("/work-orders", order_no=order_no),
            what=f"{order_no} has no work orders",
            seconds=180,
        )

    def report_ready(self, order_no: str) -> int:
        ready = self.get("/work-orders", order_no=order_no, state="acknowledged")
        reports = [{"work_order_id": row["id"], "result": "completed"} for row in ready]
        if reports:
            self.ask("POST", "/work-orders/reports", json=reports).raise_for_status()
        return len(reports)

    def report_all(self, order_no: str) -> None:
        while self.report_ready(order_no):
            continue

    def wait_for_state(self, order_no: str, state: str, *, seconds: float = 120) -> dict[str, Any]:
        """Wait until the order is in a state and everyone has been told."""

        def told() -> dict[str, Any] | None:
            order = self.order(order_no)
            return order if (order["state"], order["stage"]) == (state, "broadcast") else None

        return wait_for(
            told, what=f"{order_no} is not {state}: {self.order(order_no)}", seconds=seconds
        )


@contextmanager
def running(home: Path, **settings: str) -> Iterator[Stack]:
    """A stack that is stopped at the end, come what may."""
    stack = Stack(home, **settings)
    stack.start()
    try:
        yield stack
    finally:
        if stack.process and stack.process.poll() is None:
            stack.stop()
