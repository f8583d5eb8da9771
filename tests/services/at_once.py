"""Doing things at the same instant, each in a thread with a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
PATIENCE_SECONDS = 30


def at_once(*deeds: Callable[[], Result]) -> list[Result]:
    """What each gives, in the order given; the first exception of any of them is raised."""
    start = threading.Barrier(len(deeds))

    def begin(deed: Callable[[], Result]) -> Result:
        start.wait(PATIENCE_SECONDS)
        return deed()

    with ThreadPoolExecutor(len(deeds)) as threads:
        begun = [threads.submit(begin, deed) for deed in deeds]
        return [each.result(PATIENCE_SECONDS) for each in begun]
