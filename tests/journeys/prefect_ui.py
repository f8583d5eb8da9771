"""The Prefect UI in a real browser, used as an operator uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

from tests.chromium import chromium

WAIT_MS = 20_000
SIZE = {"width": 1400, "height": 900}


class PrefectUi:
    """A browser window on the UI of a Prefect server."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    @classmethod
    @contextmanager
    def open(cls, url: str) -> Iterator["PrefectUi"]:
        with chromium() as browser:
            page = browser.new_page(viewport=SIZE)
            page.set_default_timeout(WAIT_MS)
            expect.set_options(timeout=WAIT_MS)
            yield cls(page, url)

    def open_runs(self, **search: str) -> None:
        """The list of runs, filtered by its address as the links in the documentation are."""
        self.page.goto(f"{self.url}/v2/runs?{urlencode(search)}")

    def open_run(self, flow_run_id: str) -> None:
        """The page of a run, at what its state says."""
        self.page.goto(f"{self.url}/v2/runs/flow-run/{flow_run_id}?tab=Details")

    def see(self, text: str) -> None:
        """Wait until the page shows a text."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def retry(self) -> None:
        """Choose Retry from the run's menu, say yes, and leave."""
        self._choose("Retry", confirm="Retry")
        self.see("Flow run scheduled for retry")
        self._leave()

    def cancel(self) -> None:
        """Choose Cancel from the run's menu, say yes, and leave."""
        self._choose("Cancel", confirm="Cancel Flow Run")
        self.see("Flow run cancelled")
        self._leave()

    def _choose(self, action: str, *, confirm: str) -> None:
        self.page.get_by_role("button", name="Open menu").click()
        self.page.get_by_role("menuitem", name=action).click()
        self.page.get_by_role("alertdialog").get_by_role("button", name=confirm).click()

    def _leave(self) -> None:
        """A page that stays open draws and asks without pause."""
        self.page.goto("about:blank")
