"""The stack of the demo: `ordercast up` as a child process, on free ports, in a home of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from config.settings import Settings, child_environment, settings
from ordercast.demo.failing import DemoFailed
from ordercast.demo.home import log_file
from ordercast.services.supervisor import is_ready
from ordercast.store.api_keys import FIRST_KEY_FILE

HOST = "127.0.0.1"
READY_SECONDS = 180
STOP_SECONDS = 60
OTHERS = ("ORDERCAST_", "PREFECT_")

Tell = Callable[[int, int], None]
"""Is told how many services are ready, and of how many."""


@dataclass(frozen=True)
class Stack:
    """A running stack: where its services are, and the environment that leads to them."""

    home: Path
    gateway_url: str
    platform_url: str
    prefect_url: str
    environment: Mapping[str, str]

    @property
    def api_key(self) -> str:
        """The key of an admin that `ordercast up` has made at its first start."""
        return (self.home / FIRST_KEY_FILE).read_text().strip()

    @property
    def health(self) -> dict[str, str]:
        """The health address of each service, in the order of starting."""
        return {
            "prefect": f"{self.prefect_url}/api/health",
            "platform": f"{self.platform_url}/health",
            "gateway": f"{self.gateway_url}/ready",
        }


@contextmanager
def running_stack(
    home: Path,
    *,
    tell: Tell,
    stopping: Callable[[], None],
    changes: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Stack]:
    """Start a stack and wait until it takes orders; it is stopped at the end, come what may.

    `stopping` is called before that. `changes` are settings other than the defaults.
    DemoFailed if the stack ends early, or is not ready within three minutes.
    """
    stack = _laid_out(home, changes)
    with _process(stack, stopping) as process:
        _wait_until_ready(stack, process, tell)
        yield stack


def _laid_out(home: Path, changes: Mapping[str, str]) -> Stack:
    gateway, platform, prefect = free_ports(3)
    ports = {
        "ORDERCAST_GATEWAY__PORT": str(gateway),
        "ORDERCAST_PLATFORM__PORT": str(platform),
        "ORDERCAST_PREFECT__PORT": str(prefect),
    }
    prefect_url = f"http://{HOST}:{prefect}"
    return Stack(
        home=home,
        gateway_url=f"http://{HOST}:{gateway}",
        platform_url=f"http://{HOST}:{platform}",
        prefect_url=prefect_url,
        environment=environment(
            home, {**changes, **ports, "PREFECT_API_URL": f"{prefect_url}/api"}
        ),
    )


def environment(home: Path, changes: Mapping[str, str]) -> dict[str, str]:
    """The environment of a stack: nothing of the user's own Ordercast or Prefect is in it.

    Every setting is named, so that no `.env` file has a say; all but the kind of the worker
    have their defaults.
    """
    inherited = child_environment({})
    clean = {name: inherited[name] for name in inherited if not name.upper().startswith(OTHERS)}
    own = {
        "ORDERCAST_HOME": str(home),
        "ORDERCAST_PREFECT__WORK_POOL_TYPE": settings().prefect.work_pool_type,
        "PREFECT_HOME": str(home / "prefect"),
    }
    return clean | _around_proxies(clean) | default_settings() | own | dict(changes)


def default_settings() -> dict[str, str]:
    """The default of every setting, by its name in the environment."""
    named: dict[str, str] = {}
    for name, value in Settings.model_construct().model_dump(mode="json").items():
        group = value if isinstance(value, dict) else {"": value}
        named |= {
            f"ORDERCAST_{name}{part and '__'}{part}".upper(): _as_text(each)
            for part, each in group.items()
            if each is not None
        }
    return named


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _around_proxies(inherited: Mapping[str, str]) -> dict[str, str]:
    """What is on this machine is reached directly, whatever proxy leads to the world."""
    direct = ",".join(filter(None, [inherited.get("no_proxy", ""), HOST, "localhost"]))
    return {"no_proxy": direct, "NO_PROXY": direct}


def free_ports(count: int) -> list[int]:
    """So many ports that nobody listens on, all different."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def _process(stack: Stack, stopping: Callable[[], None]) -> Iterator[subprocess.Popen[bytes]]:
    """`ordercast up`, on a leash that ends it should this process be killed."""
    leash, hand = os.pipe()
    module = [sys.executable, "-m", "ordercast.services.leash", str(leash), "ordercast", "up"]
    log = log_file(stack.home, "up")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and arguments)
            module,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[leash],
            env=dict(stack.environment),
            start_new_session=True,  # Ctrl-C reaches the demo, which stops it in order
        )
    os.close(leash)
    try:
        yield process
    finally:
        stopping()
        _stop(process)
        os.close(hand)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its children are on a leash, and follow
        process.wait()


def _wait_until_ready(stack: Stack, process: subprocess.Popen[bytes], tell: Tell) -> None:
    deadline, waiting = time.monotonic() + READY_SECONDS, dict(stack.health)
    while waiting:
        tell(len(stack.health) - len(waiting), len(stack.health))
        if process.poll() is not None:
            raise DemoFailed(f"`ordercast up` ended with status {process.returncode}", logs=("up",))
        if time.monotonic() > deadline:
            raise _not_ready(list(waiting))
        waiting = {name: url for name, url in waiting.items() if not is_ready(url)}
        time.sleep(0.1 if waiting else 0)
    tell(len(stack.health), len(stack.health))


def _not_ready(names: Sequence[str]) -> DemoFailed:
    late = names[0]
    return DemoFailed(f"{late} is not ready after {READY_SECONDS} s", logs=("up", late))
