"""Replays as people ask for them, carried out by real relays that post to real receivers."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import event
from sqlmodel import col, select
from typer.testing import CliRunner

from ordercast.cli import app as cli
from ordercast.services.relay.deliver import deliver_forever
from ordercast.services.relay.replay import replay
from ordercast.store import replays
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.push_tables import PushAttempt, PushDelivery
from tasks.replay import ask_for_replay
from tests.gateway import gateway
from tests.keys import keyed
from tests.services.receivers import Receiver, eventually
from tests.store.test_replays import end, subscribe, tell

RELAY = "from tests.services.test_replay import run_a_relay; run_a_relay()"


@pytest.fixture(autouse=True)
def quick(home, monkeypatch):
    monkeypatch.setenv("ORDERCAST_RELAY__POLL_SECONDS", "0.05")
    monkeypatch.setenv("ORDERCAST_RELAY__LEASE_SECONDS", "2")
    monkeypatch.setenv("ORDERCAST_RELAY__DELIVER_TIMEOUT_SECONDS", "2")


def replay_forever(stop):
    """The loop of a relay, without the Prefect server that others of its loops talk to."""
    while not stop.is_set():
        if not replay(None):
            stop.wait(0.05)


def run_a_relay():
    stop = threading.Event()
    threading.Thread(target=replay_forever, args=(stop,), daemon=True).start()
    deliver_forever(stop)


@contextmanager
def relay(count=1):
    stop = threading.Event()
    threads = [
        threading.Thread(target=target, args=(stop,))
        for target in (replay_forever, deliver_forever) * count
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def http():
    return keyed(gateway())


def run(*arguments, **given):
    return CliRunner().invoke(
        cli, [str(each) for each in arguments], env={"COLUMNS": "300"}, **given
    )


def states():
    with database().read() as session:
        return Counter(session.exec(select(PushDelivery.state)).all())


def known_orders(count, url="http://127.0.0.1:9/hook", name="all"):
    """Orders that a subscriber has been told of."""
    subscriber = subscribe(database(), name, url=url)
    events = [tell(database(), f"ord-{number}")[0] for number in range(count)]
    end(database())
    return subscriber, events


def test_a_replay_is_counted_asked_for_listed_and_carried_out_by_two_relays_once(http):
    with Receiver() as receiver:
        subscriber, events = known_orders(40, receiver.url)
        wanted = {"subscriber_id": subscriber, "per_second": 200, "reason": "they lost a disk"}
        counted = http.post("/pushes/replay", json={**wanted, "dry_run": True})
        assert (counted.status_code, counted.json()["pushes"]) == (200, 40)
        assert states() == {"delivered": 40}
        assert http.get("/pushes/replays").json() == []
        asked = http.post("/pushes/replay", json=wanted)
        assert asked.status_code == 202
        at = asked.headers["location"].removeprefix("http://127.0.0.1:8080")
        with relay(count=2):
            eventually(lambda: http.get(at).json()["state"] == "done")
            eventually(lambda: states() == {"delivered": 40})
    ids = Counter(push.headers["webhook-id"] for push in receiver.pushes)
    assert ids == {str(event.id): 1 for event in events}
    (listed,) = http.get("/pushes/replays").json()
    assert (listed["put_back"], listed["expected"], listed["seconds_left"]) == (40, 40, None)
    assert listed["pushes"] == {"delivered": 40}
    assert (listed["asked_by"], listed["reason"]) == ("tests", "they lost a disk")


@pytest.mark.service
def test_relays_that_are_killed_in_a_replay_leave_nothing_out_and_put_nothing_back_twice(http):
    with Receiver(delay_seconds=0.01) as receiver:
        subscriber, events = known_orders(60, receiver.url)
        asked = http.post("/pushes/replay", json={"subscriber_id": subscriber, "per_second": 60})
        at = f"/pushes/replays/{asked.json()['id']}"
        for share in (10, 30):
            killed = subprocess.Popen([sys.executable, "-c", RELAY], env=dict(os.environ))
            try:
                eventually(lambda share=share: len(receiver.pushes) >= share, within_seconds=60)
            finally:
                os.kill(killed.pid, signal.SIGKILL)
                killed.wait()
        with relay():
            eventually(lambda: http.get(at).json()["state"] == "done", within_seconds=60)
            eventually(lambda: states() == {"delivered": 60}, within_seconds=60)
    assert http.get(at).json()["put_back"] == 60
    with database().read() as session:
        numbers = Counter(session.exec(select(PushAttempt.number)).all())
    assert numbers == {1: 60, 2: 60}
    ids = Counter(push.headers["webhook-id"] for push in receiver.pushes)
    assert ids.keys() == {str(event.id) for event in events}
    assert sum(ids.values()) - 60 <= 2 * 8  # what was in flight when a relay was killed


def test_a_live_push_does_not_wait_behind_a_replay_to_a_slow_receiver(http):
    with Receiver(delay_seconds=0.1) as receiver:
        subscriber, _ = known_orders(400, receiver.url)
        http.post("/pushes/replay", json={"subscriber_id": subscriber, "per_second": 150})
        with relay():
            eventually(lambda: len(receiver.pushes) > 30)
            (live,) = tell(database(), "ord-live", at=now())
            eventually(
                lambda: str(live.id) in [each.headers["webhook-id"] for each in receiver.pushes]
            )
            left, sent = _put_back(), len(receiver.pushes)
    assert len(left) + sent < 400
    assert sent < 200  # behind all that is replayed it would be the last of 401


def _put_back():
    """The pushes of a replay that wait to be sent."""
    with database().read() as session:
        query = select(PushDelivery).where(
            col(PushDelivery.replay_id).is_not(None), PushDelivery.state == "pending"
        )
        return session.exec(query).all()


def by_http():
    return keyed(gateway()).post("/pushes/replay", json={"since": "1h"}).json()["expected"]


def by_command():
    begun = run("pushes", "replay", "--since", "1h", "--yes", "--json")
    return json.loads(begun.stdout)["expected"]


def by_flow():
    made = ask_for_replay.fn({"since": "1h"}, asked_by="prefect: a run", key="run-1")
    with database().read() as session:
        return replays.replay(session, made).expected


@pytest.mark.parametrize("asked", [by_http, by_command, by_flow])
def test_while_a_replay_is_counted_others_may_write(asked):
    subscribe(database())
    for number in range(3):
        tell(database(), f"ord-{number}", at=now())
    end(database())
    counted = []

    def write_meanwhile(_connection, _cursor, statement, *_):
        if "push_event.occurred_at <" in statement:
            with closing(sqlite3.connect(database().engine.url.database, timeout=0)) as another:
                another.execute("BEGIN IMMEDIATE")
            counted.append(statement)

    event.listen(database().engine, "before_cursor_execute", write_meanwhile)
    assert asked() == 3
    assert counted


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "say which"),
        ({"states": ["pending"]}, "states[0]"),
        ({"states": ["gone"], "per_second": 0}, "per_second"),
        ({"since": "tomorrow or so"}, "is no time"),
        ({"since": "1h", "until": "2h"}, "since is not before until"),
        ({"ended_since": "1h", "states": ["missing"]}, "missing has not ended"),
        ({"order_no": "ord-1", "colour": "red"}, "colour"),
        ({"event_id": "ord-1"}, "event_id"),
    ],
)
def test_what_is_wrong_with_a_replay_is_told_by_field(http, wrong, words):
    answer = http.post("/pushes/replay", json=wrong)
    assert answer.status_code == 400
    assert words in answer.text


def test_a_replay_that_does_not_exist_is_not_found_and_one_that_has_ended_stays(http):
    assert http.get("/pushes/replays/rep-x").status_code == 404
    assert http.post("/pushes/replay", json={"order_no": "ord-x"}).status_code == 404
    subscribe(database())
    asked = http.post("/pushes/replay", json={"since": "1h"}).json()
    at = f"/pushes/replays/{asked['id']}"
    assert http.post(f"{at}/pause").json()["state"] == "paused"
    assert http.post(f"{at}/pause").status_code == 409
    assert http.post(f"{at}/resume").json()["state"] == "running"
    assert http.post(f"{at}/cancel").json()["state"] == "cancelled"
    assert http.post(f"{at}/cancel").status_code == 409


def test_commands_count_ask_list_pause_resume_and_cancel():
    known_orders(3)
    dry = run("pushes", "replay", "--order", "ord-1", "--per-second", "0.5", "--dry-run")
    assert dry.output == "1 pushes, 0.5 a second: about 2 s\n"
    refused = run("pushes", "replay", "--order", "ord-1", input="n\n")
    assert refused.exit_code == 1
    assert json.loads(run("pushes", "replays", "--json").output) == []
    begun = run("pushes", "replay", "--state", "delivered", "--yes", "--json", "--reason", "[why]")
    asked = json.loads(begun.output)
    assert (asked["expected"], asked["state"]) == (3, "running")
    listed = run("pushes", "replays").output
    assert asked["id"] in listed and "states=delivered" in listed and "[why]" in listed
    assert "is paused" in run("pushes", "pause", asked["id"]).output
    assert "is running" in run("pushes", "resume", asked["id"]).output
    assert "is cancelled" in run("pushes", "cancel", asked["id"]).output
    assert run("pushes", "resume", asked["id"]).exit_code == 1
    assert "say which" in run("pushes", "replay", "--dry-run").stderr


def test_what_an_order_was_replayed_for_is_shown_with_its_pushes():
    known_orders(2)
    run("pushes", "replay", "--order", "ord-1", "--yes", "--reason", "asked by the agent")
    replay(None)
    shown = run("pushes", "show", "ord-1").output
    assert "asked by the agent" in shown and "running" in shown
    assert "asked by the agent" not in run("pushes", "show", "ord-0").output
    (push,) = json.loads(run("pushes", "show", "ord-1", "--json").output)
    assert push["replay"].startswith("rep-")
