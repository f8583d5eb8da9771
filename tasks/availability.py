"""Whether the other parties are there: while one is away, orders park at once.

A segment that finds a party away tries for up to 20 s. Without this, a thousand parked orders
would do so one after another, and hold every thread of the worker. So one segment at a time
asks a party that was away just now; the others park without asking. A party is away when several
in a row have got nothing: one order that it stumbles over, with 500, is no reason to park others.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ordercast.domain.errors import TransientFault

REST_SECONDS = 10
FAULTS_IN_A_ROW = 3


class Availability:
    """What this process knows of one party."""

    def __init__(self, name: str, *, rest_seconds: float = REST_SECONDS) -> None:
        self._name, self._rest_seconds = name, rest_seconds
        self._lock = threading.Lock()
        self._away_until = 0.0
        self._faults = 0
        self._reason = ""

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask the party; TransientFault at once if it was away just now and nobody shall ask."""
        self._pass_or_park()
        try:
            yield
        except TransientFault as fault:
            self._note(str(fault))
            raise
        except Exception:
            self._note()  # whoever refuses is there
            raise
        self._note()

    def _pass_or_park(self) -> None:
        with self._lock:
            if self._faults < FAULTS_IN_A_ROW:
                return
            if time.monotonic() < self._away_until:
                raise TransientFault(f"{self._name} was away just now: {self._reason}")
            self._away_until = time.monotonic() + 2 * self._rest_seconds  # this one asks

    def _note(self, reason: str = "") -> None:
        with self._lock:
            self._faults, self._reason = self._faults + 1 if reason else 0, reason
            self._away_until = time.monotonic() + self._rest_seconds


PLATFORM = Availability("the platform")
ARCHIVE = Availability("the archive")
