"""The pictures of the desk and of Prefect in docs/screens: `python -m tests.journeys.screens`.

A whole Ordercast with the sample orders, whose crew reports some of the work and fails some; of
a few more orders the platform has other outcomes already.
"""

import re
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page

from tests.chromium import chromium
from tests.flows.samples import plan_change
from tests.journeys.faults import FAULTS
from tests.journeys.receiver import Receiver, told_by
from tests.journeys.stack import ORDERS, Stack, running
from tests.waiting import wait_for

EXAMPLES, SCREENS = Path("examples"), Path("docs/screens")
SHANGHAI, COLOURS = "Asia/Shanghai", 256
BESIDE_MENU: FloatRect = {"x": 256, "y": 0, "width": 1184, "height": 900}
FAILURES = {
    "number-inventory": ("NUM-409", "the number is not free"),
    "sim-inventory": ("CARD-17", "the card is not known"),
}
BUSY = ("NE-503", "the system is busy")
FAILING = ("sim-activation.json", "sim-replacement.json", "iot-fleet.json", "port-in.json")
COMPLETED, WAITING = "plan-change.json", "service-suspension.json"
REFUSED, TECHNICAL_FAULTS = "sync-to-platform", 4
DRAWN_MS = 3_000


def main() -> None:
    """Take them all anew, the desk's in English and in Chinese."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "home") as stack,
        told_by(stack.ask) as receiver,
        chromium() as browser,
    ):
        orders = _orders(stack, receiver)
        _desk(browser, stack, orders)
        failed = [_failed_technically(stack) for _ in range(TECHNICAL_FAULTS)]
        _prefect(browser, stack, waiting=orders[WAITING], failed=failed[0])


def _desk(browser: Browser, stack: Stack, orders: dict[str, str]) -> None:
    for language in ("en-GB", "zh-CN"):
        page = browser.new_context(locale=language, timezone_id=SHANGHAI).new_page()
        _sign_in(page, stack)
        for name, path, height in (
            ("work-orders", "work-orders", 560),
            ("order", f"orders/{orders[COMPLETED]}", 860),
            ("fallout", "fallout", 360),
        ):
            page.set_viewport_size({"width": 1200, "height": height})
            page.goto(f"{stack.gateway}/desk/{path}")
            _keep(page, f"desk-{name}-{language[:2]}")


def _prefect(browser: Browser, stack: Stack, *, waiting: str, failed: str) -> None:
    """What an operator sees of runs that failed, of one of them, and of one that waits."""
    page = browser.new_page(viewport={"width": 1440, "height": BESIDE_MENU["height"]})
    ui = stack.prefect.removesuffix("api") + "v2/runs"
    for name, path, text in (
        ("runs", "?state=Failed&tags=agent:default", failed),
        ("failed", f"/flow-run/{_run_of(stack, failed)}", "press Retry"),
        ("waiting", f"/flow-run/{_run_of(stack, waiting)}?tab=Artifacts", "Waits for"),
    ):
        page.goto(f"{ui}{path}")
        page.get_by_text(text).first.wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(DRAWN_MS)  # what is drawn on a canvas says nothing when it is
        _keep(page, f"prefect-{name}", clip=BESIDE_MENU)


def _run_of(stack: Stack, order_no: str) -> str:
    of_order = {"flow_runs": {"name": {"like_": order_no}}}
    (run,) = stack.ask_prefect("POST", "/flow_runs/filter", json=of_order)
    return run["id"]


def _keep(page: Page, name: str, *, clip: FloatRect | None = None) -> None:
    """Keep what a page shows, or a part of it, in the colours of a palette, which takes less."""
    path = SCREENS / f"{name}.png"
    page.screenshot(path=path, clip=clip)
    with Image.open(path) as taken:
        few = taken.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    few.save(path, optimize=True)


def _failed_technically(stack: Stack) -> str:
    """An order whose outcome the platform refuses."""
    order_no = stack.submit(plan_change())
    stack.wait_for_work(order_no)
    next(each for each in FAULTS if each.step == REFUSED).put(stack, order_no)
    stack.report_all(order_no)
    wait_for(
        lambda: (stack.order(order_no).get("waitingFor") or "").startswith("operator"),
        what=f"{order_no} did not fail",
    )
    return order_no


def _orders(stack: Stack, receiver: Receiver) -> dict[str, str]:
    """The numbers of the sample orders by file; some are in flight, some ended well or badly."""
    orders: dict[str, str] = {}
    for file in sorted(EXAMPLES.glob("*.json")):
        answer = stack.ask("POST", ORDERS, content=file.read_bytes())
        if answer.is_success:
            orders[file.name] = answer.json()["id"]
    for order_no in orders.values():
        stack.wait_for_work(order_no)
    for name in FAILING:
        _fail(stack, orders[name])
    stack.report_all(orders[COMPLETED])
    wait_for(lambda: receiver.told_of(orders[COMPLETED]), what="nobody is told")
    return orders


def _fail(stack: Stack, order_no: str) -> None:
    """Report what can be done as failed."""
    reports = []
    for each in stack.get("/work-orders", order_no=order_no, state="acknowledged"):
        code, text = FAILURES.get(each["system"], BUSY)
        told = {"work_order_id": each["id"], "result": "failed", "code": code, "text": text}
        reports.append(told)
    stack.ask("POST", "/work-orders/reports", json=reports).raise_for_status()


def _sign_in(page: Page, stack: Stack) -> None:
    """As the admin whom the first start has made, with the password that it printed."""
    said = (stack.home / "up.log").read_text()
    found = re.search(r"Sign in at the desk as (\S+), password (\S+)", said)
    assert found, "no password was printed"
    page.goto(f"{stack.gateway}/desk/sign-in")
    page.locator("input[name=name]").fill(found[1])
    page.locator("input[name=password]").fill(found[2])
    page.locator("button.main").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


if __name__ == "__main__":
    main()
