"""Several machines: processes that share servers and one address, and no files."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet

from config.database_urls import for_prefect
from config.prefect_server import SERVER_SETTINGS, SHARING_SETTINGS
from ordercast.services.relay.deploying import APPLIED
from tests.journeys.asking import patiently
from tests.journeys.machine import READY_SECONDS, Machine
from tests.keys import bearer
from tests.leash import environment
from tests.plain_http import HTTP
from tests.services.balancer import balancing
from tests.services.postgres import Cluster
from tests.waiting import free_port, wait_for

RESTART_SECONDS = 1
AUTH = "operator:of-the-tests"
ORDERS_QUEUE, REPORTS_QUEUE = "journey.orders", "journey.reports"
FAST = {
    "ORDERCAST_RELAY__PARK_MIN_SECONDS": "1",
    "ORDERCAST_RELAY__RECOVER_SECONDS": "2",
    "ORDERCAST_RELAY__ZOMBIE_SECONDS": "12",
    "ORDERCAST_RELAY__STUCK_SECONDS": "15",
    "ORDERCAST_RELAY__LEASE_SECONDS": "10",
    "ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS": "5",
    "ORDERCAST_BROKER__ORDERS_QUEUES": ORDERS_QUEUE,
    "ORDERCAST_BROKER__REPORTS_QUEUES": REPORTS_QUEUE,
    "ORDERCAST_BROKER__RECONNECT_MAX_SECONDS": "2",
}


@dataclass(frozen=True)
class Servers:
    """The servers that all machines share, by their URLs."""

    redis: str
    archive: str
    broker: str


class Machines:
    """All of them, by name, and the addresses at which others find them."""

    def __init__(self, home: Path, *, database: Mapping[str, str], shared: Servers) -> None:
        self.home = home
        self.ports = {
            name: free_port()
            for name in ("api-1", "api-2", "gateway-1", "gateway-2", "platform", "prefect", "door")
        }
        self.gateway = f"http://127.0.0.1:{self.ports['door']}"
        self.platform = f"http://127.0.0.1:{self.ports['platform']}"
        self.prefect = f"http://127.0.0.1:{self.ports['prefect']}/api"
        self.environment = {**environment(), **FAST, **self._settings(database, shared)}
        self.servers = {**environment(), **_of_prefect_servers(database["prefect"], shared.redis)}
        self.headers: dict[str, str] = {}
        self.all = {machine.name: machine for machine in self._machines()}

    def _settings(self, database: Mapping[str, str], shared: Servers) -> dict[str, str]:
        secrets = {
            "ORDERCAST_DATABASE__URL": database["ordercast"],
            "ORDERCAST_PLATFORM__DATABASE_URL": database["platform"],
            "ORDERCAST_SEALING_KEYS": Fernet.generate_key().decode(),
            "ORDERCAST_ARCHIVE__URL": shared.archive,
            "ORDERCAST_BROKER__URL": shared.broker,
            "ORDERCAST_PREFECT__AUTH_STRING": AUTH,
        }
        directory = self.home / "secrets"
        directory.mkdir()
        for name, value in secrets.items():
            (directory / name).write_text(value)
        return {
            "ORDERCAST_SECRETS_DIR": str(directory),
            "ORDERCAST_PREFECT__API_URL": self.prefect,
            "ORDERCAST_GATEWAY__PUBLIC_URL": self.gateway,
            "ORDERCAST_PLATFORM__URL": self.platform,
            "ORDERCAST_PLATFORM__PORT": str(self.ports["platform"]),
        }

    def _machines(self) -> Iterator[Machine]:
        for name in ("api-1", "api-2"):
            port = str(self.ports[name])
            start = ["prefect", "server", "start", "--no-services", "--port", port]
            yield self._machine(name, start, self.servers, health="/api/health")
        yield self._machine("services", ["prefect", "server", "services", "start"], self.servers)
        yield self._machine("platform", ["ordercast", "serve", "platform"], health="/health")
        for name in ("gateway-1", "gateway-2"):
            listening = self.environment | {"ORDERCAST_GATEWAY__PORT": str(self.ports[name])}
            serve = ["ordercast", "serve", "gateway"]
            yield self._machine(name, serve, listening, health="/ready")
        for name in ("relay", "worker", "listener"):
            for number in (1, 2):
                yield self._machine(f"{name}-{number}", ["ordercast", "serve", name])

    def _machine(
        self,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str] | None = None,
        *,
        health: str = "",
    ) -> Machine:
        home = self.home / name
        url = f"http://127.0.0.1:{self.ports[name]}{health}" if health else None
        own = {**(environment or self.environment), "PREFECT_HOME": str(home / "prefect")}
        return Machine(name, arguments, own, home, url)

    def __getitem__(self, name: str) -> Machine:
        return self.all[name]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `ordercast` as an operator would, on a machine of its own."""
        environment = {**self.environment, "ORDERCAST_HOME": str(self.home / "operator")}
        command = [sys.executable, "-m", "ordercast", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def upgrade(self) -> None:
        """Bring both databases to shape, once, before anything starts."""
        done = self.run("db", "upgrade")
        assert done.returncode == 0, done.stderr
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
        environment = {**self.servers, "PREFECT_HOME": str(self.home / "operator")}
        subprocess.run(command, env=environment, check=True, capture_output=True)

    def make_key(self) -> None:
        """Make the key that everybody shows at the gateways."""
        made = self.run("keys", "add", "journey", "--scope", "admin", "--json")
        self.headers = bearer(json.loads(made.stdout)["key"])

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer of the gateways, once there is one."""
        return patiently(method, f"{self.gateway}{path}", headers=self.headers, **more)

    def count_of(self, path: str, **query: str) -> int:
        """How many there are of what the gateways list."""
        answer = self.ask("GET", path, params={**query, "limit": "1"})
        return int(answer.headers["X-Total-Count"])

    def are_deployed(self) -> bool:
        """Whether a relay has deployed: before, the doctor need not be asked."""
        url = f"{self.prefect}/variables/name/{APPLIED}"
        user, _, password = AUTH.partition(":")
        return HTTP.get(url, auth=(user, password)).status_code == 200

    def start(self) -> None:
        """Start all; the first API server alone, for it registers Prefect's own block types."""
        self["api-1"].start()
        self["api-1"].wait_until_ready()
        for machine in self.all.values():
            if machine.process is None:
                machine.start()
        for machine in self.all.values():
            machine.wait_until_ready()

    def stop(self) -> None:
        for machine in reversed(self.all.values()):
            machine.stop()


def _of_prefect_servers(database_url: str, redis_url: str) -> dict[str, str]:
    return {
        **SERVER_SETTINGS,
        **SHARING_SETTINGS,
        "PREFECT_API_DATABASE_CONNECTION_URL": for_prefect(database_url),
        "PREFECT_REDIS_MESSAGING_URL": redis_url,
        "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": redis_url,
        "PREFECT_SERVER_DOCKET_URL": redis_url,
        "PREFECT_SERVER_API_AUTH_STRING": AUTH,
    }


@contextmanager
def running(home: Path, cluster: Cluster, shared: Servers) -> Iterator[Machines]:
    """All of them, kept running until the end of the block, but for those that were killed."""
    with ExitStack() as stack:
        names = ("ordercast", "prefect", "platform")
        database = {
            name: stack.enter_context(cluster.temporary()).replace("+psycopg", "") for name in names
        }
        machines = Machines(home, database=database, shared=shared)
        ports = machines.ports
        balancer = home / "balancer"
        balancer.mkdir()
        upstreams = {
            "ordercast_prefect": [ports["api-1"], ports["api-2"]],
            "ordercast_gateway": [ports["gateway-1"], ports["gateway-2"]],
        }
        listen = {4201: ports["prefect"], 8081: ports["door"]}
        stack.enter_context(balancing(balancer, upstreams, listen))
        machines.upgrade()
        machines.make_key()
        stack.callback(machines.stop)
        machines.start()
        stack.enter_context(_kept_running(machines))
        yield machines


@contextmanager
def _kept_running(machines: Machines) -> Iterator[None]:
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(RESTART_SECONDS):
            for machine in machines.all.values():
                machine.watch()

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_until_prepared(machines: Machines) -> None:
    """Wait until the doctor finds nothing wrong, as an operator would."""
    wait_for(machines.are_deployed, what="nothing is deployed", seconds=READY_SECONDS)
    last: list[str] = []

    def well() -> bool:
        told = machines.run("doctor")
        last[:] = [told.stdout + told.stderr]
        return told.returncode == 0

    try:
        wait_for(well, what="the doctor", seconds=READY_SECONDS)
    except AssertionError:
        raise AssertionError(f"the doctor finds: {last[0]}") from None
