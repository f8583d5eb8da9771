"""Forms of pushes through the whole path: saved, previewed, sent, signed, rotated."""

import hashlib
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
import standardwebhooks
import svix
from cryptography.fernet import Fernet
from lxml import etree
from sqlmodel import select, update
from typer.testing import CliRunner

from config.push_dialects import push_dialects
from config.settings import settings
from ordercast.cli import app
from ordercast.domain.errors import ConfigurationError
from ordercast.store import subscribers
from ordercast.store.engine import database
from ordercast.store.push_tables import Subscriber
from ordercast.store.pushes import NewEvent
from ordercast.store.sealing import sealer
from tests.gateway import gateway
from tests.keys import keyed
from tests.services.receivers import Receiver, eventually
from tests.services.test_deliver import attempts, deliveries, hasten, relay, states, tell

pytestmark = pytest.mark.usefixtures("quick")
KEY = "0123456789abcdef0123456789abcdef"
FAILED = NewEvent(
    "work-order.failed",
    1,
    {
        "reporter": "张三",
        "text": "号码 13812345678 无法开通",
        "title": "开卡",
        "external_id": "P<1>",
    },
)
NO_MATCH = "No matching signature"


@pytest.fixture
def quick(monkeypatch, home):
    monkeypatch.setenv("ORDERCAST_RELAY__POLL_SECONDS", "0.05")
    settings.cache_clear()


@pytest.fixture
def http():
    return keyed(gateway())


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "300"})


def add(http, url, **wanted):
    document = {"kind": "public", "name": "partner", "url": url, "event_types": ["*"], **wanted}
    answer = http.post("/subscribers", json=document)
    assert answer.status_code == 201, answer.text
    return answer.json()


def rotate(http, key, **wanted):
    answer = http.post(f"/subscribers/{key}/rotate-secret", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


def row():
    with database().read() as session:
        return session.exec(select(Subscriber)).one()


def overlap_is_over():
    with database().write() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(Subscriber).values(old_secret_until=past))


@contextmanager
def own_dialects(monkeypatch, directory):
    monkeypatch.setenv("ORDERCAST_PUSH_DIALECTS", str(directory))
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_a_partner_gets_its_gbk_xml_signed_and_masked_as_the_preview_said(http):
    with Receiver([(200, {}, "success")]) as receiver:
        wanted = {"body": "huaxin-xml", "masking": ["msisdn", "name"], "secret": KEY}
        created = add(http, receiver.url, acknowledgement="body-success", **wanted)
        assert (created["body"], created["masking"]) == ("huaxin-xml", ["msisdn", "name"])
        tell(NewEvent("order.completed", 1, {"title": "开卡 13812345678", "state": "completed"}))
        with relay():
            eventually(lambda: states() == ["delivered"])
        (push,) = receiver.pushes
        preview = run("subscribers", "preview", "partner", "--order", "ord-20261122-aaaaaa")
        raw = run(
            "subscribers", "preview", created["id"], "--order", "ord-20261122-aaaaaa", "--raw"
        )
    assert raw.stdout_bytes == push.raw
    said, body = preview.output.split("\n\n", 1)
    assert said.splitlines() == [
        f"POST {receiver.url}",
        f"content-type: {push.headers['content-type']}",
    ]
    assert body == push.raw.decode("gbk") + "\n"
    read = {each.tag: each.text or "" for each in etree.fromstring(push.raw)}
    sign = read.pop("sign")
    text = "&".join(f"{name}={read[name]}" for name in sorted(read) if read[name])
    assert sign == hashlib.md5(f"{text}&key={KEY}".encode("gbk")).hexdigest().upper()  # noqa: S324
    assert read["title"] == "开卡 138****5678"


@pytest.mark.parametrize("body", ["cloudevents", *push_dialects()])
def test_what_is_masked_leaves_in_no_form(http, body):
    with Receiver() as receiver:
        add(http, receiver.url, body=body, masking=["msisdn", "name"])
        tell(FAILED)
        with relay():
            eventually(lambda: states() == ["delivered"])
    (push,) = receiver.pushes
    text = push.raw.decode("gbk" if "gbk" in push.headers["content-type"] else "utf-8")
    text = dict(parse_qsl(text)).get("detail", text) if "form" in body else text
    assert "13812345678" not in text and "张三" not in text
    if body != "huaxin-xml":
        assert "138****5678" in text and "张*" in text


