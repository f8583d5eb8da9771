"""The same content is the same document; where two differ is told by path, never by value."""

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from ordercast.intake.canonical import canonical_json, differences
from tests.tmf641 import names, values

DOCUMENTS = st.dictionaries(names, values, max_size=4)


@given(DOCUMENTS)
def test_a_document_does_not_differ_from_itself_however_it_is_spelled(document):
    turned = json.loads(json.dumps(dict(reversed(document.items()))))
    assert canonical_json(turned) == canonical_json(document)
    assert list(differences(document, turned)) == []


@given(DOCUMENTS, DOCUMENTS)
def test_documents_differ_both_ways_alike(one, other):
    assert set(differences(one, other)) == set(differences(other, one))


@given(DOCUMENTS, names, st.integers())
def test_a_changed_attribute_is_named(document, name, value):
    changed = {**copy.deepcopy(document), name: [value]}
    before = {**document, name: [value + 1]}
    assert list(differences(before, changed)) == [f"{name}[0]"]


def test_paths_lead_to_the_place_and_never_tell_the_values():
    before = {"item": [{"id": "1", "service": {"ki": "secret-1"}}, {"id": "2"}], "note": []}
    after = {"item": [{"id": "1", "service": {"ki": "secret-2"}}, {"id": "2"}], "note": [{}]}
    assert list(differences(before, after)) == ["item[0].service.ki", "note"]


def test_null_is_the_same_as_not_given_and_true_is_not_one():
    assert list(differences({"a": None}, {})) == []
    assert list(differences({"a": True}, {"a": 1})) == ["a"]
    assert list(differences({"a": 1.0}, {"a": 1})) == []
