"""What a benchmark says: how far it is while it runs, and one line of JSON at the end."""

import json
import os
import platform
import sys
import time
from collections.abc import Mapping

QUIET_SECONDS = 5


def say(text: str) -> None:
    """A line of progress, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


class Counter:
    """Tells how many of a number are done: at once when all are, else every five seconds."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._said, self._at = -1, time.monotonic()

    def __call__(self, done: int) -> None:
        is_due = time.monotonic() - self._at >= QUIET_SECONDS or done >= self._total
        if is_due and done != self._said:
            say(f"{self._what}: {done:,} of {self._total:,}")
            self._said, self._at = done, time.monotonic()


def machine() -> str:
    """What the figures were taken on, and how busy it was: load average of 1, 5, 15 minutes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {memory:.0f} GB, Python {python}; load average {load}"


def tell_figures(benchmark: str, figures: Mapping[str, float]) -> None:
    """The last line: the figures by name, for people and programs."""
    rounded = {name: _rounded(value) for name, value in figures.items()}
    print(json.dumps({"benchmark": benchmark, "figures": rounded}), flush=True)


def _rounded(value: float) -> float:
    """Four significant digits: the rest is noise."""
    return float(f"{value:.4g}")
