"""API keys at the gateway: what is closed, what a scope opens, and what those outside are told."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from ordercast.contracts.api_key import Scope
from ordercast.services.gateway import callers
from ordercast.services.gateway.app import create_app
from ordercast.store import api_keys
from ordercast.store.clock import now
from ordercast.store.engine import database
from tests.gateway import gateway
from tests.gateway_routes import routes
from tests.keys import bearer, keyed, make_key
from tests.orders import body, order
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("home")

ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
OPEN = {"/health", "/ready", "/results/{order_no}/{version}"}
"""Beside the desk, which has its own sign-in, and the description of the API."""


CLOSED = [door for door in routes() if door[1] not in OPEN]


def knock(http, method, path, **more):
    """Ask without what the route needs; a stream is not to begin."""
    query = {"after": "x"} if path == "/events/stream" else None
    return http.request(method, re.sub(r"\{\w+\}", "1", path), params=query, **more)


@pytest.fixture
def http():
    return TestClient(gateway(), raise_server_exceptions=False, follow_redirects=False)


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_no_route_is_open_that_is_not_on_the_short_list(http, method, path):
    for headers in ({}, bearer("ock_guessed"), bearer(""), {"Authorization": "Basic eDp5"}):
        answer = knock(http, method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["status"] == "401"


def test_what_is_on_the_short_list_is_open_and_holds_no_data(http):
    for path in ("/health", "/ready", "/openapi.json", "/docs", "/redoc"):
        assert http.get(path).status_code == 200
    assert http.get("/results/ord-1/1?expires=1&signature=x").status_code == 403


def test_what_does_not_exist_is_closed_too(http):
    for path in ("/nothing", "/health/", "/results", "/deskx", "/subscribers/"):
        assert http.get(path).status_code == 401


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_every_route_needs_a_scope_and_says_which(http, method, path):
    key = make_key()
    with database().write() as session:
        api_keys.by_digest(session, api_keys.digest_of(key)).scopes = []
    answer = knock(http, method, path, headers=bearer(key))
    assert answer.status_code == 403
    (scope,) = re.findall(r"lacks the scope (\w+)", answer.json()["message"])
    assert f'scope="{scope}"' in answer.headers["www-authenticate"]
    assert knock(http, method, path, headers=bearer(make_key(Scope(scope)))).status_code != 403
    others = set(Scope) - {Scope(scope), Scope.ADMIN}
    assert knock(http, method, path, headers=bearer(make_key(*others))).status_code == 403


def test_the_scopes_are_for_what_their_names_say(http):
    opened = {
        scope: {
            door for door in CLOSED if knock(http, *door, headers=bearer(key)).status_code != 403
        }
        for scope in Scope
        if (key := make_key(scope))
    }
    assert opened[Scope.ADMIN] == set(CLOSED)
    assert all(method in ("POST", "PATCH") for method, _ in opened[Scope.SUBMIT])
    assert {path.rpartition("/")[2] for _, path in opened[Scope.REPORT]} == {"report", "reports"}
    assert opened[Scope.READ] == {door for door in CLOSED if door[0] == "GET"}


def test_what_is_wrong_with_a_key_is_said_in_words_to_who_has_it(http):
    over = make_key(expires_at=now() - timedelta(seconds=1))
    revoked = make_key()
    revoke(revoked)
    for headers, words in (
        ({}, "an operator makes one"),
        (bearer(f"{over}x"), "not known here"),
        (bearer(api_keys.new_key()), "not known here"),
        (bearer(over), "has expired"),
        (bearer(revoked), "was revoked"),
    ):
        answer = http.get("/work-orders", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "401")
        assert words in answer.json()["message"]
        assert "key-" not in answer.text and "tests" not in answer.text


def revoke(key):
    with database().write() as session:
        api_keys.revoke(session, api_keys.by_digest(session, api_keys.digest_of(key)).id)


def test_nobody_is_read_who_has_no_key(http):
    for content in (b"{", b"x" * (17 * 2**20)):
        for path in (ORDERS, "/subscribers", "/pushes/replay"):
            answer = http.post(path, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 401


def test_the_name_of_the_scheme_may_be_written_in_any_case(http):
    key = make_key()
    for scheme in ("bearer", "BEARER", "Bearer "):
        answer = http.get("/work-orders", headers={"Authorization": f"{scheme} {key}"})
        assert answer.status_code == 200


def test_a_key_is_looked_up_once_in_some_seconds_and_a_revoked_one_ends_within_them(
    http, monkeypatch
):
    key, asked = make_key(), []
    event.listen(
        database().engine,
        "before_cursor_execute",
        lambda *args: asked.append(args[2]) if "api_key" in args[2] else None,
    )
    for _ in range(5):
        assert http.get("/work-orders", headers=bearer(key)).status_code == 200
    assert len(asked) == 1
    revoke(key)
    monkeypatch.setattr(callers, "KEPT_SECONDS", 0)
    assert http.get("/work-orders", headers=bearer(key)).status_code == 401


def test_a_key_that_expires_ends_at_once_though_it_was_looked_up_just_now(http, monkeypatch):
    key = make_key(expires_at=now() + timedelta(hours=1))
    assert http.get("/work-orders", headers=bearer(key)).status_code == 200
    later = now() + timedelta(hours=2)
    monkeypatch.setattr(callers, "now", lambda: later)
    assert http.get("/work-orders", headers=bearer(key)).status_code == 401


def test_two_keys_of_one_name_are_valid_while_one_follows_the_other(http):
    old, new = make_key(), make_key()
    for key in (old, new):
        assert http.get("/work-orders", headers=bearer(key)).status_code == 200
    revoke(old)
    fresh = TestClient(create_app())  # it remembers no key
    assert fresh.get("/work-orders", headers=bearer(old)).status_code == 401
    assert fresh.get("/work-orders", headers=bearer(new)).status_code == 200


def test_the_use_of_a_key_is_noted_at_most_once_a_minute(http, monkeypatch):
    monkeypatch.setattr(callers, "KEPT_SECONDS", 0)
    key, moment = make_key(), now() - timedelta(minutes=5)
    with database().write() as session:
        api_keys.by_digest(session, api_keys.digest_of(key)).last_used_at = moment
    assert http.get("/work-orders", headers=bearer(key)).status_code == 200
    noted = wait_for(lambda: used(key) > moment and used(key), what="no use is noted")
    for _ in range(3):
        http.get("/work-orders", headers=bearer(key))
    api_keys.note_use(database(), kept(key).id)
    assert used(key) == noted


def kept(key):
    with database().read() as session:
        return api_keys.by_digest(session, api_keys.digest_of(key))


def used(key):
    return kept(key).last_used_at


def test_who_was_turned_away_is_counted_by_reason():
    before = refused()
    plain, reader = TestClient(gateway()), make_key(Scope.READ)
    plain.get("/work-orders")
    plain.get("/work-orders", headers=bearer("ock_nobody"))
    plain.post(ORDERS, content=body(order()), headers=bearer(reader))
    after = refused()
    assert {reason: after[reason] - before[reason] for reason in after} == {
        "missing": 1,
        "unknown": 1,
        "expired": 0,
        "revoked": 0,
        "scope": 1,
    }


def refused():
    text = keyed(gateway()).get("/metrics").text
    return {
        sample.labels["reason"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "ordercast_access_refused_total"
    }


def test_the_api_description_declares_the_scheme_where_a_key_is_asked_for(http):
    document = http.get("/openapi.json").json()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) == (path not in OPEN), path


def test_a_subscriber_may_read_its_feed_with_its_own_secret_and_nothing_else(http):
    wanted = {"kind": "public", "name": "portal", "url": "http://127.0.0.1:9/"}
    made = keyed(gateway()).post("/subscribers", json=wanted).json()
    own = {"params": {"subscriber": made["id"]}, "headers": bearer(made["secret"])}
    assert http.get("/events", **own).status_code == 200
    assert http.get("/work-orders", **own).status_code == 401
    assert http.get("/events", headers=own["headers"]).status_code == 401
