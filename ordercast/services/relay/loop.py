"""A loop of the relay: a turn, a pause, and patience while something is away."""

import logging
import threading
from collections.abc import Callable
from contextlib import closing

import httpx
from prefect.exceptions import ObjectNotFound

from ordercast.services.relay.prefect_api import PrefectApi, prefect_api
from ordercast.store.engine import DATABASE_AWAY
from ordercast.store.nudges import Listener, Topic

log = logging.getLogger("ordercast.relay")

LONGEST_PAUSE_SECONDS = 5
NUDGED_SECONDS = 2
"""How often a loop looks by itself if whoever gives it work nudges it, and no time falls due."""

AWAY = (httpx.HTTPError, *DATABASE_AWAY, ObjectNotFound)
"""What tells that Prefect, its deployment or the database is away for the moment."""

Turn = Callable[[PrefectApi], bool]
"""One turn of a loop; true if there may be more to do at once."""


class Loop(threading.Thread):
    """Runs turns until it is stopped; a fault is told once and tried again, ever later."""

    def __init__(
        self, topic: Topic, turn: Turn, *, pause_seconds: float, stop: threading.Event
    ) -> None:
        super().__init__(name=f"relay-{topic}", daemon=True)
        self._topic, self._turn, self._pause, self._stopped = topic, turn, pause_seconds, stop
        self._faults = 0

    def run(self) -> None:
        listener = Listener(self._topic)
        with prefect_api() as api, closing(listener):
            while not self._stopped.is_set():
                if not self._one(api):
                    self._rest(listener)

    def _rest(self, listener: Listener) -> None:
        """Until a nudge, or for a while: after a fault nothing shortens it."""
        if self._faults:
            self._stopped.wait(max(self._pause, min(self._faults * 0.5, LONGEST_PAUSE_SECONDS)))
        else:
            listener.wait(self._pause)

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