def test_two_attempts_of_a_dialect_are_the_same_to_the_byte(http):
    with Receiver([500, 200]) as receiver:
        add(http, receiver.url, body="portal-form")
        tell(FAILED)
        with relay():
            eventually(lambda: len(attempts()) == 1)
            hasten()
            eventually(lambda: states() == ["delivered"])
    first, second = receiver.pushes
    assert first.raw == second.raw
    assert first.headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8"


FRAGILE = """\
format: json
template: '{"line": {{ event.data.line_no }}}'
signature: {method: hmac-sha256, header: X-Sign}
"""


def test_a_template_that_fails_is_refused_at_save_and_our_fault_at_delivery(
    http, monkeypatch, tmp_path
):
    directory = tmp_path / "own"
    directory.mkdir()
    (directory / "fragile.yaml").write_text(FRAGILE)
    with Receiver() as receiver, own_dialects(monkeypatch, directory):
        document = {"kind": "public", "name": "partner", "url": receiver.url, "body": "fragile"}
        (problem,) = http.post("/subscribers", json=document).json()["problems"]
        assert problem["field"] == "body"
        assert "fragile: template, line 1: 'dict object' has no attribute" in problem["problem"]
        add(http, receiver.url, body="fragile", event_types=["work-order.*"])
        tell(NewEvent("work-order.failed", 1, {"line_no": 7}))
        tell(NewEvent("work-order.failed", 1, {}, n=1), order_no="ord-20261122-bbbbbb")
        with relay():
            eventually(lambda: sorted(states()) == ["delivered", "pending"] and attempts()[1:])
    (push,) = receiver.pushes
    assert push.raw == b'{"line": 7}'
    (failed,) = [each for each in attempts() if each.verdict == "our-fault"]
    assert failed.reason == "template" and "fragile: template, line 1:" in failed.answer
    (pending,) = [each for each in deliveries() if each.state == "pending"]
    assert (pending.attempts, pending.tries) == (1, 0)


def test_a_dialect_that_was_taken_away_is_our_fault_and_named(http, monkeypatch, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "ours.yaml").write_text(FRAGILE.replace("event.data.line_no", "1"))
    with Receiver() as receiver:
        with own_dialects(monkeypatch, tmp_path / "own"):
            add(http, receiver.url, body="ours")
        monkeypatch.delenv("ORDERCAST_PUSH_DIALECTS")
        tell(FAILED)
        with relay():
            eventually(attempts)
    (attempt,) = attempts()
    assert (attempt.reason, receiver.pushes) == ("template", [])
    assert "no push dialect 'ours'" in attempt.answer


@pytest.mark.parametrize("verifier", [standardwebhooks.Webhook, svix.Webhook])
def test_for_24_hours_both_secrets_verify_and_then_the_old_one_is_erased(http, verifier):
    with Receiver() as receiver:
        created = add(http, receiver.url)
        key, old = created["id"], created["secret"]
        rotated = rotate(http, key)
        new = rotated["secret"]
        until = datetime.fromisoformat(rotated["old_secret_until"])
        assert timedelta(hours=23.9) < until - datetime.now(UTC) <= timedelta(hours=24)
        for answer in (http.get("/subscribers"), http.get(f"/subscribers/{key}")):
            assert old not in answer.text and new not in answer.text
        with relay():
            tell(FAILED)
            eventually(lambda: states() == ["delivered"])
            overlap_is_over()
            tell(FAILED, order_no="ord-20261122-bbbbbb")
            eventually(lambda: states() == ["delivered"] * 2)
    during, after = receiver.pushes
    for secret in (new, old):
        verifier(secret).verify(during.raw, during.headers)
    first = during.headers["webhook-signature"].split(" ")[0]
    verifier(new).verify(during.raw, {**during.headers, "webhook-signature": first})
    verifier(new).verify(after.raw, after.headers)
    with pytest.raises(Exception, match=NO_MATCH):
        verifier(old).verify(after.raw, after.headers)
    assert row().sealed_old_secret is not None
    assert subscribers.erase_old_secrets(database()) == 1
    assert (row().sealed_old_secret, row().old_secret_until) == (None, None)
    assert subscribers.erase_old_secrets(database()) == 0


