"""Orders at the desk in a browser: by keyboard alone, and followed without loading again."""

import pytest

from ordercast.domain.people import Role
from ordercast.services.relay.command import command
from ordercast.store import runs
from tests.orders import item, named, order, plan_change, report, waiting
from tests.services.browser import PHONE
from tests.waiting import wait_for

pytestmark = pytest.mark.service

NUMBER = "8613812345678"
FOCUS_AFTER_A_SWAP = """new Promise((tell) => {
  const soon = () => setTimeout(() => tell(document.activeElement.textContent));
  document.addEventListener("htmx:afterSwap", soon, { once: true });
  document.body.dispatchEvent(new CustomEvent("desk:orders"));
})"""


def test_an_operator_finds_an_order_and_cancels_it_by_keyboard_alone(desk):
    order_no, _ = waiting(
        order(item(product="plan-change", action="modify", msisdn=NUMBER, plan="x"))
    )
    waiting(order())
    page = desk.signed_in("ann")
    page.goto(f"{desk.url}/orders")
    page.locator("#found tbody tr").nth(1).wait_for()
    page.locator("h1").click()
    page.keyboard.press("/")
    page.keyboard.type("+86 138 1234 5678")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/orders/{order_no}*")
    assert page.locator("svg .node").count() == 4
    page.get_by_role("button", name="Cancel", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.type("ordered twice")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("cell", name="ordered twice").wait_for()
    assert page.get_by_role("button", name="Cancel", exact=True).count() == 0
    command(api=None)  # as the relay does; the page is not loaded again
    page.get_by_text("what was open is cancelled").first.wait_for()
    assert page.locator('svg .node[data-state="cancelled"]').count() == 4


def test_the_page_follows_reports_and_offers_to_accept_the_one_that_contradicts(desk):
    order_no, _ = waiting(plan_change())
    page = desk.signed_in("ann")
    page.goto(f"{desk.url}/orders/{order_no}")
    report(named(order_no, "contract-check"), report_id="r-1")
    page.locator('svg .node[data-state="completed"]').wait_for()
    report(named(order_no, "contract-check"), "failed", report_id="r-2")
    page.reload()
    page.get_by_role("button", name="Accept").click()
    page.locator("dialog[open] textarea").fill("the crew was there")
    page.locator("dialog[open] button.main").click()
    page.get_by_role("cell", name="the crew was there").wait_for()
    command(api=None)
    page.locator('svg .node[data-state="failed"]').wait_for()


def test_a_button_keeps_the_focus_when_what_is_around_it_is_loaded_again(desk):
    order_no, _ = waiting(plan_change())
    page = desk.signed_in("ann")
    page.goto(f"{desk.url}/orders/{order_no}")
    page.get_by_role("button", name="Cancel", exact=True).focus()
    page.evaluate("document.activeElement.isOld = true")
    report(named(order_no, "contract-check"), report_id="r-1")
    has_focus = "(here => here.textContent === 'Cancel' && !here.isOld)(document.activeElement)"
    wait_for(lambda: page.evaluate(has_focus), what="the focus is gone", seconds=20)
    assert page.evaluate(FOCUS_AFTER_A_SWAP) == "Cancel"  # the next load may come at once


def test_somebody_who_only_looks_reads_it_on_a_phone_in_chinese(desk):
    order_no, lease = waiting(plan_change(lines=45))
    runs.park(lease, "the archive does not answer")
    page = desk.signed_in("vic", Role.VIEWER, locale="zh-CN", viewport=PHONE, color_scheme="dark")
    page.goto(f"{desk.url}/orders/{order_no}")
    page.get_by_text("等待：故障后的下次重试").first.wait_for()
    assert page.get_by_role("button", name="重试").count() == 0
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(width) <= 0
    page.get_by_role("navigation", name="分页").get_by_role("link").first.click()
    page.locator("tbody a[href*='line=21']").wait_for()
