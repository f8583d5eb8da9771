import pytest

from tests.gateway import gateway
from tests.keys import keyed
from tests.services.pushing import ORDER_NO, push_once

pytestmark = pytest.mark.usefixtures("home")
PARTNER = {"kind": "public", "name": "partner", "url": "http://127.0.0.1:9/hook"}


@pytest.fixture
def http():
    return keyed(gateway())


def test_a_subscriber_is_shown_its_secret_at_creation_and_never_again(http):
    created = http.post("/subscribers", json=PARTNER)
    assert created.status_code == 201
    subscriber = created.json()
    assert subscriber["secret"].startswith("whsec_")
    assert created.headers["location"].endswith(f"/subscribers/{subscriber['id']}")
    for answer in (http.get("/subscribers"), http.get(f"/subscribers/{subscriber['id']}")):
        assert answer.status_code == 200
        assert subscriber["secret"] not in answer.text
        assert '"secret"' not in answer.text
    assert http.get("/subscribers").headers["x-total-count"] == "1"


def test_a_removed_subscriber_is_not_found(http):
    key = http.post("/subscribers", json=PARTNER).json()["id"]
    assert http.delete(f"/subscribers/{key}").status_code == 204
    assert http.get(f"/subscribers/{key}").status_code == 404
    assert http.delete(f"/subscribers/{key}").status_code == 404
    assert http.get("/subscribers").json() == []


def test_a_name_that_is_taken_is_a_conflict(http):
    assert http.post("/subscribers", json=PARTNER).status_code == 201
    assert http.post("/subscribers", json=PARTNER).status_code == 409


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "press"}, "kind"),
        ({"policy": "rows"}, "policy"),
        ({"policy": "lines", "lines_every_seconds": 0}, "lines_every_seconds"),
        ({"policy": "lines", "lines_every_seconds": 3601}, "lines_every_seconds"),
        ({"policy": "lines", "event_types": ["order.lines-ended"]}, "event_types[0]"),
        ({"kind": "agent"}, "agent"),
        ({"agent": "agent-x"}, "agent"),
        ({"name": ""}, "name"),
        ({"url": "ftp://partner.example/"}, "url"),
        ({"url": "partner.example"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://user:pass@partner.example/"}, "url"),
        ({"url": "https://partner.example/#top"}, "url"),
        ({"url": "https://xn--ls8h.la/"}, "url"),
        ({"url": "https://xn--fiq228c5.com/"}, "url"),
        ({"url": "http://partner.example:0/"}, "url"),
        ({"url": "http://partner.example:-1/"}, "url"),
        ({"url": "http://partner.example:65536/"}, "url"),
        ({"url": "http://partner.example]/"}, "url"),
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "http://0x0a000001/"}, "url"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "url"),
        ({"kind": "agent", "agent": "x" * 256}, "agent"),
        ({"event_types": ["order.*", "order.complete"]}, "event_types[1]"),
        ({"secret": "hunter2"}, "secret"),
        ({"schedule": "never"}, "schedule"),
        ({"body": "huaxin"}, "body"),
        ({"body": "huaxin-xml", "secret": "too short"}, "secret"),
        ({"masking": ["imsi"]}, "masking[0]"),
        ({"id": "sub-1"}, "id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_with_a_subscriber_is_told_by_field_with_its_cure(http, wrong, field):
    answer = http.post("/subscribers", json={**PARTNER, **wrong})
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert problem["field"] == field
    assert problem["cure"]
    assert http.get("/subscribers").json() == []


def test_all_problems_are_told_in_one_go(http):
    wrong = {**PARTNER, "kind": "agent", "url": "http://10.0.0.1/", "secret": "hunter2"}
    answer = http.post("/subscribers", json=wrong)
    assert [each["field"] for each in answer.json()["problems"]] == ["agent", "url", "secret"]
    assert "hunter2" not in answer.text


def test_a_body_that_is_no_object_is_a_400(http):
    assert http.post("/subscribers", json=[1]).status_code == 400


def test_pushes_are_explained_with_what_comes_next(http):
    http.post("/subscribers", json=PARTNER)
    push_once()
    first, second = http.get("/pushes", params={"order_no": ORDER_NO}).json()
    assert (first["event"]["type"], first["attempts"]) == ("order.completed", 1)
    assert first["last_attempt"]["remedy"].keys() == {"en", "zh"}
    assert first["next_attempt_at"]
    assert second["waits_for"] == "an earlier event of the order"
    assert second["last_attempt"] is None
    shown = http.get(f"/pushes/{first['id']}").json()
    assert [each["status"] for each in shown["attempt_log"]] == [500]
    assert http.get("/pushes", params={"state": "delivered"}).json() == []


def test_an_unknown_push_is_not_found_and_an_unknown_state_refused(http):
    assert http.get("/pushes/nonsense").status_code == 404
    assert http.get(f"/pushes/{'0' * 32}").status_code == 404
    answer = http.get("/pushes", params={"state": "lost"})
    assert answer.status_code == 400
    assert "gave-up" in answer.json()["problems"][0]["cure"]


EXCHANGE = {**PARTNER, "url": "amqp://user:hunter2@127.0.0.1:5672/vhost?exchange=orders"}


def test_an_exchange_may_be_subscribed_and_its_password_is_shown_to_nobody(http):
    created = http.post("/subscribers", json=EXCHANGE)
    assert created.status_code == 201
    key = created.json()["id"]
    for answer in (created, http.get("/subscribers"), http.get(f"/subscribers/{key}")):
        assert "hunter2" not in answer.text
        assert "amqp://user:***@127.0.0.1:5672/vhost?exchange=orders" in answer.text


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("amqp://127.0.0.1/vhost", "names no exchange"),
        ("amqp://127.0.0.1/vhost?exchange=", "names no exchange"),
        ("amqp://127.0.0.1/vhost?exchange=a&exchange=b", "names no exchange"),
        ("amqp://10.0.0.1/?exchange=a", "no push may go"),
        ("amqp://127.0.0.1:99999/?exchange=a", "names a port that cannot be"),
        ("amqp://xn--ls8h.la/?exchange=a", "names a host that cannot be"),
        ("amqp://user:a[b@127.0.0.1/?exchange=a", "has a sign that must be encoded"),
        ("nats://127.0.0.1/a", "is not an http"),
        ("mqtt://127.0.0.1:0/fleet", "names a port that cannot be"),
        ("mqtt://127.0.0.1:8_0/fleet", "names a port that cannot be"),
        ("mqtts://xn--ls8h.la/fleet", "names a host that cannot be"),
        ("mqtt://127.0.0.1", "names no topic"),
        ("mqtt://127.0.0.1/fleet/+/x", "names no topic"),
        ("mqtt://127.0.0.1/fleet%23", "names no topic"),
        ("mqtts://127.0.0.1/$SYS/x", "names no topic"),
        ("mqtt://127.0.0.1/fleet//x", "names no topic"),
        ("mqtt://127.0.0.1/fleet?exchange=a", "has the option 'exchange'"),
        ("mqtt://127.0.0.1/fleet?expiry=soon", "has no seconds in expiry"),
        ("mqtt://127.0.0.1/fleet?expiry=1&expiry=2", "has no seconds in expiry"),
        ("mqtt://10.0.0.1/fleet", "no push may go"),
    ],
)
def test_what_is_wrong_with_the_address_of_a_broker_is_told(http, url, problem):
    answer = http.post("/subscribers", json={**PARTNER, "url": url})
    assert answer.status_code == 400
    (told,) = answer.json()["problems"]
    assert told["field"] == "url" and problem in told["problem"]


