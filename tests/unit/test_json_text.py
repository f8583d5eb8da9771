"""Compressed JSON made readable, wherever it is cut into pieces."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.archive.json_text import Indenting, NotReadable, readable

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
).flatmap(lambda inner: st.fixed_dictionaries({"document": st.just(inner)}))


@given(document=documents, size=st.integers(1, 50))
def test_it_looks_as_pythons_own_whatever_the_pieces(document: Any, size: int) -> None:
    squeezed = gzip.compress(json.dumps(document, ensure_ascii=False).encode())
    pieces = [squeezed[at : at + size] for at in range(0, len(squeezed), size)]
    expected = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    assert b"".join(readable(pieces)).decode() == expected


@given(document=documents, size=st.integers(1, 5))
def test_a_text_may_be_cut_anywhere(document: Any, size: int) -> None:
    text = json.dumps(document)
    indenting = Indenting()
    parts = [indenting.indented(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(parts) == json.dumps(document, indent=2)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"torn", "no compressed JSON"),
        (b"", "ends before its end"),
        (gzip.compress(b"plain words"), "no compressed JSON"),
        (gzip.compress(b'{"a": "\xff"}'), "no compressed JSON"),
        (gzip.compress(b'{"a": 1}')[:-4], "ends before its end"),
    ],
    ids=["torn", "empty", "words", "not UTF-8", "cut off"],
)
def test_what_is_something_else_is_not_read(body: bytes, problem: str) -> None:
    with pytest.raises(NotReadable, match=problem):
        list(readable([body]))
