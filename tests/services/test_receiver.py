"""The receiver as its command starts it, told by real relays and by hand."""

import json
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
from typer.testing import CliRunner

from ordercast.cli import app as cli
from ordercast.contracts.subscriber import Acknowledgement, NewSubscriber
from ordercast.delivery.acknowledgements import acknowledged
from ordercast.delivery.signing import new_secret, signed_headers
from ordercast.delivery.verdicts import Reason
from ordercast.receiver.misbehaving import Manners, Misbehaviour
from ordercast.receiver.server import Receiver, serve
from ordercast.store import subscribers
from ordercast.store.engine import database
from tests.conftest import forget

SECRET = new_secret()
BODY = '{"id":"e1","type":"com.ordercast.order.completed.v1","subject":"ord-1","sequence":"1"}'
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


@contextmanager
def receiving(secret=SECRET, **manners):
    lines: list[str] = []
    server = serve(Receiver(Manners(**manners), lines.append, secret), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", lines
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def post(url, body=BODY, secret=SECRET, message_id="e1", timeout=10.0):
    headers = signed_headers([secret], message_id=message_id, body=body, at=datetime.now(UTC))
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=timeout)


def test_a_push_is_verified_printed_in_one_line_and_known_again():
    with receiving() as (url, lines):
        assert [post(url).status_code for _ in range(2)] == [204, 204]
        assert post(url, message_id="e2").status_code == 204
    assert lines == [
        "204 com.ordercast.order.completed.v1 ord-1 1 e1 verified",
        "204 com.ordercast.order.completed.v1 ord-1 1 e1 verified again",
        "204 com.ordercast.order.completed.v1 ord-1 1 e2 verified",
    ]


def test_a_wrong_signature_is_refused_and_the_line_says_why():
    with receiving() as (url, lines):
        assert post(url, secret=new_secret()).status_code == 401
        assert httpx.post(url, content=BODY, trust_env=False).status_code == 401
    assert "unknown" in lines[0]
    assert "missing-header webhook-id, webhook-timestamp, webhook-signature" in lines[1]


def test_what_is_no_event_is_shown_by_its_size_and_control_characters_are_not_obeyed():
    with receiving(secret=None) as (url, lines):
        post(url, body="a=1&b=2")
        post(url, body=json.dumps({"type": "\x1b[2J\nforged"}))
    assert lines[0] == "204 7 bytes e1 not verified"
    assert "\x1b" not in lines[1] and "\n" not in lines[1]


@pytest.mark.parametrize(
    ("misbehaviour", "status"),
    [("500", 500), ("429", 429), ("410", 410), ("wrong-ack", 200)],
)
def test_it_answers_wrongly_on_purpose(misbehaviour, status):
    with receiving(misbehaviour=Misbehaviour(misbehaviour)) as (url, lines):
        answer = post(url)
    assert answer.status_code == status
    assert lines[0].endswith(f"{misbehaviour} on purpose")
    if misbehaviour == "429":
        assert int(answer.headers["retry-after"]) > 0
    if misbehaviour == "wrong-ack":
        assert answer.json()["errcode"]


def test_it_drops_and_is_slow_on_purpose():
    with receiving(misbehaviour=Misbehaviour.DROP) as (url, lines):
        with pytest.raises(httpx.RemoteProtocolError):
            post(url)
        assert lines[0].startswith("dropped")
    slow = receiving(misbehaviour=Misbehaviour.SLOW, slow_seconds=1.0)
    with slow as (url, _), pytest.raises(httpx.ReadTimeout):
        post(url, timeout=0.2)


def test_only_its_share_of_pushes_is_met_wrongly_and_what_was_not_taken_is_not_known():
    chances = iter([0.1, 0.9, 0.2])
    manners = {"misbehaviour": Misbehaviour.SERVER_ERROR, "share": 0.3}
    with receiving(**manners, chance=lambda: next(chances)) as (url, lines):
        assert [post(url).status_code for _ in range(3)] == [500, 204, 500]
    assert ["again" in line for line in lines] == [False, False, True]


