"""Subscribers at the desk: health, forms, secrets, pauses, pushes and replays."""

import re
from uuid import uuid4

import pytest

from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.subscribing import subscribe
from ordercast.domain.people import Role
from ordercast.store import audit, subscribers
from tests.orders import plan_change, sealed
from tests.services.test_desk_fallout import post, sign_in, signed_in

FORM = {
    "name": "crm",
    "url": "http://127.0.0.1:9/pushes",
    "kind": "public",
    "schedule": "standard",
    "acknowledgement": "2xx",
    "body": "cloudevents",
    "policy": "final",
    "lines_every_seconds": "10",
    "event_types": "order.*\nwork-order.failed",
}


@pytest.fixture
def http(database):
    with signed_in(database, ada=Role.ADMIN, ann=Role.OPERATOR) as client:
        yield client


@pytest.fixture
def crm(database):
    wanted = NewSubscriber.model_validate({"kind": "public", "name": "crm", "url": FORM["url"]})
    with database.write() as session:
        return subscribe(session, wanted)


def stored(database, key):
    with database.read() as session:
        return subscribers.get(session, key)


def test_a_subscriber_is_added_and_its_secret_shown_once(http, database):
    made = post(http, "/desk/subscribers/add", **FORM)
    secret = re.search(r"whsec_[\w+/=]+", made.text)
    key = re.search(r"sub-\w+", made.text)
    assert secret and key and made.headers["cache-control"] == "no-store"
    assert stored(database, key[0]).event_types == ["order.*", "work-order.failed"]
    for place in ("", f"/{key[0]}", f"/{key[0]}/edit"):
        assert secret[0] not in http.get(f"/desk/subscribers{place}").text


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(http, crm):
    typed = {**FORM, "url": "ftp://nowhere", "concurrency": "many", "kind": "agent"}
    refused = post(http, "/desk/subscribers/add", **typed)
    assert refused.status_code == 400
    assert "ftp://nowhere" in refused.text and 'role="alert"' in refused.text
    assert "whole number" in refused.text
    taken = post(http, "/desk/subscribers/add", **FORM)
    assert taken.status_code == 400 and "there is a subscriber named" in taken.text


FAULTS = [
    {"url": "ftp://nowhere"},
    {"url": "https://ann:secret@example.com/"},
    {"url": "https://10.0.0.1/"},
    {"url": "mqtt://broker/#"},
    {"url": "mqtt://broker/topic?expiry=soon"},
    {"concurrency": "many", "rate_per_second": "0", "lines_every_seconds": "9000"},
    {"name": "", "kind": "agent"},
    {"name": "n" * 200, "agent": "agent-7"},
    {"schedule": "sometimes", "event_types": "invoice.*\norder.lines-ended"},
    {"secret": "1234"},
    {"secret": "whsec_c2hvcnQ="},
    {"name": "crm"},
]


def test_what_is_wrong_is_said_in_the_viewers_language(http, crm):
    typed = [{**FORM, "name": "another", **faults} for faults in FAULTS]
    english = [alerts(post(http, "/desk/subscribers/add", **each).text) for each in typed]
    http.cookies.set("ordercast_language", "zh")
    chinese = [alerts(post(http, "/desk/subscribers/add", **each).text) for each in typed]
    assert all(english) and [len(told) for told in chinese] == [len(told) for told in english]
    in_both_parts = re.compile(r"[一-鿿].*；.*[一-鿿]")
    assert [each for told in chinese for each in told if not in_both_parts.search(each)] == []


def alerts(page):
    return re.findall(r'<small class="overdue" role="alert">([^<]+)', page)


def test_a_subscriber_is_changed_paused_resumed_and_removed_by_its_name(http, database, crm):
    place = f"/desk/subscribers/{crm.id}"
    assert post(http, f"{place}/edit", **{**FORM, "tags": "iot"}).status_code == 303
    assert stored(database, crm.id).tags == ["iot"]
    assert post(http, f"{place}/pause", reason="they move").status_code == 303
    assert stored(database, crm.id).state == "disabled"
    assert post(http, f"{place}/resume").status_code == 303
    assert stored(database, crm.id).state == "active"
    assert post(http, f"{place}/remove", typed_name="cmr").status_code == 400
    assert post(http, f"{place}/remove", typed_name="crm").status_code == 303
    assert http.get(place).status_code == 404
    with database.read() as session:
        did = [each.did for each in audit.of_subject(session, crm.id)]
    assert did == [f"subscribers.{each}" for each in ("remove", "resume", "pause", "change")]


def test_a_rotated_secret_is_shown_once_and_the_old_one_signs_for_a_while(http, database, crm):
    made = post(http, f"/desk/subscribers/{crm.id}/rotate", overlap_hours="2", reason="due")
    assert "whsec_" in made.text and crm.secret not in made.text
    assert stored(database, crm.id).old_secret_until


def test_pushes_are_listed_by_state_and_replays_are_counted_before_they_begin(http, crm):
    sealed(plan_change())
    place = f"/desk/subscribers/{crm.id}"
    assert http.get(f"{place}?state=delivered").status_code == 200
    assert http.get(f"{place}?state=odd").status_code == 400
    assert http.get(f"{place}/pushes/{uuid4()}").status_code == 404
    counted = post(http, f"{place}/replay/try", since="24h", reason="lost")
    assert "pushes, " in counted.text
    begun = post(http, f"{place}/replay", since="24h", reason="lost")
    shown = http.get(begun.headers["location"])
    assert shown.status_code == 200 and "running" in shown.text
    assert post(http, f"{begun.headers['location']}/pause").status_code == 303
    assert "paused" in http.get(begun.headers["location"]).text


def test_an_operator_may_replay_but_neither_change_nor_remove(http, crm):
    sign_in(http, "ann")
    place = f"/desk/subscribers/{crm.id}"
    assert http.get(f"{place}/replay").status_code == 200
    assert http.get(f"{place}/edit").status_code == 403
    assert post(http, f"{place}/rotate").status_code == 403
    assert "Rotate" not in http.get(place).text