def test_a_secret_that_became_known_signs_no_longer(http):
    with Receiver() as receiver:
        created = add(http, receiver.url)
        rotated = rotate(http, created["id"], overlap_hours=0)
        assert rotated["old_secret_until"] is None and row().sealed_old_secret is None
        tell(FAILED)
        with relay():
            eventually(lambda: states() == ["delivered"])
    (push,) = receiver.pushes
    standardwebhooks.Webhook(rotated["secret"]).verify(push.raw, push.headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(created["secret"]).verify(push.raw, push.headers)


def test_rotated_twice_within_the_overlap_the_last_two_secrets_are_valid(http):
    first = add(http, "http://127.0.0.1:9/")
    second, third = rotate(http, first["id"]), rotate(http, first["id"])
    sealed = subscribers.sealed_secrets(row(), at=datetime.now(UTC))
    assert [subscribers.opened(each) for each in sealed] == [third["secret"], second["secret"]]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"secret": "hunter2"}, "secret"),
        ({"overlap_hours": -1}, "overlap_hours"),
        ({"hours": 1}, "hours"),
    ],
)
def test_what_is_wrong_with_a_rotation_is_told_and_nothing_changes(http, wrong, field):
    created = add(http, "http://127.0.0.1:9/")
    answer = http.post(f"/subscribers/{created['id']}/rotate-secret", json=wrong)
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (400, field)
    assert "hunter2" not in answer.text
    assert subscribers.secret_of(row()) == created["secret"]
    assert http.post("/subscribers/sub-none/rotate-secret").status_code == 404


def test_the_command_rotates_and_shows_the_new_secret_once(http):
    created = add(http, "http://127.0.0.1:9/")
    rotated = json.loads(run("subscribers", "rotate", created["id"], "--json").output)
    assert rotated["secret"] == subscribers.secret_of(row()) != created["secret"]
    assert "valid until" in run("subscribers", "rotate", created["id"]).output
    ended = run("subscribers", "rotate", created["id"], "--overlap-hours", "0").output
    assert subscribers.secret_of(row()) in ended and "valid no longer" in ended
    assert rotated["secret"] not in run("subscribers", "show", created["id"]).output


def test_a_sealing_key_is_rotated_by_putting_a_new_one_first(http, monkeypatch):
    created = add(http, "http://127.0.0.1:9/")
    old, new = settings().sealing_keys.get_secret_value(), Fernet.generate_key().decode()
    assert opens_with(monkeypatch, f"{new},{old}") == created["secret"]
    rotated = rotate(http, created["id"])
    assert opens_with(monkeypatch, new) == rotated["secret"]
    with pytest.raises(ConfigurationError, match="add the key it was sealed with"):
        opens_with(monkeypatch, old)


def opens_with(monkeypatch, keys):
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", keys)
    for cached in (settings, sealer):
        cached.cache_clear()
    return subscribers.secret_of(row())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one of the two it must be"),
        (["partner", "--body", "huaxin-xml"], "one of the two it must be"),
        (["nobody"], "there is no subscriber 'nobody'"),
        (["--body", "huaxin"], "did you mean `huaxin-xml`?"),
        (["--body", "huaxin-xml", "--event", "order.*"], "there is no 'order.*'"),
        (["--body", "huaxin-xml", "--order", "ord-1"], "there is no event of order 'ord-1'"),
        (["partner", "--masking", "name"], "is the subscriber's own"),
    ],
)
def test_what_is_wrong_with_a_preview_is_told(http, arguments, said):
    add(http, "http://127.0.0.1:9/")
    answer = run("subscribers", "preview", *arguments)
    assert answer.exit_code == 1 and said in answer.stderr


def test_bodies_lists_all_that_may_be_sent():
    listed = run("subscribers", "bodies").output
    assert all(name in listed for name in ("cloudevents", *push_dialects()))
