"""Why a signature fails: each mishap is found and named, whatever the push and the secret."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from ordercast.delivery.signing import signed_headers
from ordercast.receiver.checking import Difference, check
from ordercast.receiver.signatures import HEADERS, Received

NOW = datetime.now(UTC).replace(microsecond=0)
SECRETS = st.binary(min_size=24, max_size=64).map(lambda b: f"whsec_{base64.b64encode(b).decode()}")
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
DOCUMENTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.none() | st.lists(TEXTS), max_size=5)
BODIES = DOCUMENTS.map(lambda each: json.dumps(each, ensure_ascii=False, separators=(",", ":")))


def signed(body, secret, message_id="e1", at=NOW):
    headers = signed_headers([secret], message_id=message_id, body=body, at=at)
    return Received.of(headers, body.encode())


def difference(received, secret, **more):
    return check(received, secret, at=NOW, **more).difference


def holds_for_the_library(received, secret):
    values = (received.message_id, received.timestamp, received.signature)
    try:
        Webhook(secret).verify(
            received.body, dict(zip(HEADERS, values, strict=True)), json_parse=False
        )
    except (WebhookVerificationError, ValueError):
        return False
    return True


@given(BODIES, SECRETS)
def test_what_was_not_touched_holds(body, secret):
    at = datetime.now(UTC).replace(microsecond=0)  # the library looks at the clock by itself
    received = signed(body, secret, at=at)
    found = check(received, secret, at=at)
    assert (found.difference, found.skew_seconds) == (None, 0)
    assert holds_for_the_library(received, secret)


@given(BODIES, SECRETS, st.sampled_from(HEADERS))
def test_a_header_that_is_missing_is_named_before_all_else(body, secret, name):
    headers = signed_headers([secret], message_id="e1", body=body, at=NOW)
    del headers[name]
    found = check(Received.of(headers, b"other"), "no secret", at=NOW)
    assert (found.difference, found.detail) == (Difference.MISSING_HEADER, name)


@given(BODIES, SECRETS, st.integers(-(10**6), 10**6))
def test_the_clock_is_told_with_its_direction_and_wrong_only_beyond_five_minutes(
    body, secret, seconds
):
    received = signed(body, secret, at=NOW - timedelta(seconds=seconds))
    found = check(received, secret, at=NOW)
    assert found.skew_seconds == seconds
    assert (found.difference is None) == (abs(seconds) <= 300)
    if found.difference:
        assert found.difference is Difference.SKEW
        assert ("before the clock" in found.detail) == (seconds > 0)
        assert str(abs(seconds)) in found.detail


@given(BODIES, SECRETS, st.sampled_from(["\n", "\r\n"]))
def test_a_line_end_at_the_end_is_found_added_or_cut_off(body, secret, newline):
    added = signed(body, secret).changed(body=(body + newline).encode())
    cut_off = signed(body + newline, secret).changed(body=body.encode())
    for received in (added, cut_off):
        assert difference(received, secret) is Difference.TRAILING_NEWLINE
        assert not holds_for_the_library(received, secret)


@given(DOCUMENTS, SECRETS, st.sampled_from([None, 2]), st.booleans())
def test_json_that_was_written_anew_is_found(document, secret, indent, ascii_only):
    spelled = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    anew = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    assume(anew != spelled)
    received = signed(spelled, secret).changed(body=anew.encode())
    assert difference(received, secret) is Difference.RE_SERIALISED


@pytest.mark.parametrize("charset", ["gb18030", "utf-16"])
def test_another_charset_is_found_whichever_way_it_was_converted(charset):
    body, secret = '{"name":"移动卡"}', "whsec_" + base64.b64encode(b"k" * 32).decode()
    received = signed(body, secret).changed(body=body.encode(charset))
    assert difference(received, secret) is Difference.CHARSET


def test_text_that_was_read_as_latin_1_is_found():
    body, secret = '{"name":"é"}', "whsec_" + base64.b64encode(b"k" * 32).decode()
    mangled = body.encode().decode("latin-1").encode()
    received = signed(body, secret).changed(body=mangled)
    assert difference(received, secret) is Difference.CHARSET


@given(SECRETS)
def test_other_mishaps_of_the_body_are_found(secret):
    lines = '{\n"a":1\n}'
    received = signed(lines, secret)
    ends = received.changed(body=lines.replace("\n", "\r\n").encode())
    assert difference(ends, secret) is Difference.LINE_ENDS
    marked = received.changed(body=b"\xef\xbb\xbf" + lines.encode())
    assert difference(marked, secret) is Difference.BYTE_ORDER_MARK
    assert difference(received.changed(body=b""), secret) is Difference.BODY_EMPTY


@given(BODIES, SECRETS)
def test_another_id_or_timestamp_is_found(body, secret):
    told = json.dumps({"id": "e1", "more": body})
    received = signed(told, secret)
    assert difference(received.changed(message_id="req-9"), secret) is Difference.ID
    in_ms = received.changed(timestamp=f"{received.timestamp}000")
    assert difference(in_ms, secret) is Difference.TIMESTAMP


@given(BODIES, SECRETS)
def test_a_signature_that_was_cut_or_spelled_otherwise_is_found(body, secret):
    received = signed(body, secret)
    digest = received.signature.removeprefix("v1,")
    in_hex = base64.b64decode(digest).hex()
    for header in (digest, f'"{received.signature}"', f"v1={digest}", in_hex, "nonsense"):
        changed = received.changed(signature=header)
        assert difference(changed, secret) is Difference.SIGNATURE_FORM


@given(BODIES, st.binary(min_size=24, max_size=64))
def test_a_secret_in_a_wrong_form_is_found(body, key):
    plain = base64.b64encode(key).decode()
    secret = f"whsec_{plain}"
    received = signed(body, secret)
    wrong = [f" {secret}\n", f'"{secret}"', plain, f"whsec_{key.hex()}"]
    wrong += [f"whsec_{base64.b64encode(plain.encode()).decode()}"]
    wrong += [f"whsec_{plain.rstrip('=')}"] if plain.endswith("=") else []
    for each in wrong:
        assert difference(received, each) is Difference.SECRET_FORM, each


@given(BODIES, SECRETS, SECRETS)
def test_the_secret_of_another_subscriber_is_found_by_name_and_never_shown(body, secret, other):
    assume(secret != other)
    received = signed(body, other)
    found = check(received, secret, at=NOW, others={"crm (sub-1)": other})
    assert (found.difference, found.detail) == (Difference.OTHER_SUBSCRIBER, "crm (sub-1)")
    assert difference(received, secret) is Difference.UNKNOWN


@given(
    st.text(max_size=40),
    st.text(max_size=20),
    st.text(max_size=60),
    st.binary(max_size=200),
    st.text(max_size=80),
)
def test_nothing_that_comes_makes_it_fail(message_id, timestamp, signature, body, secret):
    received = Received(message_id, timestamp, signature, body)
    assert check(received, secret, at=NOW, others={"x": secret}).difference is not None


def test_every_difference_is_explained_in_english_and_chinese():
    for each in Difference:
        for text in (each.meaning, each.remedy):
            assert text.en and text.zh
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh)
