"""The desk in a browser: signing in, two people, the keyboard alone, files, a phone."""

import os
from pathlib import Path

import pytest

from tests.orders import named, plan_change, waiting
from tests.services.browser import PHONE

pytestmark = pytest.mark.service

FIRST = "contract-check"


def shoot(page, name):
    """A picture for whoever wants to look: where ORDERCAST_TEST_PICTURES says."""
    if place := os.environ.get("ORDERCAST_TEST_PICTURES"):
        page.screenshot(path=str(Path(place) / f"{name}.png"), full_page=True)


def test_somebody_signs_in_switches_theme_and_language_and_signs_out(desk):
    page = desk.signed_in("ann", color_scheme="dark")
    page.goto(f"{desk.url}/me")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("[data-theme-switch]").click()
    assert page.evaluate(ground) != dark
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "light"
    page.get_by_role("button", name="中文").click()
    page.get_by_role("heading", name="我的账号").wait_for()
    page.locator(".live[data-live-state=on]").wait_for()
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/sign-in")


def test_two_people_on_one_work_order_hear_of_each_other(desk):
    order_no = waiting(plan_change())[0]
    first = named(order_no, FIRST).id
    ann, bob = desk.signed_in("ann"), desk.signed_in("bob")
    for page in (ann, bob):
        page.goto(f"{desk.url}/work-orders")
        page.locator(".live[data-live-state=on]").wait_for()
    bob.locator(f"input[value={first}]").check()
    ann.locator(f"input[value={first}]").check()
    ann.get_by_role("button", name="Claim").click()
    ann.get_by_text("Claimed: 1").wait_for()
    bob.locator(f"#row-{first}").get_by_text("ann").wait_for()  # by itself
    assert bob.locator(f"input[value={first}]").is_checked()
    shoot(bob, "queue")
    bob.goto(f"{desk.url}/work-orders/{first}")
    bob.get_by_label("What happened").fill("half typed")
    bob.get_by_role("button", name="Completed").click()
    bob.get_by_text("ann has claimed this work order").wait_for()
    assert bob.get_by_label("What happened").input_value() == "half typed"
    shoot(bob, "claimed")
    ann.goto(f"{desk.url}/work-orders/{first}")
    ann.locator(".live[data-live-state=on]").wait_for()
    bob.get_by_role("button", name="Completed").click()
    bob.get_by_text("The report is taken").first.wait_for()
    ann.get_by_role("heading", name="Reports").wait_for()  # by itself
    assert ann.get_by_role("button", name="Completed").count() == 0
    assert named(order_no, FIRST).state == "completed"


def test_the_keyboard_alone_is_enough(desk):
    order_no = waiting(plan_change())[0]
    page = desk.signed_in("ann")
    page.goto(f"{desk.url}/me")
    page.keyboard.press("g")
    page.keyboard.press("1")
    page.wait_for_url("**/work-orders")
    page.locator("[data-rows] > tr").first.wait_for()
    page.goto(f"{desk.url}/work-orders?shelf=ready")
    for key in ("j", "x", "c"):
        page.keyboard.press(key)
    page.get_by_text("Claimed: 1").wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.goto(f"{desk.url}/work-orders?shelf=claimed")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("f")
    page.keyboard.type("E7")
    page.keyboard.press("Tab")
    page.keyboard.type("no signal")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("The report is taken").wait_for()
    row = named(order_no, FIRST)
    assert (row.state, row.code, row.text) == ("failed", "E7", "no signal")


def test_a_file_goes_down_and_up_in_chinese_on_a_dark_phone(desk, tmp_path):
    order_no = waiting(plan_change())[0]
    page = desk.signed_in("ann", locale="zh-CN", color_scheme="dark", viewport=PHONE)
    page.goto(f"{desk.url}/work-orders")
    shoot(page, "phone")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"]
    with page.expect_download() as coming:
        page.get_by_text("下载 CSV").click()
    file = tmp_path / "work-orders.csv"
    coming.value.save_as(file)
    first = named(order_no, FIRST).id
    text = file.read_text(encoding="utf-8-sig").replace(f"{first},,", f"{first},完成,")
    file.write_bytes(text.encode("gbk"))
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="上传").click()
    page.get_by_text("报竣已受理").wait_for()
    assert named(order_no, FIRST).state == "completed"
