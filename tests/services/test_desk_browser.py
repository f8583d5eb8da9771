"""The desk in a browser: signing in, themes, languages, times."""

import pytest

pytestmark = pytest.mark.service


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
