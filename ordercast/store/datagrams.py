"""Nudges within one machine: a datagram to every listener of a topic."""

import os
import socket
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

from config.settings import settings


def send(topic: str) -> None:
    """Send a datagram to the listeners of a topic; those that are gone are forgotten."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for path in _directory().glob(f"{topic}-*"):
            try:
                sender.sendto(b"!", str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:  # its queue is full: it has been nudged already
                continue


class DatagramListener:
    """Hears the datagrams of a topic, from whichever process they come."""

    def __init__(self, topic: str) -> None:
        directory = _directory()
        directory.mkdir(mode=0o700, exist_ok=True)
        self._path = directory / f"{topic}-{os.getpid()}-{uuid4().hex[:8]}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))

    def wait(self, seconds: float) -> bool:
        """Wait for a datagram, at most so long; whether there was one."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            self._socket.recv(1)
        except TimeoutError:
            return False
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(1)
        except BlockingIOError:
            return True

    def close(self) -> None:
        """Hear nothing more."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


def _directory() -> Path:
    """One directory for each home; short, because the path of a socket may not be long."""
    home = sha256(str(settings().home.absolute()).encode()).hexdigest()[:16]
    return Path(gettempdir()) / f"ordercast-{os.getuid()}-{home}"
