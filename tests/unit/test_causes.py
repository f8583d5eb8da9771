"""The shape of a reason: what tells causes apart stays, what differs from order to order goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.causes import LONGEST, cause_of, shape_of


@pytest.mark.parametrize(
    ("reason", "shape"),
    [
        ("the platform answered 422: region unknown", "the platform answered 422: region unknown"),
        ("the platform was away just now: ConnectError", "ConnectError"),
        (
            "ord-20261122-83r7dw:1 has another result manifest already",
            "… has another result manifest already",
        ),
        ("line 17: its commands: waits for itself", "line …: its commands: waits for itself"),
        ("号码 8613800138000 欠费", "号码 … 欠费"),
        ("ICCID 89860123456789012345 unknown (HSS-5012)", "ICCID … unknown (HSS-5012)"),
        (
            "trace 2263f71e-d838-48ca-84f4-a02a614efe05 at 2026-11-22T08:00:01.5Z",
            "trace … at …",
        ),
        ("checksum 9f86d081884c7d659a2feaa0c55ad015 differs", "checksum … differs"),
        ("timed out after 1.283 s", "timed out after … s"),
        ("http://127.0.0.1:9000 refused", "http://127.0.0.1:9000 refused"),
        ("  much\n  room  ", "much room"),
        (None, ""),
    ],
)
def test_a_reason_is_told_by_its_shape(reason: str | None, shape: str) -> None:
    assert shape_of(reason) == shape


def test_a_code_is_the_cause_where_there_is_one() -> None:
    assert cause_of(" HSS-5012 ", "profile of 8613800138000 unknown") == "HSS-5012"
    assert cause_of(None, "profile of 8613800138000 unknown") == "profile of … unknown"
    assert cause_of("", None) == ""


@given(st.text())
def test_a_shape_is_short_and_has_a_shape_of_its_own_that_is_the_same(reason: str) -> None:
    shape = shape_of(reason)
    assert len(shape) <= LONGEST
    assert len(shape_of(shape)) <= len(shape)


@given(st.integers(10**10, 10**20), st.integers(10**10, 10**20))
def test_numbers_of_cards_and_lines_make_no_cause_of_their_own(one: int, other: int) -> None:
    assert shape_of(f"card {one} is locked") == shape_of(f"card {other} is locked")
