"""Reading messages: any valid order is read whole, anything else is refused, nothing crashes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordercast.contracts.nesting import MOST_LEVELS
from ordercast.contracts.service_order import SET_BY_US
from ordercast.intake.json_orders import JSON, NDJSON
from ordercast.intake.parse import parse, plain_type
from tests.orders import CSV, body, item, order
from tests.tmf641 import service_orders

MEDIA_TYPES = st.sampled_from([JSON, NDJSON, CSV, f"{JSON}; charset=utf-8", "text/xml", ""])


def items_of(document):
    for each in document["serviceOrderItem"]:
        yield each
        yield from items_of({"serviceOrderItem": each.get("serviceOrderItem", [])})


def only_problem(message, media_type=JSON):
    parsed = parse(message, media_type)
    assert not parsed.drafts
    (problem,) = parsed.problems
    assert problem.problem
    assert problem.cure
    return problem


def nested(levels):
    return json.loads("[" * levels + "]" * levels)


@settings(max_examples=60, deadline=None)
@given(service_orders())
def test_any_valid_order_is_read_whole(document):
    parsed = parse(body(document), JSON)
    assert not parsed.problems
    (draft,) = parsed.drafts
    assert draft.document == document
    assert draft.raw == body(document)
    assert [line.id for line in draft.order.lines] == [each["id"] for each in items_of(document)]


@settings(max_examples=25, deadline=None)
@given(st.lists(service_orders(), min_size=1, max_size=3))
def test_arrays_and_lines_hold_the_same_orders_as_single_messages(documents):
    lines = b"\n".join(body(each) for each in documents)
    for parsed in (parse(body(documents), JSON), parse(lines, NDJSON)):
        assert not parsed.problems
        assert [draft.document for draft in parsed.drafts] == documents
        assert [draft.line for draft in parsed.drafts] == list(range(1, len(documents) + 1))
        assert [json.loads(draft.raw) for draft in parsed.drafts] == documents


@given(st.binary(max_size=200), MEDIA_TYPES)
def test_bytes_of_any_kind_are_read_or_refused_but_never_crash(message, media_type):
    parsed = parse(message, media_type)
    assert parsed.drafts or parsed.problems


@given(st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")), MEDIA_TYPES)
def test_text_of_any_kind_is_read_or_refused_but_never_crashes(message, media_type):
    parsed = parse(message, media_type)
    assert parsed.drafts or parsed.problems


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["serviceOrderItem", "service", "action", "id", "relatedParty", "note"]
                ),
                x,
            )
        ),
    )
)
def test_json_of_any_shape_is_read_or_refused_but_never_crashes(document):
    parsed = parse(json.dumps(document).encode(), JSON)
    assert parsed.drafts or parsed.problems


@pytest.mark.parametrize(
    ("message", "field", "said"),
    [
        (b"", "body", "is not JSON"),
        (b"{", "body", "line 1, column 2"),
        (b"[]", "body", "empty array"),
        (b"5", "body", "object"),
        (b"\xff\xfe{}", "body", "is not UTF-8 at byte 0"),
        (b'{"a": NaN}', "body", "not finite"),
        (b'{"a": -Infinity}', "body", "not finite"),
        (b'{"a": 1e999}', "body", "not finite"),
        (b'{"a": ' + b"9" * 5000 + b"}", "body", "too long"),
        (b'{"a": "\\u0000"}', "body", "NUL"),
        (b'{"\\u0000": 1}', "body", "NUL"),
        (b'{"a": "\\ud800"}', "body", "surrogate"),
        (b'{"externalId": "1", "externalId": "2"}', "externalId", "twice"),
        (b'{"a": {"\\ud800": 1, "\\ud800": 2}}', "body", "twice"),
        (b"[" * 100_000, "body", "nested too deeply"),
    ],
)
def test_what_is_no_sound_json_is_refused_by_name(message, field, said):
    problem = only_problem(message)
    assert problem.field == field
    assert said in problem.problem


def test_a_backslash_before_u0000_is_text_and_no_nul():
    assert parse(body(order(description="\\u0000")), JSON).drafts


def test_nesting_is_allowed_up_to_the_documented_depth():
    assert parse(body(order(x=nested(MOST_LEVELS - 1))), JSON).drafts
    assert only_problem(body(order(x=nested(MOST_LEVELS)))).cure == "use at most 64 levels"


@pytest.mark.parametrize("name", SET_BY_US)
def test_what_ordercast_sets_may_not_be_sent(name):
    problem = only_problem(body(order(**{name: "x"})))
    assert (problem.field, problem.problem) == (name, "is set by Ordercast")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "serviceOrderItem"),
        ({"serviceOrderItem": []}, "serviceOrderItem"),
        (order({"id": "1", "action": "add"}), "serviceOrderItem[0].service"),
        (order(item(), item("2", action="take")), "serviceOrderItem[1].action"),
        (order(item("")), "serviceOrderItem[0].id"),
        (order({**item(), "quantity": 0}), "serviceOrderItem[0].quantity"),
        (order(item("1"), item("1")), "serviceOrderItem"),
        (order(item("1"), {**item("2"), "serviceOrderItem": [item("1")]}), "serviceOrderItem"),
        (order(externalId="x" * 256), "externalId"),
        (order(note=[{"author": "x"}]), "note[0].text"),
        (order(requestedStartDate="tomorrow"), "requestedStartDate"),
        (order(requestedStartDate="2026"), "requestedStartDate"),
        (order(requestedStartDate=1790000000), "requestedStartDate"),
        (order(requestedStartDate="0001-01-01T00:00:00+14:00"), "requestedStartDate"),
        (order(requestedStartDate="9999-12-31T23:59:59-14:00"), "requestedStartDate"),
    ],
)
def test_each_fault_names_its_field(document, field):
    assert only_problem(body(document)).field == field


def test_all_faults_of_all_orders_are_told_in_one_go_by_their_place():
    documents = [order(), order(state="held", priority=True), {}, order()]
    parsed = parse(body(documents), JSON)
    assert len(parsed.drafts) == 2
    assert [(each.line, each.field) for each in parsed.problems] == [
        (2, "state"),
        (2, "priority"),
        (3, "serviceOrderItem"),
    ]


def test_empty_lines_between_orders_are_skipped_and_the_lines_still_counted():
    lines = b"\n\n".join([body(order()), b"{", body(order()), b"\r"])
    parsed = parse(lines, NDJSON)
    assert [draft.line for draft in parsed.drafts] == [1, 5]
    assert [each.line for each in parsed.problems] == [3]


def test_an_empty_external_id_or_party_is_the_same_as_none():
    document = order(externalId="", relatedParty=[{"id": "", "name": "", "role": "agent"}])
    (draft,) = parse(body(document), JSON).drafts
    assert draft.order.agent is None
    assert not draft.order.external_id


def test_attributes_of_our_own_names_do_no_harm():
    document = order(agent="x", lines=1, model_dump=2, product=3)
    (draft,) = parse(body(document), JSON).drafts
    assert draft.order.agent is None
    assert len(draft.order.lines) == 1


def test_a_byte_order_mark_is_no_fault_and_the_bytes_are_kept_as_sent():
    message = b"\xef\xbb\xbf" + body(order(description="开通"))
    (draft,) = parse(message, JSON).drafts
    assert draft.raw == message


def test_no_problem_quotes_a_value():
    secret = "0123456789ABCDEF0123456789ABCDEF"
    document = order(
        {**item(), "service": secret},
        {**item("2"), "action": secret, "quantity": secret},
        requestedStartDate=secret,
        note=secret,
    )
    parsed = parse(body(document), JSON)
    assert len(parsed.problems) == 5
    assert secret not in str(parsed.problems)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("application/json; charset=utf-8", JSON),
        ("Application/JSON", JSON),
        ("application/merge-patch+json", JSON),
        ("text/csv;header=present", CSV),
        ("application/xml", "application/xml"),
    ],
)
def test_a_media_type_is_read_without_its_parameters(written, plain):
    assert plain_type(written) == plain


def test_an_unknown_media_type_is_refused_with_those_that_are_known():
    problem = only_problem(body(order()), "application/xml")
    assert problem.field == "Content-Type"
    assert NDJSON in problem.cure
