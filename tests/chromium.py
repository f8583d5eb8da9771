"""The browser of the tests: the system's Chromium, which asks nobody outside."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
"""The first without windows and all that belongs to them: it takes a third of the processor."""

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",  # Prefect's graph of a run is drawn without pause
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a window; the test is skipped where there is none."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (it takes its time to load)

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)}: run .ci/services")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        try:
            yield running
        finally:
            running.close()
