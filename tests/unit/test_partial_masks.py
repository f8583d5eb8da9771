"""Partial masks: what is recognisable stays, what is personal does not come through."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.partial_masks import (
    Masking,
    PartialMask,
    hide_iccid,
    hide_msisdn,
    hide_name,
)

ALL = PartialMask(Masking)
MSISDNS = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
IOT_NUMBERS = st.from_regex(r"(14[0-9]|106)[0-9]{10}", fullmatch=True)
COUNTRY = st.sampled_from(["", "86", "+86", "0086"])
ICCIDS = st.from_regex(r"89[0-9]{4}[0-9A-F]{13,14}", fullmatch=True)
AROUND = st.sampled_from(["", " ", "号码", "，", ": ", "(", "\n"])
NAMED = st.sampled_from(["msisdn", "MSISDN", "new-msisdn", "phone_number", "联系电话"])


@pytest.mark.parametrize(
    ("hide", "value", "shown"),
    [
        (hide_msisdn, "13812345678", "138****5678"),
        (hide_msisdn, "8613812345678", "86138****5678"),
        (hide_msisdn, "+86 138-1234-5678", "+86138****5678"),
        (hide_msisdn, "1440012345678", "144******5678"),
        (hide_msisdn, "861440012345678", "86144******5678"),
        (hide_msisdn, "+447911123456", "+44******3456"),
        (hide_msisdn, "62345678", "********"),
        (hide_iccid, "89860012345678901234", "898600**********1234"),
        (hide_iccid, "8986001234567890123", "898600*********0123"),
        (hide_iccid, "8986", "****"),
        (hide_name, "张三", "张*"),
        (hide_name, "欧阳修竹", "欧***"),
        (hide_name, "John Q Smith", "J*** * S****"),
        (hide_name, "王", "*"),
        (hide_name, "", ""),
    ],
)
def test_a_value_is_shown_in_part(hide, value, shown):
    assert hide(value) == shown


@given(MSISDNS | IOT_NUMBERS, COUNTRY, AROUND, AROUND)
def test_a_number_in_running_text_is_hidden_and_the_text_around_it_stays(number, code, a, b):
    masked = ALL({"text": f"{a}{code}{number}{b}"})["text"]
    assert number not in masked
    assert masked == f"{a}{code}{number[:3]}{'*' * (len(number) - 7)}{number[-4:]}{b}"


@given(ICCIDS, AROUND, AROUND)
def test_a_card_in_running_text_is_hidden(iccid, a, b):
    masked = ALL({"text": f"{a}{iccid}{b}"})["text"]
    assert masked == f"{a}{iccid[:6]}{'*' * (len(iccid) - 10)}{iccid[-4:]}{b}"


@given(NAMED, MSISDNS, st.booleans(), st.booleans())
def test_a_number_is_known_by_its_name_in_both_shapes_whether_text_or_number(
    name, number, as_number, as_pair
):
    value = int(number) if as_number else number
    document = {"name": name, "value": value} if as_pair else {name: value}
    masked = json.dumps(ALL({"lines": [{"characteristics": [document]}]}))
    assert number not in masked and f"{number[:3]}****{number[-4:]}" in masked


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), MSISDNS, ICCIDS, st.floats(0, 9)
)
KEYS = st.sampled_from(["msisdn", "iccid", "customer-name", "reporter", "name", "value", "text"])
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@given(DOCUMENTS)
def test_masking_twice_is_masking_once(document):
    assert ALL(ALL(document)) == ALL(document)


@given(DOCUMENTS)
def test_a_mask_without_wishes_changes_nothing_and_no_mask_changes_the_original(document):
    before = json.dumps(document)
    assert json.dumps(PartialMask([])(document)) == before
    ALL(document)
    assert json.dumps(document) == before


@given(DOCUMENTS)
def test_the_shape_of_a_document_stays(document):
    def shape(value):
        if isinstance(value, dict):
            return {key: shape(each) for key, each in value.items()}
        return [shape(each) for each in value] if isinstance(value, list) else None

    assert shape(ALL(document)) == shape(document)


@given(st.sampled_from(Masking))
def test_only_what_is_asked_for_is_hidden(wanted):
    document = {"msisdn": "13812345678", "iccid": "89860012345678901234", "customer-name": "张三"}
    kinds = dict(zip(document, Masking, strict=True))
    masked = PartialMask([wanted])(document)
    assert {kinds[key] for key in document if masked[key] != document[key]} == {wanted}


@pytest.mark.parametrize(
    "text", ["ord-20261122-83r7dw", "20261122233805", "1764043281000", "hotel 12"]
)
def test_what_only_looks_like_a_number_is_kept(text):
    assert ALL({"text": text, "hotel": text}) == {"text": text, "hotel": text}


def test_names_of_things_are_kept():
    document = {"name": "hss-provision", "title": "开卡", "filename": "orders.csv"}
    assert ALL(document) == document