def test_a_subscriber_is_changed_field_by_field_and_the_rest_stays(http):
    created = http.post("/subscribers", json={**PARTNER, "tags": ["iot"]}).json()
    key = created["id"]
    changes = {
        "url": "http://127.0.0.1:9/new",
        "event_types": ["order.*"],
        "schedule": "alipay",
        "acknowledgement": "body-success",
        "concurrency": 2,
        "rate_per_second": 0.5,
        "latest_only": True,
    }
    answer = http.patch(f"/subscribers/{key}", json=changes)
    assert answer.status_code == 200
    assert created["secret"] not in answer.text
    stays = {name: value for name, value in created.items() if name != "secret"}
    assert answer.json() == {**stays, **changes} == http.get(f"/subscribers/{key}").json()
    answer = http.patch(f"/subscribers/{key}", json={"concurrency": None, "tags": []})
    assert (answer.json()["concurrency"], answer.json()["tags"]) == (None, [])
    assert answer.json()["rate_per_second"] == 0.5


def test_a_subscriber_is_paused_and_resumed(http):
    key = http.post("/subscribers", json=PARTNER).json()["id"]
    paused = http.patch(f"/subscribers/{key}", json={"state": "disabled"}).json()
    assert (paused["state"], paused["health"]) == ("disabled", "disabled")
    assert paused["disabled_because"] == "an operator paused it"
    push_once()
    (first, second) = http.get("/pushes", params={"order_no": ORDER_NO}).json()
    assert first["waits_for"] == second["waits_for"] == "the subscriber, which is disabled"
    resumed = http.patch(f"/subscribers/{key}", json={"state": "active"}).json()
    assert (resumed["state"], resumed["health"]) == ("active", "recovering")
    assert resumed["disabled_at"] is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": None}, "url"),
        ({"event_types": ["order.complete"]}, "event_types[0]"),
        ({"concurrency": 0}, "concurrency"),
        ({"rate_per_second": 0}, "rate_per_second"),
        ({"state": "deleted"}, "state"),
        ({"name": "another"}, "name"),
        ({"agents": ["agent-y"]}, "agents"),
        ({}, ""),
    ],
)
def test_what_is_wrong_with_a_change_is_told_and_nothing_is_changed(http, wrong, field):
    document = {**PARTNER, "kind": "agent", "agent": "agent-x"}
    created = http.post("/subscribers", json=document).json()
    answer = http.patch(f"/subscribers/{created['id']}", json=wrong)
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert problem["field"] == field and problem["cure"]
    del created["secret"]
    assert http.get(f"/subscribers/{created['id']}").json() == created


def test_who_is_not_there_or_removed_cannot_be_changed(http):
    assert http.patch("/subscribers/sub-none", json={"tags": []}).status_code == 404
    key = http.post("/subscribers", json=PARTNER).json()["id"]
    http.delete(f"/subscribers/{key}")
    assert http.patch(f"/subscribers/{key}", json={"state": "active"}).status_code == 404


def test_a_form_is_changed_if_it_goes_with_the_secret_that_there_is(http):
    created = http.post("/subscribers", json={**PARTNER, "body": "portal-form"}).json()
    path = f"/subscribers/{created['id']}"
    assert http.patch(path, json={"masking": ["msisdn"]}).json()["masking"] == ["msisdn"]
    refused = http.patch(path, json={"body": "cloudevents"})
    assert refused.status_code == 400
    assert refused.json()["problems"][0]["field"] == "secret"
    assert http.patch(path, json={"body": "no-such"}).json()["problems"][0]["field"] == "body"
    assert http.get(path).json()["body"] == "portal-form"
