"""The supervisor: `ordercast up` starts the services of one machine and keeps them running."""

import fcntl
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from config.database_urls import for_prefect
from config.prefect_server import SERVER_SETTINGS
from config.settings import Settings
from ordercast.domain.errors import ConfigurationError
from ordercast.services.child import Child

log = logging.getLogger("ordercast.supervisor")

READY_SECONDS = 120
PORT_FREE_SECONDS = 45
WATCH_SECONDS = 0.5


def children_of(settings: Settings) -> list[Child]:
    """The processes of one machine, in the order of starting; one's own servers are left out."""
    logs = settings.home.absolute() / "logs"
    prefect_home = str(settings.home.absolute() / "prefect")
    shared = {"PREFECT_API_URL": settings.prefect_api_url, "PREFECT_HOME": prefect_home}
    children = [
        Child("gateway", ["ordercast", "serve", "gateway", "relay"], logs, shared),
        Child("worker", ["ordercast", "serve", "worker"], logs, shared),
    ]
    if settings.broker.url.get_secret_value():
        children.append(Child("listener", ["ordercast", "serve", "listener"], logs, shared))
    children[0].health_url = f"{_local(settings.gateway.host, settings.gateway.port)}/ready"
    if not settings.platform.url:
        health = f"{_local(settings.platform.host, settings.platform.port)}/health"
        platform = Child("platform", ["ordercast", "serve", "platform"], logs, shared)
        platform.health_url = health
        children.insert(0, platform)
    if not settings.prefect.api_url:
        children.insert(0, _prefect_server(settings, logs, shared))
    return children


def _prefect_server(settings: Settings, logs: Path, shared: dict[str, str]) -> Child:
    where = ["--host", settings.prefect.host, "--port", str(settings.prefect.port)]
    health = f"{_local(settings.prefect.host, settings.prefect.port)}/api/health"
    database = for_prefect(settings.prefect.database_url)
    own = {"PREFECT_API_DATABASE_CONNECTION_URL": database} if database else {}
    module = "prefect" if database else "ordercast.services.embedded_prefect"
    if auth := settings.prefect.auth_string.get_secret_value():
        own["PREFECT_SERVER_API_AUTH_STRING"] = auth
    return Child(
        "prefect",
        [module, "server", "start", *where],
        logs,
        shared | SERVER_SETTINGS | own,
        health_url=health,
    )


def _local(host: str, port: int) -> str:
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104


class Supervisor:
    """Starts children, all at once, and keeps them running."""

    def __init__(self, children: Sequence[Child], stop: threading.Event) -> None:
        self._children, self._stop = children, stop
        self._leash, self._hand = os.pipe()

    def start(self) -> None:
        """Start all; ConfigurationError if one is not ready within two minutes."""
        for child in self._children:
            child.start(self._leash)
        for child in self._children:
            if child.health_url and not self._wait_until_ready(child):
                raise ConfigurationError(
                    f"{child.log_dir / child.name}.log",
                    f"{child.name} is not ready after {READY_SECONDS} s",
                    "read the end of that file",
                )

    def _wait_until_ready(self, child: Child) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and not self._stop.is_set():
            if is_ready(child.health_url or ""):
                return True
            child.watch(self._leash)
            self._stop.wait(0.2)
        return self._stop.is_set()

    def watch(self) -> None:
        """Keep the children running until told to stop."""
        while not self._stop.wait(WATCH_SECONDS):
            for child in self._children:
                child.watch(self._leash)

    def shut_down(self) -> None:
        """Stop the children, the last started first."""
        for child in reversed(self._children):
            child.stop()


def is_ready(url: str) -> bool:
    """Whether a health address of this machine answers 200."""
    try:
        answer = httpx.get(url, timeout=2, trust_env=False, verify=False)  # noqa: S501 (no TLS here)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


@contextmanager
def sole_use(home: Path) -> Iterator[None]:
    """Use a home alone; ConfigurationError if another `ordercast up` runs in it."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                "ORDERCAST_HOME",
                f"another `ordercast up` runs in {home}",
                "stop it, or choose another home",
            ) from None
        yield


def wait_for_free_ports(settings: Settings) -> None:
    """Wait while what a killed supervisor left behind ends; ConfigurationError if it does not."""
    ports = {
        "ORDERCAST_GATEWAY__PORT": (settings.gateway.host, settings.gateway.port),
        "ORDERCAST_PLATFORM__PORT": (settings.platform.host, settings.platform.port),
        "ORDERCAST_PREFECT__PORT": (settings.prefect.host, settings.prefect.port),
    }
    deadline = time.monotonic() + PORT_FREE_SECONDS
    for name, (host, port) in ports.items():
        while not _is_free(host, port):
            if time.monotonic() > deadline:
                raise ConfigurationError(name, f"port {port} is in use", "choose another port")
            time.sleep(0.2)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
