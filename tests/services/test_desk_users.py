"""Users at the desk: added, given roles and passwords, and let go, by admins alone."""

import re

import pytest

from ordercast.domain.people import Role
from ordercast.store import audit, users
from tests.services.test_desk_fallout import PASSWORD, post, sign_in, signed_in


@pytest.fixture
def http(database):
    with signed_in(database, ada=Role.ADMIN, ann=Role.OPERATOR) as client:
        yield client


def user(database, name):
    with database.read() as session:
        return users.user(session, name)


def is_let_in(database, name, password):
    return users.who_signs_in(database, name, password) is not None


def shown_password(page):
    assert page.headers["cache-control"] == "no-store"
    found = re.search(r'id="secret">([^<]+)<', page.text)
    assert found
    return found[1]


def test_a_user_is_added_with_a_password_that_is_shown_once(http, database):
    password = shown_password(post(http, "/desk/users", name=" Bob ", role="viewer"))
    assert is_let_in(database, "bob", password)
    assert user(database, "bob").has_generated_password
    assert password not in http.get("/desk/users").text


@pytest.mark.parametrize("name", ["ann", "no spaces", ""])
def test_a_name_that_cannot_be_or_is_taken_adds_nobody(http, database, name):
    assert post(http, "/desk/users", name=name).status_code in (400, 409)
    with database.read() as session:
        assert [each.name for each in users.all_users(session)] == ["ada", "ann"]


def test_a_new_password_ends_the_old_one_and_its_sessions(http, database):
    password = shown_password(post(http, "/desk/users/ann/password"))
    assert is_let_in(database, "ann", password)
    assert not is_let_in(database, "ann", PASSWORD)


def test_a_role_is_given_and_holds_from_the_next_request(http, database):
    assert post(http, "/desk/users/ann/role", role="admin").status_code == 303
    assert user(database, "ann").role == "admin"
    sign_in(http, "ann")
    assert http.get("/desk/users").status_code == 200


def test_a_user_is_disabled_let_in_again_and_removed_with_the_reason_kept(http, database):
    post(http, "/desk/users/ann/disable", reason="on leave")
    assert not is_let_in(database, "ann", PASSWORD)
    post(http, "/desk/users/ann/enable")
    assert is_let_in(database, "ann", PASSWORD)
    post(http, "/desk/users/ann/remove", reason="has left")
    with database.read() as session:
        assert [each.name for each in users.all_users(session)] == ["ada"]
        acts = audit.of_subject(session, "ann")
    noted = {(act.did, act.reason) for act in acts if act.who == "ada"}
    assert {("users.disable", "on leave"), ("users.remove", "has left")} <= noted


@pytest.mark.parametrize("spelled", ["ada", "ADA"])
@pytest.mark.parametrize("act", ["disable", "remove", "role", "password"])
def test_nobody_changes_their_own_account_so_there_is_always_an_admin(http, database, act, spelled):
    assert post(http, f"/desk/users/{spelled}/{act}", role="viewer").status_code == 409
    row = user(database, "ada")
    assert (row.role, row.disabled_at) == ("admin", None)
    assert is_let_in(database, "ada", PASSWORD)


def test_who_is_no_admin_sees_and_changes_no_users(http, database):
    sign_in(http, "ann")
    assert http.get("/desk/users").status_code == 403
    assert "/desk/users" not in http.get("/desk/me").text
    for place in ("", "/ada/role", "/ada/password", "/ada/disable", "/ada/remove"):
        assert post(http, f"/desk/users{place}", name="eve", role="viewer").status_code == 403
    assert user(database, "ada").role == "admin"


def test_an_unknown_user_is_told_as_such(http):
    assert post(http, "/desk/users/nobody/disable").status_code == 404
