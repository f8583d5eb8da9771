"""The desk in a real browser: Chromium on a gateway of the test's own.

```python
pytestmark = pytest.mark.service

def test_…(desk):
    page = desk.signed_in("ann")            # a user of that name, in a browser of their own
    page.goto(f"{desk.url}/orders")
```

The gateway works on the database of the `home` fixture, so a test may fill it directly.
"""

import faulthandler
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from config.settings import settings
from ordercast.domain.errors import Conflict
from ordercast.domain.people import Role
from ordercast.services.gateway import service
from ordercast.services.supervisor import is_ready
from ordercast.store import engine, users
from ordercast.store.engine import Database
from tests.chromium import chromium
from tests.waiting import free_port, wait_for

PASSWORD = "battery horse staple"
READY_SECONDS = 60
STOP_SECONDS = 30
PHONE = {"width": 390, "height": 844}


class Desk:
    """A desk that is served, and browsers in front of it."""

    def __init__(self, url: str, chromium: Any) -> None:
        self.url, self._chromium = url, chromium
        self.contexts: list[Any] = []
        self.faults: list[str] = []

    def page(self, **options: Any) -> Any:
        """A page in a browser of its own; options as locale, timezone_id, viewport, color_scheme.

        Whatever breaks the page's rules, or fails in its scripts, is an error of the test.
        """
        chosen = {"locale": "en-GB", "timezone_id": "Asia/Shanghai", **options}
        context = self._chromium.new_context(**chosen)
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._note)
        return page

    def _note(self, message: Any) -> None:
        is_refusal = "Failed to load resource" in message.text
        if message.type == "error" and not is_refusal:
            self.faults.append(message.text)

    def signed_in(self, name: str, role: Role = Role.OPERATOR, **options: Any) -> Any:
        """The page of a user who has just signed in; the user is made if there is none."""
        with suppress(Conflict):
            users.add(engine.database(), name, role=role, password=PASSWORD)
        page = self.page(**options)
        page.goto(f"{self.url}/sign-in")
        page.locator("input[name=name]").fill(name)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("button.main").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""

    with chromium() as running:
        yield running


@pytest.fixture
def desk(home: Path, database: Database, browser: Any, monkeypatch: Any) -> Iterator[Desk]:
    """The desk of a gateway that works on the test's database."""
    port, stop = free_port(), threading.Event()
    monkeypatch.setenv("ORDERCAST_GATEWAY__PORT", str(port))
    settings.cache_clear()
    gateway = threading.Thread(target=service.run, args=(stop,), name="gateway", daemon=True)
    gateway.start()
    served = Desk(f"http://127.0.0.1:{port}/desk", browser)
    try:
        ready = f"http://127.0.0.1:{port}/ready"
        wait_for(lambda: is_ready(ready), what="the gateway is not ready", seconds=READY_SECONDS)
        yield served
        assert served.faults == []
    finally:
        for context in served.contexts:
            context.close()
        stop.set()
        gateway.join(STOP_SECONDS)
        if gateway.is_alive():
            faulthandler.dump_traceback()  # where each of its threads is
            pytest.fail("the gateway did not stop")