@pytest.mark.parametrize("rule", list(Acknowledgement))
def test_it_acknowledges_by_every_rule_that_there_is(rule):

    with receiving(acknowledgement=rule) as (url, _):
        assert acknowledged(rule, post(url).text) is Reason.ACKNOWLEDGED


def test_the_command_listens_and_prints():
    command = [sys.executable, "-m", "ordercast", "receiver", "--port", "0", "--secret", SECRET]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        assert post(found[0]).status_code == 204
        assert process.stdout.readline().endswith("ord-1 1 e1 verified\n")
    finally:
        process.terminate()
        process.wait(10)


def run(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments], env={"COLUMNS": "200"})


def test_a_secret_in_a_wrong_form_and_a_port_that_is_taken_are_told_in_words():
    wrong = run("receiver", "--secret", "hunter2")
    assert (wrong.exit_code, "hunter2" in wrong.output) == (1, False)
    assert "whsec_" in wrong.stderr
    with receiving() as (url, _):
        taken = run("receiver", "--port", url.rstrip("/").rpartition(":")[2])
    assert taken.exit_code == 1 and "--port" in taken.stderr


@pytest.fixture
def kept(tmp_path):
    """A push as somebody kept it: as JSON, as lines, and its body."""
    headers = signed_headers([SECRET], message_id="e1", body=BODY, at=datetime.now(UTC))
    (tmp_path / "headers.json").write_text(json.dumps({k.upper(): v for k, v in headers.items()}))
    lines = "\n".join(f"> {name}: {value}" for name, value in headers.items())
    (tmp_path / "headers.txt").write_text(f"> POST /hook HTTP/1.1\n{lines}\n")
    (tmp_path / "body").write_text(BODY)
    return tmp_path


def check(kept, secret=SECRET, headers="headers.txt", *more):
    given = ("--secret", secret, "--headers", kept / headers, "--body", kept / "body", *more)
    return run("receiver", "check", *given)


def test_a_push_that_was_kept_is_checked_whichever_form_its_headers_have(kept):
    for headers in ("headers.json", "headers.txt"):
        assert check(kept, headers=headers).exit_code == 0
    (kept / "body").write_text(BODY + "\n")
    failed = check(kept, SECRET, "headers.txt", "--json")
    assert failed.exit_code == 1
    told = json.loads(failed.output)
    assert (told["difference"], told["holds"]) == ("trailing-newline", False)
    assert told["meaning"].keys() == told["remedy"].keys() == {"en", "zh"}


def test_the_time_at_which_it_came_can_be_said(kept):
    late = check(kept, SECRET, "headers.txt", "--received-at", "2026-11-22T09:00", "--json")
    assert json.loads(late.output)["difference"] == "skew"
    assert check(kept, SECRET, "headers.txt", "--received-at", "1m").exit_code == 0
    assert check(kept, SECRET, "headers.txt", "--received-at", "soon").exit_code == 2


def test_the_subscriber_whose_secret_it_was_is_named_where_there_is_a_database(kept, home):
    with database().write() as session:
        for name, secret in (("crm", SECRET), ("billing", new_secret())):
            document = {"kind": "public", "name": name, "url": "http://127.0.0.1:9/"}
            subscribers.create(session, NewSubscriber.model_validate(document), secret=secret)
    told = check(kept, new_secret())
    assert told.exit_code == 1
    assert "other-subscriber" in told.output and "crm (sub-" in told.output
    assert SECRET not in told.output


def test_where_there_is_no_database_none_is_made(kept, tmp_path, monkeypatch):

    monkeypatch.setenv("ORDERCAST_HOME", str(tmp_path / "nowhere"))
    forget()
    assert "unknown" in check(kept, new_secret()).output
    assert not (tmp_path / "nowhere").exists()
    forget()
