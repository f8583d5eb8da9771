"""Masking: no secret comes through, whatever the shape of the document."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.masking import MASKED, Mask, plain_name

SECRET = "D15EA5E0C0FFEE"
MASK = Mask(["ki", "id-number", "身份证号"])
SPELLINGS = st.sampled_from(["ki", "KI", "K_i", "ＫＩ", "idNumber", "ID number", "身份证号", "k-i"])

SECRETS = st.one_of(
    st.builds(lambda name: {name: SECRET}, SPELLINGS),
    st.builds(lambda name: {"name": name, "value": SECRET}, SPELLINGS),
    st.builds(lambda name: {"name": name, "value": {"deep": [SECRET]}}, SPELLINGS),
    st.builds(lambda name: {name: [{"x": SECRET}]}, SPELLINGS),
)
HARMLESS = st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["ki", "上海", ""]))
NAMES = st.sampled_from(["msisdn", "name", "value", "note", "备注"])


def documents(leaves):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=8,
    )


@given(documents(SECRETS | HARMLESS))
def test_no_secret_comes_through_at_any_depth(document):
    assert SECRET not in json.dumps(MASK(document))


@given(documents(SECRETS | HARMLESS))
def test_masking_twice_is_masking_once(document):
    assert MASK(MASK(document)) == MASK(document)


@given(documents(HARMLESS))
def test_a_document_without_sensitive_names_stays_as_it_is(document):
    assert Mask(["puk1"])(document) == document


@given(documents(SECRETS | HARMLESS))
def test_the_document_itself_is_left_alone(document):
    before = json.dumps(document)
    MASK(document)
    assert json.dumps(document) == before


def test_only_the_value_of_a_sensitive_characteristic_is_hidden():
    characteristics = [{"name": "Ki", "value": "00", "valueType": "hex"}, {"name": "x", "value": 1}]
    assert MASK(characteristics) == [
        {"name": "Ki", "value": MASKED, "valueType": "hex"},
        {"name": "x", "value": 1},
    ]


@given(st.text())
def test_a_plain_name_is_its_own_plain_name(name):
    assert plain_name(plain_name(name)) == plain_name(name)


def test_names_that_only_look_alike_are_kept():
    assert MASK({"kind": 1, "skill": 2, "ki2": 3}) == {"kind": 1, "skill": 2, "ki2": 3}
