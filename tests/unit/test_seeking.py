"""The search box: what is typed finds what is meant, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.identities import Identity, identities, normal
from ordercast.domain.seeking import understand

NUMBERS = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@pytest.mark.parametrize(
    ("typed", "begins"),
    [
        ("ord-20261128-abc234", "ord-20261128-abc234"),
        ("ORD-20261128-AB", "ord-20261128-ab"),
        (" ord-2026 ", "ord-2026"),
        ("20261128-abc234", "ord-20261128-abc234"),
        ("wo-20261128-abc234-17-3", "ord-20261128-abc234"),
        ("ｏｒｄ-20261128", "ord-20261128"),
        ("13812345678", None),
        ("PO-2026-1", None),
    ],
)
def test_an_order_number_is_known_by_its_beginning(typed, begins):
    sought = understand(typed)
    assert sought is not None
    assert sought.order_no_begins == begins
    assert sought.external_id == typed.strip()


def test_nothing_typed_is_nothing_sought():
    assert understand(" \t") is None


@given(NUMBERS, st.sampled_from(["", "86", "+86", "0086", "+86 ", "0086-"]), st.booleans())
def test_a_phone_number_is_one_however_it_is_written(number, country, has_dashes):
    written = f"{number[:3]}-{number[3:7]}-{number[7:]}" if has_dashes else number
    sought = understand(country + written)
    assert sought is not None
    assert (Identity.MSISDN, number) in sought.identities


@given(st.text(max_size=60))
def test_whatever_is_typed_is_understood_or_is_nothing(typed):
    sought = understand(typed)
    assert (sought is None) == (not typed.strip())


@given(st.sampled_from(Identity), st.text(max_size=40) | st.integers())
def test_a_spelling_is_its_own_normal_form(identity, value):
    spelled = normal(identity, value)
    if spelled is not None:
        assert normal(identity, spelled) == spelled


def test_a_card_is_found_in_any_case_and_with_spaces():
    card = "89860012345678901f"
    sought = understand("8986 0012 3456 7890 1F")
    assert sought is not None
    assert sought.identities == ((Identity.ICCID, card),)


def test_identities_are_found_under_any_of_their_names_and_never_masked_ones():
    given = {
        "MSISDN": "+8613812345678",
        "SIM卡号": 8986001234567890123,
        "imei": "490154203237518",
        "iccid": "***",
        "id-card-no": "110101199003071234",
        "plan": "13812345678",
        "phone": None,
    }
    assert list(identities(given)) == [
        (Identity.MSISDN, "13812345678"),
        (Identity.ICCID, "8986001234567890123"),
        (Identity.IMEI, "490154203237518"),
    ]
