"""All pages of the desk in a browser: on a phone, by keyboard alone, and two operators at once."""

import pytest

from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.subscribing import subscribe
from ordercast.domain.people import Role
from ordercast.store import audit
from tests.orders import named, plan_change, waiting
from tests.services.browser import PHONE
from tests.services.test_desk_fallout import CAUSE, failed

pytestmark = pytest.mark.service

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = "[document.activeElement.getAttribute('href'), document.activeElement.innerText]"
MOST_TABS = 60


@pytest.fixture
def subscriber_id(database):
    wanted = {"kind": "public", "name": "crm", "url": "http://127.0.0.1:9/pushes"}
    with database.write() as session:
        return subscribe(session, NewSubscriber.model_validate(wanted)).id


@pytest.fixture
def pages(database, subscriber_id):
    """The addresses of all pages, each with something to show."""
    order_no, stopped = waiting(plan_change())[0], failed()
    with database.write() as session:
        audit.note(session, who="ada", did="orders.retry", subject=order_no, reason="r " * 200)
    cause = "&".join(f"{name}={value}" for name, value in CAUSE.items())
    work_order = named(order_no, "contract-check").id
    subscriber = f"/subscribers/{subscriber_id}"
    return [
        *("/", "/me", "/users", "/audit", "/work-orders", f"/work-orders/{work_order}"),
        *("/orders", f"/orders/{order_no}", f"/orders/{stopped}"),
        *("/fallout", f"/fallout/cause?{cause}"),
        *("/subscribers", "/subscribers/add", subscriber),
        *(f"{subscriber}/edit", f"{subscriber}/replay"),
    ]


@pytest.mark.parametrize(("locale", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_every_page_fits_a_phone(desk, pages, locale, scheme):
    page = desk.signed_in("ada", Role.ADMIN, locale=locale, viewport=PHONE, color_scheme=scheme)
    for place in pages:
        answer = page.goto(f"{desk.url}{place}")
        assert answer.status == 200, place
        assert page.evaluate(OVERFLOW) <= 0, place


def test_an_operator_acts_on_fallout_by_keyboard_alone(desk):
    failed()
    page = desk.signed_in("ann")
    page.goto(f"{desk.url}/work-orders")
    tab_to(page, "/desk/fallout")
    page.keyboard.press("Enter")
    page.wait_for_url("**/fallout")
    tab_to(page, "HSS-5012")
    page.keyboard.press("Enter")
    page.wait_for_url("**/fallout/cause?*")
    tab_to(page, "Dry run")
    page.keyboard.press("Enter")
    page.get_by_text("Reopen: 1 order").wait_for()
    page.get_by_label("Reason").focus()
    page.keyboard.type("template added")
    tab_to(page, "Do it")
    page.keyboard.press("Enter")
    page.get_by_text("0 of 1").wait_for()


def test_an_admin_tests_and_pauses_a_subscriber_by_keyboard_alone(desk, subscriber_id):
    page = desk.signed_in("ada", Role.ADMIN)
    page.goto(f"{desk.url}/subscribers")
    tab_to(page, f"/desk/subscribers/{subscriber_id}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{subscriber_id}")
    tab_to(page, "Pause")
    page.keyboard.press("Enter")
    page.keyboard.type("they move house")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Resume").wait_for()


def tab_to(page, what):
    """Press Tab until a link to an address, or what bears a text, has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if what in page.evaluate(FOCUSED):
            return
    raise AssertionError(f"no {what} is reached by Tab")


def test_of_two_operators_who_cancel_an_order_the_second_sees_that_it_is_asked_for(desk):
    order_no = waiting(plan_change())[0]
    ann, bob = desk.signed_in("ann"), desk.signed_in("bob")
    for page in (ann, bob):
        page.goto(f"{desk.url}/orders/{order_no}")
        page.locator(".live[data-live-state=on]").wait_for()
    bob.get_by_role("button", name="Cancel", exact=True).click()
    bob.locator("dialog[open] textarea").fill("me too")
    ann.get_by_role("button", name="Cancel", exact=True).click()
    ann.locator("dialog[open] textarea").fill("ordered twice")
    ann.locator("dialog[open] form button:not([type=button])").click()
    ann.get_by_role("cell", name="ordered twice").wait_for()
    bob.locator("dialog[open] form button:not([type=button])").click()
    bob.get_by_text("That cannot be done now").wait_for()


def test_of_two_operators_who_act_on_one_cause_the_second_has_nothing_left_to_do(desk):
    failed()
    ann, bob = desk.signed_in("ann"), desk.signed_in("bob")
    for page in (ann, bob):
        page.goto(f"{desk.url}/fallout")
        page.get_by_role("link", name="HSS-5012").click()
        page.get_by_role("button", name="Dry run").click()
        page.get_by_text("Reopen: 1 order").wait_for()
        page.get_by_label("Reason").fill("template added")
    ann.get_by_role("button", name="Do it").click()
    ann.get_by_text("0 of 1").wait_for()
    bob.get_by_role("button", name="Do it").click()
    bob.get_by_text("That cannot be done now").wait_for()
