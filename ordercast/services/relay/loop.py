"""A loop of the relay: a turn, a pause, and patience while something is away."""

import logging
import threading
from collections.abc import Callable

import httpx
from prefect.exceptions import ObjectNotFound
from sqlalchemy.exc import OperationalError

from ordercast.services.relay.prefect_api import PrefectApi, prefect_api

log = logging.getLogger("ordercast.relay")

LONGEST_PAUSE_SECONDS = 5
AWAY = (httpx.HTTPError, OperationalError, ObjectNotFound)
"""What tells that Prefect, its deployment or the database is away for the moment."""

Turn = Callable[[PrefectApi], bool]
"""One turn of a loop; true if there may be more to do at once."""


class Loop(threading.Thread):
    """Runs turns until it is stopped; a fault is told once and tried again, ever later."""

    def __init__(
        self, name: str, turn: Turn, *, pause_seconds: float, stop: threading.Event
    ) -> None:
        super().__init__(name=f"relay-{name}", daemon=True)
        self._turn, self._pause, self._stopped = turn, pause_seconds, stop
        self._faults = 0

    def run(self) -> None:
        with prefect_api() as api:
            while not self._stopped.is_set():
                if not self._one(api):
                    self._stopped.wait(self._patience())

    def _one(self, api: PrefectApi) -> bool:
        try:
            more = self._turn(api)
        except Exception as fault:
            self._note(fault)
            api.forget_deployment()
            return False
        if self._faults:
            log.info("%s goes on", self.name)
        self._faults = 0
        return more

    def _note(self, fault: Exception) -> None:
        self._faults += 1
        if isinstance(fault, AWAY):
            if self._faults == 1:
                log.warning("%s waits: %s", self.name, type(fault).__name__)
        else:
            log.exception("%s: a turn failed", self.name)

    def _patience(self) -> float:
        return max(self._pause, min(self._faults * 0.5, LONGEST_PAUSE_SECONDS))
