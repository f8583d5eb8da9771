"""The message middleware, seen by the doctor: the broker is asked, and nothing in it is moved."""

import asyncio
from collections.abc import Iterator

from config.settings import settings
from ordercast.doctor import jetstream, rabbitmq
from ordercast.doctor.findings import Finding
from ordercast.services.listener.choosing import BROKERS
from ordercast.services.listener.queues import queues

ASKING = {"rabbit": rabbitmq.look, "jetstream": jetstream.look}


def look() -> Iterator[Finding]:
    """Whether the broker of the settings, where they name one, can be used as a listener does.

    ConfigurationError if the queues of the settings are not fit.
    """
    chosen = settings().broker
    scheme = chosen.url.get_secret_value().partition("://")[0]
    if not scheme:
        return
    if scheme not in BROKERS:
        known = ", ".join(f"{name}://" for name in BROKERS)
        yield Finding("broker", f"{scheme}:// is of no known broker", f"use one of: {known}")
        return
    module, _ = BROKERS[scheme]
    yield from asyncio.run(ASKING[module](chosen, queues(chosen)))
