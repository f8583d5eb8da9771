"""Pushes as they go out: golden files, and signatures verified by code that is not ours."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import standardwebhooks
import svix
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.v1.http import from_http
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from config.push_dialects import load_push_dialect, push_dialects
from ordercast.contracts.subscriber import CLOUD_EVENTS
from ordercast.delivery.cloud_events import MOST_BYTES
from ordercast.delivery.composing import Composer, Form
from ordercast.delivery.example_events import AT, example_event
from ordercast.delivery.signing import new_secret
from ordercast.domain.errors import PushNotMade
from ordercast.domain.partial_masks import Masking
from ordercast.store.pushes import EVENT_TYPES

GOLDEN = Path(__file__).parent.parent / "pushes"
BASE_URL = "http://127.0.0.1:8080"
STANDARD = f"whsec_{base64.b64encode(b'an example, not secret at all').decode()}"
KEY = "an-example-not-secret-at-all"
BODIES = (CLOUD_EVENTS, *push_dialects())
MASKED = tuple(sorted(Masking))
GOLDENS = [
    (body, event_type, masking)
    for body in BODIES
    for event_type, masking in (
        ("order.completed", ()),
        ("order.reopened", ()),
        ("order.lines-ended", MASKED),
        ("work-order.failed", MASKED),
    )
]


def secret_for(body):
    return STANDARD if body == CLOUD_EVENTS else KEY


def compose(event, form, secrets=None, *, at=AT, composer=None):
    composer = composer or Composer(base_url=BASE_URL)
    return composer.compose(event, form, secrets or [secret_for(form.body)], at=at)


def on_the_wire(made):
    headers = {"content-type": made.media_type, **made.headers}
    return "".join(f"{k}: {v}\n" for k, v in headers.items()).encode() + b"\n" + made.body


def named(body, event_type, *, data=None):
    event = example_event(event_type)
    event.data |= data or {}
    return compose(event, Form(body))


@pytest.mark.parametrize(("body", "event_type", "masking"), GOLDENS)
def test_what_is_sent_is_as_in_the_golden_file(body, event_type, masking):
    made = compose(example_event(event_type), Form(body, masking))
    assert on_the_wire(made) == (GOLDEN / f"{body}.{event_type}.http").read_bytes()


def test_every_golden_file_is_of_a_body_that_there_is():
    known = {f"{body}.{event_type}.http" for body, event_type, _ in GOLDENS}
    assert {path.name for path in GOLDEN.iterdir()} == known


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DATA = st.fixed_dictionaries({"title": TEXTS, "external_id": TEXTS, "agent": TEXTS})


@given(DATA, st.sampled_from(EVENT_TYPES))
def test_the_sign_field_of_the_gbk_xml_is_the_md5_of_what_the_receiver_reads(data, event_type):
    made = named("huaxin-xml", event_type, data=data)
    assert made.media_type == "application/xml; charset=gbk"
    assert made.body.startswith(b'<?xml version="1.0" encoding="GBK"?>')
    read = {each.tag: each.text or "" for each in etree.fromstring(made.body)}
    sign = read.pop("sign")
    text = "&".join(f"{name}={read[name]}" for name in sorted(read) if read[name] != "")
    md5 = hashlib.md5(f"{text}&key={KEY}".encode("gbk"), usedforsecurity=False)
    assert sign == md5.hexdigest().upper()


@given(DATA, st.sampled_from(EVENT_TYPES))
def test_the_sign_field_of_the_form_is_the_md5_of_what_the_receiver_reads(data, event_type):
    made = named("portal-form", event_type, data=data)
    read = dict(parse_qsl(made.body.decode("ascii"), strict_parsing=True))
    sign = read.pop("sign")
    text = "&".join(f"{name}={read[name]}" for name in sorted(read))
    md5 = hashlib.md5(f"{text}&key={KEY}".encode(), usedforsecurity=False)
    assert sign == md5.hexdigest()
    assert json.loads(read["detail"])["title"] == data["title"]


@given(DATA, st.sampled_from(EVENT_TYPES))
def test_the_header_of_the_json_is_the_hmac_of_its_bytes(data, event_type):
    made = named("platform-json", event_type, data=data)
    digest = hmac.new(KEY.encode(), made.body, hashlib.sha256).hexdigest()
    assert made.headers["X-Signature-256"] == f"sha256={digest}"
    read = json.loads(made.body)
    assert read["order"]["title"] == data["title"]
    assert read["eventId"] == made.headers["X-Event-Id"]


OWN = """\
format: {format}
charset: {charset}
parameters: {{b: '{{{{ order.title }}}}', a: '{{{{ event.type }}}}', c: ''}}
signature: {{method: hmac-sha256, over: parameters, {rest}}}
"""


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("charset", ["utf-8", "gbk", "gb18030"])
def test_an_hmac_of_sorted_parameters_stands_in_a_header_or_a_field(tmp_path, encoding, charset):
    signed = f"a=order.completed&b=开卡 8613812345678&salt={KEY}".encode(charset)
    digest = hmac.new(KEY.encode(), signed, hashlib.sha256).digest()
    told = digest.hex().upper() if encoding == "hex" else base64.b64encode(digest).decode()
    case = ", case: upper" if encoding == "hex" else ""
    rest = f"append: '&salt={{key}}', encoding: {encoding}{case}"
    for place, format in (("header: X-Sign", "form"), ("field: z", "json"), ("field: z", "form")):
        path = tmp_path / "own.yaml"
        path.write_text(OWN.format(format=format, charset=charset, rest=f"{rest}, {place}"))
        composer = Composer(base_url=BASE_URL, dialects={"own": load_push_dialect(path)})
        made = compose(example_event("order.completed"), Form("own"), composer=composer)
        if format == "json":
            read = json.loads(made.body.decode(charset))
        else:
            read = dict(parse_qsl(made.body.decode("ascii"), encoding=charset))
        assert (read["a"], read["b"]) == ("order.completed", "开卡 8613812345678")
        assert (made.headers["X-Sign"] if "header" in place else read["z"]) == told


VERIFIERS = (standardwebhooks.Webhook, svix.Webhook)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_while_a_secret_is_rotated_both_are_verified_the_new_one_first(verifier):
    old, new, other = new_secret(), new_secret(), new_secret()
    form, event = Form(), example_event("order.completed")
    made = compose(event, form, [new, old], at=datetime.now(UTC))
    first, second = made.headers["webhook-signature"].split(" ")
    for secret, own in ((new, first), (old, second)):
        verifier(secret).verify(made.body, dict(made.headers))
        verifier(secret).verify(made.body, {**made.headers, "webhook-signature": own})
    with pytest.raises(Exception, match="No matching signature"):
        verifier(other).verify(made.body, dict(made.headers))


@given(DATA, st.sampled_from(EVENT_TYPES), st.sets(st.sampled_from(Masking)))
def test_the_default_body_is_a_cloud_event_to_the_parsers_of_the_sdk(data, event_type, masking):
    event = example_event(event_type)
    event.data |= data
    made = compose(event, Form(masking=tuple(sorted(masking))))
    headers = {"content-type": made.media_type, **made.headers}
    old = from_http(headers, made.body)
    new = from_structured_event(HTTPMessage(headers, made.body), JSONFormat())
    assert (old["id"], new.get_id()) == (str(event.id), str(event.id))
    assert old["type"] == new.get_type() == f"com.ordercast.{event_type}.v1"
    assert new.get_time() == event.occurred_at
    assert old.data == new.get_data()
    if not masking:
        assert old.data["title"] == data["title"]


@pytest.mark.parametrize("body", BODIES)
def test_the_body_is_the_same_at_every_attempt_and_made_once_for_all_of_the_same_form(body):
    composer, event = Composer(base_url=BASE_URL), example_event("order.completed")
    later = datetime(2026, 11, 23, tzinfo=UTC)
    first = compose(event, Form(body), composer=composer)
    again = compose(example_event("order.completed"), Form(body), composer=composer, at=later)
    assert again.body == first.body
    assert again.headers.keys() == first.headers.keys()
    assert compose(event, Form(body)).body == first.body
    if body in (CLOUD_EVENTS, "platform-json"):
        assert again.body is first.body
    masked = compose(event, Form(body, MASKED), composer=composer)
    assert masked.body != first.body
    assert "13812345678" not in masked.body.decode("gbk" if "gbk" in masked.media_type else "utf-8")


def test_where_there_is_room_for_one_signature_the_old_secret_signs_until_its_time_is_over():
    event = example_event("order.completed")
    for body in push_dialects():
        old, new = KEY + "-old", KEY + "-new"
        both = on_the_wire(compose(event, Form(body), [new, old]))
        assert both == on_the_wire(compose(event, Form(body), [old]))
        assert both != on_the_wire(compose(event, Form(body), [new]))


def own(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return Composer(base_url=BASE_URL, dialects={"own": load_push_dialect(path)})


JSON = "format: json\nsignature: {method: hmac-sha256, header: X-Sign}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("template: '{\"a\": {{ order.nothing }}}'", "own: template, line 1: 'dict object' has no"),
        ("template: '{\"a\": {{ order.title }}}'", "own: what it gives is no JSON"),
        ('template: \'"{{ "x" ~ many }}"\'', "'many' is undefined"),
        ("template: '1'\nheaders: {X-A: '{{ order.title }}'}", "headers.X-A is no plain ASCII"),
        ("template: '1'\nheaders: {X-A: \"{{ 'a\\r\\nb: c' }}\"}", "headers.X-A is no plain"),
        ("parameters: {a: '{{ 1 // 0 }}'}", "own: parameters.a, line 1: "),
        (f"template: '\"{'竣' * 7000}\"'", "the body has 21002 bytes"),
    ],
)
def test_what_does_not_fit_is_told_in_words(tmp_path, text, said):
    composer = own(tmp_path, JSON + text)
    with pytest.raises(PushNotMade) as told:
        compose(example_event("order.completed"), Form("own"), composer=composer)
    assert said in str(told.value)


def test_a_dialect_that_is_there_no_longer_and_a_secret_of_another_kind_are_told(tmp_path):
    event = example_event("order.completed")
    with pytest.raises(PushNotMade, match="no push dialect 'gone' in ORDERCAST_PUSH_DIALECTS"):
        compose(event, Form("gone"))
    with pytest.raises(PushNotMade, match="does not begin with whsec_: rotate it"):
        compose(event, Form(), [KEY])


def test_templates_are_given_as_much_of_large_data_as_goes_into_a_body():
    event = example_event("order.completed")
    event.data["lines"] = [{"line_no": n, "state": "completed"} for n in range(10_000)]
    read = json.loads(compose(event, Form("platform-json")).body)
    assert read["data"]["omitted"] == ["lines"]
    assert read["data"]["state"] == "completed"


@pytest.mark.parametrize("body", BODIES)
@given(letters=st.integers(1, 6000))
@settings(max_examples=15, deadline=None)
def test_what_is_too_long_for_a_form_goes_out_without_its_largest_parts(body, letters):
    made = named(body, "order.lines-ended", data={"lines": [{"text": "欠" * letters}]})
    assert len(made.body) < MOST_BYTES
