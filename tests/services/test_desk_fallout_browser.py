"""Fallout and subscribers at the desk in a browser: a dry run, an act, and a secret shown once."""

import pytest

from ordercast.domain.people import Role
from ordercast.store import commands
from ordercast.store.commands import CommandState
from tests.services.browser import PHONE
from tests.services.test_desk_fallout import failed

pytestmark = pytest.mark.service


def test_a_cause_is_tried_and_then_acted_on_and_its_results_come_in(desk, database):
    failed(), failed()
    page = desk.signed_in("ann")
    page.goto(f"{desk.url}/fallout")
    page.get_by_role("link", name="HSS-5012").click()
    page.get_by_role("button", name="Dry run").click()
    page.get_by_text("Reopen: 2 orders").wait_for()
    page.get_by_label("Reason").fill("template added")
    page.get_by_role("button", name="Do it").click()
    page.get_by_text("0 of 2").wait_for()
    with database.write() as session:
        due = commands.lease_due(session, limit=5, lease_seconds=60)
        commands.finish_all(session, {each.id: (CommandState.DONE, "open again") for each in due})
    page.get_by_text("open again").first.wait_for()


def test_a_subscriber_is_added_in_chinese_on_a_phone_and_paused(desk):
    page = desk.signed_in("ada", Role.ADMIN, locale="zh-CN", viewport=PHONE)
    page.goto(f"{desk.url}/subscribers/add")
    page.locator("[name=name]").fill("crm")
    page.locator("[name=url]").fill("ftp://nowhere")
    page.get_by_role("button", name="添加").click()
    page.locator("label", has=page.locator("[name=url]")).get_by_role("alert").wait_for()
    page.locator("[name=url]").fill("http://127.0.0.1:9/pushes")
    page.get_by_role("button", name="添加").click()
    assert page.locator("#secret").inner_text().startswith("whsec_")
    page.get_by_role("link", name="我已保存").click()
    page.locator("[data-opens=pause]").click()
    page.locator("#pause textarea").fill("迁移")
    page.locator("#pause .main").click()
    page.get_by_text("暂停或停用").wait_for()
