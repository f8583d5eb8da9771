"""Alerts reach people through Apprise: many in one message, again after a failure, never twice."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from ordercast.cli import app
from ordercast.services.relay.alert import alert_forever
from ordercast.store.alerts import alert, unsent
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.tables import OperatorAlert
from tests.conftest import forget
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.service


@pytest.fixture
def person(home, monkeypatch):
    """Somebody who reads by a web hook: what they got, and the status that they answer with."""
    got, answers = [], [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(answers[0])
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    use(monkeypatch, url := f"json://user:token-1@127.0.0.1:{server.server_port}/alerts")
    yield got, answers, url
    server.shutdown()
    server.server_close()


def use(monkeypatch, *urls):
    monkeypatch.setenv("ORDERCAST_ALERTS__URLS", " ".join(urls))
    monkeypatch.setenv("ORDERCAST_ALERTS__EVERY_SECONDS", "0.05")
    forget()


@pytest.fixture
def relay():
    stop, threads = threading.Event(), []

    def start():
        threads.append(threading.Thread(target=alert_forever, args=(stop,)))
        threads[-1].start()

    yield start
    stop.set()
    for each in threads:
        each.join(20)
        assert not each.is_alive()


def raise_some(*subjects, kind="subscriber-disabled"):
    with database().write() as session:
        for subject in subjects:
            alert(session, kind, subject=subject, text=f"{subject} answers 410")


def alerts():
    with database().read() as session:
        return session.exec(select(OperatorAlert)).all()


def let_time_pass(**by):
    with database().write() as session:
        for each in session.exec(select(OperatorAlert)):
            each.created_at -= timedelta(**by)
            each.due_at = each.due_at and each.due_at - timedelta(**by)


def test_many_alerts_come_as_one_message_and_only_once(person, relay):
    got, _, _ = person
    raise_some("sub-a", "sub-b", "sub-c")
    relay()
    wait_for(lambda: all(each.sent_at for each in alerts()), what="not sent")
    raise_some("sub-d")
    wait_for(lambda: len(got) == 2, what="the new one is not sent")
    assert got[0]["title"] == "Ordercast: 3 alerts"
    for subject in ("sub-a", "sub-b", "sub-c"):
        assert f"subscriber-disabled {subject}: {subject} answers 410" in got[0]["message"]
    assert got[1]["title"] == "Ordercast: subscriber-disabled sub-d"
    assert "sub-a" not in got[1]["message"]


def test_of_very_many_the_newest_are_named_and_the_others_counted(person, relay):
    got, _, _ = person
    raise_some(*(f"sub-{place}" for place in range(25)))
    relay()
    wait_for(lambda: all(each.sent_at for each in alerts()), what="not sent")
    (message,) = got
    first, *named = message["message"].splitlines()
    assert first == "5 earlier ones: ordercast alerts list"
    assert [line.split()[4] for line in named] == [f"sub-{place}:" for place in range(5, 25)]


def test_what_nobody_took_is_tried_again_after_a_rest(person, relay, caplog):
    got, answers, _ = person
    answers[0] = 500
    raise_some("sub-a")
    relay()
    wait_for(lambda: got, what="not tried")
    wait_for(lambda: "did not take the message" in caplog.text, what="nothing is said of it")
    assert (alerts()[0].tries, alerts()[0].sent_at) == (1, None)
    assert "token-1" not in "".join(each.getMessage() for each in caplog.records)
    answers[0] = 200
    let_time_pass(minutes=1)
    wait_for(lambda: alerts()[0].sent_at, what="not tried again")
    assert alerts()[0].tries == 2


def test_one_who_is_away_keeps_nobody_else_from_being_told(person, relay, monkeypatch):
    got, _, url = person
    use(monkeypatch, f"json://127.0.0.1:{free_port()}", "no-such-service://x", url)
    raise_some("sub-a")
    relay()
    wait_for(lambda: alerts()[0].sent_at, what="not sent")
    assert len(got) == 1


def test_without_urls_alerts_stay_where_they_are(home, relay, monkeypatch):
    use(monkeypatch)
    raise_some("sub-a")
    relay()
    assert (alerts()[0].tries, alerts()[0].sent_at) == (0, None)


def test_a_test_message_says_of_each_url_whether_it_took_it(person, monkeypatch):
    got, _, url = person
    done = CliRunner().invoke(app, ["alerts", "test"])
    assert (done.exit_code, done.output) == (0, "1. json: took the message\n")
    assert got[0]["title"] == "Ordercast: test"
    use(monkeypatch, url, "no-such-service://secret", f"json://127.0.0.1:{free_port()}")
    failed = CliRunner().invoke(app, ["alerts", "test"])
    assert failed.exit_code == 1
    assert failed.output.splitlines() == [
        "1. json: took the message",
        "2. no-such-service: is no URL that Apprise knows",
        "3. json: did not take the message",
    ]


def test_without_urls_the_test_says_which_setting_is_missing(home):
    refused = CliRunner().invoke(app, ["alerts", "test"])
    assert refused.exit_code != 0
    assert "ORDERCAST_ALERTS__URLS" in refused.output


def test_alerts_are_listed_whether_or_not_somebody_was_told(home):
    raise_some("sub-a", "sub-b")
    with database().write() as session:
        (first, _) = unsent(session, limit=9)
        first.sent_at = now()
    listed = json.loads(CliRunner().invoke(app, ["alerts", "list", "--json"]).output)
    assert [(each["subject"], bool(each["sent_at"])) for each in listed] == [
        ("sub-b", False),
        ("sub-a", True),
    ]
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["alerts", "list"]).output
    assert "sub-b answers 410" in shown
