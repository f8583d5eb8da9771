"""Nudges: whoever waits for something in the database is told at once that it is there.

A nudge is a datagram to every listener of its topic on this machine, sent after the commit.
It carries nothing and may be lost: each listener also looks by itself now and then.
"""

import os
import socket
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

from sqlalchemy.orm import Session

from config.settings import settings

KEY = "nudges"


class Topic(StrEnum):
    """What there may be to do."""

    LAUNCH = "launch"
    WAKE = "wake"
    COMMAND = "command"
    DELIVER = "deliver"
    CLAIM = "claim"
    RECOVER = "recover"


def nudge_after_commit(session: Session, topic: Topic) -> None:
    """Nudge the listeners of a topic once the session's transaction has been committed."""
    session.info.setdefault(KEY, set()).add(topic)


def nudge_for(session: Session) -> None:
    """Send what was asked for during a transaction that has been committed."""
    for topic in session.info.pop(KEY, ()):
        nudge(topic)


def nudge(topic: Topic) -> None:
    """Nudge the listeners of a topic now; those that are gone are forgotten."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for path in _directory().glob(f"{topic}-*"):
            try:
                sender.sendto(b"!", str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:  # its queue is full: it has been nudged already
                continue


class Listener:
    """Hears the nudges of a topic, from whichever process they come."""

    def __init__(self, topic: Topic) -> None:
        directory = _directory()
        directory.mkdir(mode=0o700, exist_ok=True)
        self._path = directory / f"{topic}-{os.getpid()}-{uuid4().hex[:8]}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))

    def wait(self, seconds: float) -> bool:
        """Wait for a nudge, at most so long; whether there was one. Those queued count as one."""
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
