"""Number: events that are committed take their positions in the feed."""

import logging
import threading
from contextlib import closing

from ordercast.services.relay.loop import NUDGED_SECONDS
from ordercast.store import feed
from ordercast.store.engine import DATABASE_AWAY, database
from ordercast.store.nudges import Listener, Topic

log = logging.getLogger("ordercast.relay")

FAULT_PAUSE_SECONDS = 2

GATHER_SECONDS = 0.2
"""Events that come together are numbered together: pushes do not wait for it, the feed does."""


def number_forever(stop: threading.Event) -> None:
    """Number events as they come, until told to stop. Several relays take turns."""
    with closing(Listener(Topic.NUMBER)) as listener:
        while not stop.is_set():
            if not number() and listener.wait(NUDGED_SECONDS):
                stop.wait(GATHER_SECONDS)


def number() -> bool:
    """Number a round of events; true if there may be more at once."""
    try:
        with database().read() as session:
            if not feed.has_unnumbered(session):
                return False
        with database().write() as session:
            return feed.number_events(session) == feed.ROUND
    except DATABASE_AWAY as fault:
        log.debug("the feed waits: %s", type(fault).__name__)
    except Exception:
        log.exception("cannot number events")
    threading.Event().wait(FAULT_PAUSE_SECONDS)
    return False
