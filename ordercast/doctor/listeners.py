"""The listeners, seen by the doctor: how each stands with its broker."""

from collections.abc import Iterator

from config.settings import settings
from ordercast.doctor.findings import Finding
from ordercast.store.engine import database
from ordercast.store.listeners import ListenerState, how_it_stands, listeners

PART = "listener"


def look() -> Iterator[Finding]:
    """How each listener stands with its broker, where the settings name one."""
    if not settings().broker.url.get_secret_value():
        return
    with database().read() as session:
        known = listeners(session)
    if not known:
        yield Finding(PART, "none has shown itself", "start it: `ordercast serve listener`")
    for row in known:
        stands = how_it_stands(row)
        cure = "" if stands == ListenerState.LISTENING else "see that the broker runs"
        yield Finding(PART, f"{row.listener} at {row.broker}: {stands} {row.reason}", cure)
