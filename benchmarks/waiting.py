"""Waiting for something, with patience that ends."""

import time
from collections.abc import Callable

from ordercast.demo.failing import DemoFailed

STALL_SECONDS = 180


def wait_until(
    condition: Callable[[], bool], *, what: str, seconds: float = STALL_SECONDS, every: float = 0.05
) -> None:
    """Wait for a condition; DemoFailed with `what` is wrong after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise DemoFailed(f"after {seconds:.0f} s: {what}")
        time.sleep(every)


class Patience:
    """Ends, with DemoFailed, when nothing has moved for three minutes."""

    def __init__(self, what: str) -> None:
        self._what, self._last, self._at = what, -1, time.monotonic()

    def look_at(self, done: int) -> None:
        if done != self._last:
            self._last, self._at = done, time.monotonic()
        elif time.monotonic() - self._at > STALL_SECONDS:
            raise DemoFailed(f"{self._what}: nothing has moved for {STALL_SECONDS} s")
