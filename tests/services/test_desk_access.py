"""The desk's door: signing in and out, roles, forms of one's own, and headers."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from ordercast.domain.people import Role
from ordercast.services.gateway.desk import live
from ordercast.services.gateway.desk.app import create_desk
from ordercast.store import audit, desk_sessions, users
from ordercast.store.clock import now
from ordercast.store.people_tables import DeskSession
from tests.gateway import gateway

PASSWORD = "battery horse staple"


@pytest.fixture
def http(database):
    app = gateway()
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def ann(database):
    return users.add(database, "Ann", role=Role.OPERATOR, password=PASSWORD)


def sign_in(http, name="ann", password=PASSWORD, next="/desk/me", **headers):
    form = {"name": name, "password": password, "next": next}
    return http.post("/desk/sign-in", data=form, headers=headers)


def csrf(http):
    return re.search(r'name="csrf" value="([^"]+)"', http.get("/desk/me").text)[1]


def test_without_users_the_desk_says_how_to_add_one(http):
    answer = http.get("/desk/", follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/desk/sign-in")
    assert "ordercast users add" in answer.text


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(http, ann):
    answer = http.get("/desk/me?x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/desk/sign-in?next=/desk/me%3Fx%3D1"
    assert sign_in(http, next="/desk/me?x=1").headers["location"] == "/desk/me?x=1"
    assert http.get("/desk/me").status_code == 200


def test_a_part_of_a_page_leads_the_whole_page_to_the_sign_in(http):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/desk/me"}
    answer = http.get("/desk/live", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (
        204,
        "/desk/sign-in?next=/desk/me",
    )


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "/desk/\\x", "/x"])
def test_signing_in_leads_nowhere_else(http, ann, next):
    assert sign_in(http, next=next).headers["location"] == "/desk/"


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("bob", PASSWORD), ("", "")])
def test_a_wrong_name_and_a_wrong_password_are_answered_alike(http, ann, name, password):
    answer = sign_in(http, name, password)
    assert answer.status_code == 403
    assert "ordercast=" not in answer.headers.get("set-cookie", "")
    assert "not right" in answer.text


def test_a_disabled_user_is_out_at_once(http, ann, database):
    sign_in(http)
    with database.write() as session:
        users.disable(session, "ann")
    assert http.get("/desk/me").status_code == 303
    assert sign_in(http).status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(http, ann):
    cookie = sign_in(http).headers["set-cookie"].lower()
    assert cookie.startswith("ordercast=")
    assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie


def test_over_https_the_cookie_never_travels_in_the_clear(database, ann, monkeypatch):
    from tests.conftest import forget  # noqa: PLC0415 (settings are read anew)

    monkeypatch.setenv("ORDERCAST_GATEWAY__PUBLIC_URL", "https://orders.example")
    forget()
    with TestClient(gateway(), follow_redirects=False, base_url="https://orders.example") as c:
        cookie = sign_in(c).headers["set-cookie"]
        assert cookie.startswith("__Host-ordercast=") and "Secure" in cookie
        assert c.get("/desk/me").status_code == 200


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(http, ann):
    sign_in(http)
    stolen = dict(http.cookies)
    http.post("/desk/sign-out")
    http.cookies.update(stolen)
    assert http.get("/desk/me").status_code == 303


@pytest.mark.parametrize("form", [{}, {"csrf": "guessed"}])
def test_a_form_without_the_sessions_own_token_changes_nothing(http, ann, form):
    sign_in(http)
    answer = http.post("/desk/me/password", data={"present": PASSWORD, **form})
    assert answer.status_code == 403
    assert "too old" in answer.text


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}]
)
def test_another_sites_form_is_refused_before_anything_else(http, ann, headers):
    assert sign_in(http, **headers).status_code == 403
    assert http.get("/desk/me").status_code == 303


def test_ones_own_origin_is_taken(http, ann):
    assert sign_in(http, Origin="http://testserver").status_code == 303


def test_a_password_is_changed_at_the_desk_and_every_session_ends(http, ann, database):
    sign_in(http)
    form = {"present": PASSWORD, "new": "another fine one", "again": "another fine one"}
    answer = http.post("/desk/me/password", data={**form, "csrf": csrf(http)})
    assert answer.headers["location"] == "/desk/sign-in"
    assert http.get("/desk/me").status_code == 303
    assert sign_in(http).status_code == 403
    assert sign_in(http, password="another fine one").status_code == 303
    with database.read() as session:
        assert [each.did for each in audit.of_subject(session, "ann")] == [
            "desk.sign-in",
            "users.password",
            "desk.sign-in",
        ]


def test_an_admin_reads_the_audit_log_by_person_and_by_subject_page_after_page(http, database):
    users.add(database, "Root", role=Role.ADMIN, password=PASSWORD)
    with database.write() as session:
        for n in range(101):
            audit.note(session, who="ann", did="orders.retry", subject=f"o-{n}", reason="again")
        audit.note(session, who="bob", did="orders.cancel", subject="o-1", details={"n": "<1>"})
    sign_in(http, name="root")
    assert "/desk/audit" in http.get("/desk/me").text
    of_bob = http.get("/desk/audit", params={"who": "bob"}).text
    assert ("orders.cancel" in of_bob, "n: &lt;1&gt;" in of_bob) == (True, True)
    assert "orders.retry" not in of_bob
    assert http.get("/desk/audit", params={"subject": "o-1"}).text.count("orders.") == 2
    of_ann = http.get("/desk/audit", params={"who": "ann"}).text
    assert of_ann.count("<code>orders.retry") == 100
    older = re.search(r'href="([^"]+)" rel="next"', of_ann)[1].replace("&amp;", "&")
    last = http.get(older).text
    assert last.count("<code>orders.retry") == 1
    assert 'rel="next"' not in last


def test_who_is_no_admin_does_not_read_the_audit_log(http, ann):
    sign_in(http)
    assert "/desk/audit" not in http.get("/desk/me").text
    assert http.get("/desk/audit").status_code == 403


@pytest.mark.parametrize(
    "form",
    [
        {"present": "wrong", "new": "another fine one", "again": "another fine one"},
        {"present": PASSWORD, "new": "another fine one", "again": "another fine two"},
        {"present": PASSWORD, "new": "short", "again": "short"},
    ],
)
def test_a_password_that_cannot_be_changed_says_why(http, ann, form):
    sign_in(http)
    answer = http.post("/desk/me/password", data={**form, "csrf": csrf(http)})
    assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)


def test_every_answer_forbids_what_is_foreign(http, ann):
    sign_in(http)
    for path in ("/desk/me", "/desk/nothing", "/desk/sign-in", "/desk/static/desk.css"):
        headers = http.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
    assert "immutable" in http.get("/desk/static/desk.css?v=1").headers["cache-control"]


def test_no_page_holds_a_script_or_a_style_of_its_own(http, ann):
    sign_in(http)
    text = http.get("/desk/me").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)


def test_a_refusal_is_a_page_in_the_viewers_language(http, ann):
    sign_in(http)
    answer = http.get("/desk/nothing", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})
    assert (answer.status_code, "这里什么也没有" in answer.text) == (404, True)


def test_the_language_that_was_chosen_stays_with_the_user(http, ann):
    sign_in(http)
    http.post("/desk/language", data={"language": "zh", "next": "/desk/me"})
    assert '<html lang="zh-CN"' in http.get("/desk/me").text
    http.cookies.clear()
    sign_in(http)
    assert "我的账号" in http.get("/desk/me").text


def test_a_session_is_over_when_it_is_old_or_was_idle(database, ann):
    with database.write() as session:
        token = desk_sessions.begin(session, "ann", lasts=timedelta(hours=1))
        over = desk_sessions.begin(session, "ann", lasts=timedelta(seconds=-1))
    with database.read() as session:
        assert desk_sessions.find(session, token, idle=timedelta(minutes=1))
        assert desk_sessions.find(session, token, idle=timedelta()) is None
        assert desk_sessions.find(session, over, idle=timedelta(minutes=1)) is None
        assert desk_sessions.find(session, "guessed", idle=timedelta(minutes=1)) is None


def test_a_page_that_is_only_followed_is_no_use_of_a_session(http, ann, database, monkeypatch):
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0)
    sign_in(http)
    an_hour_ago = now() - timedelta(hours=1)
    with database.write() as session:
        session.exec(select(DeskSession)).one().seen_at = an_hour_ago
    assert http.get("/desk/live").headers["content-type"].startswith("text/event-stream")
    assert http.get("/desk/work-orders", headers={"Desk-Follows": "true"}).status_code == 200
    assert last_use(database) == an_hour_ago
    assert http.get("/desk/work-orders").status_code == 200
    assert last_use(database) > an_hour_ago


def last_use(database):
    with database.read() as session:
        return session.exec(select(DeskSession.seen_at)).one()


def test_wrong_tries_lead_to_a_pause_that_a_right_password_does_not_end(http, ann, database):
    for _ in range(6):
        assert sign_in(http, password="wrong").status_code == 403
    with database.read() as session:
        paused = users.user(session, "ann")
    assert paused.failures == 5 and paused.try_again_at > now()
    assert sign_in(http).status_code == 403


def test_every_page_but_the_sign_in_asks_who_is_there(http):
    desk = create_desk()
    for path in desk.state.paths:
        assert http.get(f"/desk{path}").status_code in (303, 405), path
