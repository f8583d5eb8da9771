"""Waiting for conditions with a deadline, instead of sleeping for luck."""

import socket
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found], *, what: str, seconds: float = 60) -> Found:
    """What the condition gives once it is true; fails with `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        assert time.monotonic() < deadline, f"after {seconds} s: {what}"
        time.sleep(0.05)


def wait_until_healthy(url: str, process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait until a process answers 200 at an address; fails at once if it ends."""

    def healthy() -> bool:
        assert process.poll() is None, f"ended with {process.returncode} before {url} answered"
        try:
            return httpx.get(url, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(healthy, what=f"{url} does not answer", seconds=seconds)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
