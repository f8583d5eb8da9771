"""Fallout at the desk: groups, one cause, a dry run, an act and what comes of it."""

import re
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from ordercast.domain.people import Role
from ordercast.store import audit, commands, fallout_acts, users
from ordercast.store.commands import CommandState
from tasks.completion import await_completion
from tests.gateway import gateway
from tests.orders import named, plan_change, report, waiting

PASSWORD = "battery horse staple"
CAUSE = {"trouble": "work-order", "what": "HSS-5012"}


@pytest.fixture
def http(database):
    with signed_in(database, ann=Role.OPERATOR, vic=Role.VIEWER) as client:
        yield client


@contextmanager
def signed_in(database, **roles):
    """The desk, asked by the first of some users who are made for it."""
    for name, role in roles.items():
        users.add(database, name, role=role, password=PASSWORD)
    with TestClient(gateway(), follow_redirects=False) as client:
        sign_in(client, next(iter(roles)))
        yield client


def sign_in(http, name):
    http.cookies.clear()
    http.post("/desk/sign-in", data={"name": name, "password": PASSWORD, "next": "/desk/me"})


def post(http, path, **form):
    token = re.search(r'name="csrf" value="([^"]+)"', http.get("/desk/me").text)
    assert token
    return http.post(path, data={**form, "csrf": token[1]})


def failed(code="HSS-5012"):
    order_no, held = waiting(plan_change())
    report(named(order_no, "contract-check"), "failed", code=code, text="<unknown> template")
    assert await_completion.fn(held)
    return order_no


def test_causes_are_shown_with_their_counts_and_trends(http):
    failed(), failed(), failed("BOSS-403")
    shown = http.get("/desk/fallout").text
    assert shown.index("HSS-5012") < shown.index("BOSS-403")
    assert '<svg class="trend"' in shown
    apart = http.get("/desk/fallout?span=week&apart=agent&apart=product").text
    assert "plan-change" in apart


def test_a_cause_opens_to_what_it_has_stopped_and_says_when_that_is_over(http):
    order_no = failed()
    shown = http.get("/desk/fallout/cause", params=CAUSE).text
    assert order_no in shown and "&lt;unknown&gt; template" in shown
    assert (
        "Nothing is stopped" in http.get("/desk/fallout/cause", params={**CAUSE, "what": "E"}).text
    )


def test_a_dry_run_tells_how_many_and_an_act_is_kept_with_its_results(http, database):
    failed(), failed()
    tried = post(http, "/desk/fallout/try", **CAUSE, action="reopen")
    assert "2 orders" in tried.text and "None is left out" in tried.text
    begun = post(
        http,
        "/desk/fallout/acts",
        **CAUSE,
        action="reopen",
        reason="template added",
        per_second="0.1",
    )
    assert begun.status_code == 303
    place = begun.headers["location"]
    assert "0 of 2" in http.get(place).text
    with database.write() as session:
        due = commands.lease_due(session, limit=10, lease_seconds=60)
        commands.finish_all(session, {each.id: (CommandState.DONE, "open again") for each in due})
    shown = http.get(place).text
    assert "1 of 2" in shown and "open again" in shown
    assert "open again" not in http.get(f"{place}?state=acknowledged").text
    again = post(http, "/desk/fallout/try", **CAUSE, action="reopen")
    assert "1: the same is asked of them already" in again.text
    assert post(http, f"{place}/stop", reason="enough").status_code == 303
    with database.read() as session:
        _, (act,) = fallout_acts.listing(session, offset=0, limit=5)
        noted = audit.of_subject(session, act.id)
    assert [(each.who, each.did, each.reason) for each in noted] == [
        ("ann", "fallout.stop", "enough"),
        ("ann", "fallout.reopen", "template added"),
    ]


def test_an_act_needs_a_reason_and_an_operator(http):
    failed()
    refused = post(http, "/desk/fallout/acts", **CAUSE, action="reopen", reason=" ")
    assert refused.status_code == 400 and "say why" in refused.text
    sign_in(http, "vic")
    assert "Act on all" not in http.get("/desk/fallout/cause", params=CAUSE).text
    assert post(http, "/desk/fallout/acts", **CAUSE, action="reopen", reason="x").status_code == 403


def test_the_pages_speak_chinese(http):
    failed()
    shown = http.get("/desk/fallout", headers={"Accept-Language": "zh-CN"}).text
    assert "失败的工单" in shown
