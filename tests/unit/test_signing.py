import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from ordercast.delivery.signing import new_secret, problem_with_secret, signed_headers


@given(st.text(st.characters(exclude_categories=["Cs"])), st.uuids())
def test_what_is_signed_is_verified_by_the_standard_library_of_receivers(text, message_id):
    secret, body = new_secret(), json.dumps({"text": text}, ensure_ascii=False)
    headers = signed_headers([secret], message_id=str(message_id), body=body, at=datetime.now(UTC))
    assert Webhook(secret).verify(body, headers) == {"text": text}


def test_a_clock_that_is_not_utc_signs_the_same_moment():
    secret, moment = new_secret(), datetime.now(timezone(timedelta(hours=8)))
    headers = signed_headers([secret], message_id="m", body="{}", at=moment)
    assert headers["webhook-timestamp"] == str(int(moment.timestamp()))
    Webhook(secret).verify("{}", headers)


def test_a_changed_body_is_not_verified():
    secret = new_secret()
    headers = signed_headers([secret], message_id="m", body="{}", at=datetime.now(UTC))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify('{"a":1}', headers)


def test_during_rotation_both_secrets_verify():
    old, new = new_secret(), new_secret()
    headers = signed_headers([new, old], message_id="m", body="{}", at=datetime.now(UTC))
    for secret in (old, new):
        Webhook(secret).verify("{}", headers)


def test_new_secrets_hold_32_random_bytes_and_are_valid():
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
    assert problem_with_secret(first) is None


@given(st.binary(min_size=0, max_size=100))
def test_a_given_secret_is_valid_with_24_to_64_bytes(key):
    problem = problem_with_secret("whsec_" + base64.b64encode(key).decode())
    assert (problem is None) == (24 <= len(key) <= 64)


@pytest.mark.parametrize(
    "secret", ["", "hunter2", "whsec_", "whsec_!!!!", "whsec_ünï", "whsec_QUJD"]
)
def test_a_secret_of_another_form_is_refused_without_being_quoted(secret):
    problem = problem_with_secret(secret)
    assert problem is not None
    assert problem.field == "secret"
    assert len(secret) < 7 or secret not in str(problem)
