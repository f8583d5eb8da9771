"""Waiting for conditions with a deadline, instead of sleeping for luck."""

import socket
import subprocess
import time
from collections.abc import Callable
from random import SystemRandom
from typing import TypeVar

import httpx

from tests.plain_http import HTTP

Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found], *, what: str, seconds: float = 60) -> Found:
    """What the condition gives once it is true; fails with `what` after so many seconds."""
    began = time.monotonic()
    while True:
        if found := condition():
            return found
        waited = time.monotonic() - began
        assert waited < seconds, f"after {seconds} s: {what}"
        time.sleep(min(max(waited / 10, 0.02), 0.5))  # to look is work too, on the same machine


def wait_until_healthy(url: str, process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait until a process answers 200 at an address; fails at once if it ends."""

    def healthy() -> bool:
        assert process.poll() is None, f"ended with {process.returncode} before {url} answered"
        try:
            return HTTP.get(url, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(healthy, what=f"{url} does not answer", seconds=seconds)


PORTS = range(20_000, 32_000)
"""Below those of outgoing connections, one of which may take a port before its server does."""


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = SystemRandom().choice(PORTS)  # whatever seed a property has set
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
