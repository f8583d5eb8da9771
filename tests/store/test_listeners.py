"""Listeners show how they stand; the gateway and the doctor tell it."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlmodel import update

from config.settings import settings
from ordercast.doctor.listeners import look
from ordercast.store.clock import now
from ordercast.store.listeners import ListenerState, forget, how_it_stands, listeners, show
from ordercast.store.tables import ListenerBeat
from tests.gateway import gateway

pytestmark = pytest.mark.usefixtures("home")

BROKER = "amqp://user:***@host/"


def shown(database):
    with database.read() as session:
        return listeners(session)


def ready():
    return TestClient(gateway()).get("/ready").json()


def test_a_listener_stands_as_it_does_since_it_changed(database):
    show("a", broker=BROKER, state=ListenerState.LISTENING)
    (first,) = shown(database)
    show("a", broker=BROKER, state=ListenerState.LISTENING)
    (second,) = shown(database)
    assert second.since == first.since and second.beat_at > first.beat_at
    show("a", broker=BROKER, state=ListenerState.WAITING, reason="gone")
    (third,) = shown(database)
    assert third.since > first.since and third.reason == "gone"


def test_one_that_ended_in_order_is_forgotten(database):
    show("a", broker=BROKER, state=ListenerState.LISTENING)
    show("b", broker=BROKER, state=ListenerState.LISTENING)
    forget("a")
    assert [row.listener for row in shown(database)] == ["b"]


def test_one_that_is_not_heard_of_is_silent_and_after_a_day_forgotten(database):
    def age(**by):
        with database.write() as session:
            session.execute(update(ListenerBeat).values(beat_at=now() - timedelta(**by)))

    show("a", broker=BROKER, state=ListenerState.LISTENING)
    age(minutes=2)
    assert how_it_stands(shown(database)[0]).startswith("silent since")
    age(days=1)
    show("b", broker=BROKER, state=ListenerState.LISTENING)
    assert [row.listener for row in shown(database)] == ["b"]


def test_the_gateway_lists_listeners_where_there_are_any(database):
    assert ready() == {"status": "ok"}
    show("a", broker=BROKER, state=ListenerState.WAITING, reason="no connection")
    (told,) = ready()["listeners"]
    assert (told["state"], told["reason"], told["broker"]) == ("waiting", "no connection", BROKER)


def test_the_doctor_looks_at_listeners_where_a_broker_is_set(database, monkeypatch):
    assert list(look()) == []
    monkeypatch.setenv("ORDERCAST_BROKER__URL", "amqp://user:hunter2@host/")
    settings.cache_clear()
    (missing,) = look()
    assert "ordercast serve listener" in missing.cure
    show("a", broker=BROKER, state=ListenerState.LISTENING)
    show("b", broker=BROKER, state=ListenerState.WAITING, reason="gone")
    well, ill = sorted(look(), key=lambda each: not each.is_well)
    assert well.is_well and not ill.is_well and "gone" in ill.found
    assert "hunter2" not in well.found + ill.found
