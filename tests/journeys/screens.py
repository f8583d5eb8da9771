"""The pictures of the desk in docs/screens: `python -m tests.journeys.screens`.

A whole Ordercast with the sample orders, whose crew reports some of the work and fails some.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

from tests.chromium import chromium
from tests.journeys.receiver import Receiver, told_by
from tests.journeys.stack import ORDERS, Stack, running
from tests.waiting import wait_for

EXAMPLES, SCREENS = Path("examples"), Path("docs/screens")
PLACE = {"timezone_id": "Asia/Shanghai"}
FAILURES = {
    "number-inventory": ("NUM-409", "the number is not free"),
    "sim-inventory": ("CARD-17", "the card is not known"),
}
BUSY = ("NE-503", "the system is busy")
FAILING = ("sim-activation.json", "sim-replacement.json", "iot-fleet.json", "port-in.json")
COMPLETED = "plan-change.json"


def main() -> None:
    """Take them all anew, in English and in Chinese."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "home") as stack,
        told_by(stack.ask) as receiver,
        chromium() as browser,
    ):
        orders = _orders(stack, receiver)
        for language in ("en-GB", "zh-CN"):
            page = browser.new_context(locale=language, **PLACE).new_page()
            _sign_in(page, stack)
            for name, path, height in (
                ("work-orders", "work-orders", 560),
                ("order", f"orders/{orders[COMPLETED]}", 860),
                ("fallout", "fallout", 360),
            ):
                page.set_viewport_size({"width": 1200, "height": height})
                page.goto(f"{stack.gateway}/desk/{path}")
                page.screenshot(path=SCREENS / f"desk-{name}-{language[:2]}.png")


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


def _sign_in(page: Any, stack: Stack) -> None:
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
