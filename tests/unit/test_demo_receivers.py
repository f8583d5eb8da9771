"""The receivers of the demo take what is signed, and nothing else."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from ordercast.delivery.signing import new_secret, signed_headers
from ordercast.demo.receivers import AUDIENCES, Receiver

BODY = json.dumps({"subject": "ord-20261122-aaaaaa", "note": "报竣"}, ensure_ascii=False)


@pytest.fixture
def receiver():
    with Receiver(AUDIENCES[0], secret=new_secret()) as listening:
        yield listening


def push(receiver, *, secret, body=BODY, signed=BODY, at=None):
    moment = at or datetime.now(UTC)
    headers = signed_headers([secret], message_id="event-1", body=signed, at=moment)
    return httpx.post(receiver.url, content=body.encode(), headers=headers, trust_env=False)


def test_a_signed_push_is_taken_and_kept(receiver):
    assert push(receiver, secret=receiver.secret).status_code == 204
    (kept,) = receiver.pushes
    assert kept.event_id == "event-1"
    assert kept.event["note"] == "报竣"
    assert not receiver.forged


def test_a_push_signed_with_another_secret_is_refused(receiver):
    assert push(receiver, secret=new_secret()).status_code == 401
    assert not receiver.pushes
    assert receiver.forged[0].startswith("event-1")


def test_a_push_whose_body_was_altered_is_refused(receiver):
    answer = push(receiver, secret=receiver.secret, body=BODY.replace("aaaaaa", "bbbbbb"))
    assert answer.status_code == 401
    assert not receiver.pushes


def test_an_old_push_is_refused(receiver):
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    assert push(receiver, secret=receiver.secret, at=long_ago).status_code == 401


def test_a_push_without_signature_is_refused(receiver):
    answer = httpx.post(receiver.url, content=b"{}", trust_env=False)
    assert answer.status_code == 401
    assert receiver.forged[0].startswith("a push without id")
