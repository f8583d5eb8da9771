from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.settings import settings as ordercast_settings
from ordercast.delivery.result_links import check, expiry, link
from ordercast.domain.errors import Forbidden
from ordercast.domain.redacting import card, identifiers, number
from ordercast.store.sealing import Sealer, sealer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDER = "ord-20261122-aaaaaa"


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", Fernet.generate_key().decode())
    for cached in (ordercast_settings, sealer):
        cached.cache_clear()
    yield
    for cached in (ordercast_settings, sealer):
        cached.cache_clear()


def parts(url):
    query = parse_qs(urlsplit(url).query)
    return {"expires": int(query["expires"][0]), "signature": query["signature"][0]}


shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared
@given(st.text("abc-", min_size=1), st.integers(1, 99), st.integers(1, 10**6))
def test_a_link_opens_what_it_names_until_it_expires(order_no, version, seconds):
    ends = NOON + timedelta(seconds=seconds)
    given = parts(link(order_no, version, expires_at=ends, base_url="https://o"))
    check(order_no, version, **given, at=ends - timedelta(seconds=1))
    with pytest.raises(Forbidden, match="expired"):
        check(order_no, version, **given, at=ends)


@shared
@given(st.integers(1, 9), st.integers(0, 10**6), st.text())
def test_a_link_opens_nothing_else(version, later, signature):
    ends = NOON + timedelta(days=7)
    given = parts(link(ORDER, 1, expires_at=ends, base_url=""))
    changed = given | {"expires": given["expires"] + later}
    if (version, later) != (1, 0):
        with pytest.raises(Forbidden, match="changed"):
            check(ORDER, version, **changed, at=NOON)
    if signature.encode(errors="ignore").decode() == signature != given["signature"]:
        with pytest.raises(Forbidden, match="changed"):
            check(ORDER, 1, expires=given["expires"], signature=signature, at=NOON)


def test_a_link_made_with_an_older_key_still_opens_and_one_of_a_stranger_does_not(monkeypatch):
    ends = NOON + timedelta(days=7)
    old, new = (Fernet.generate_key().decode() for _ in range(2))

    def use(keys):
        monkeypatch.setenv("ORDERCAST_SEALING_KEYS", keys)
        ordercast_settings.cache_clear()
        sealer.cache_clear()

    use(old)
    given = parts(link(ORDER, 1, expires_at=ends, base_url=""))
    use(f"{new}, {old}")
    check(ORDER, 1, **given, at=NOON)
    use(new)
    with pytest.raises(Forbidden):
        check(ORDER, 1, **given, at=NOON)


def test_keys_differ_by_purpose_and_are_not_the_sealing_key():
    key = Fernet.generate_key().decode()
    derived = Sealer([key])
    (one,), (other,) = derived.derived_keys("a"), derived.derived_keys("b")
    assert len(one) == len(other) == 32
    assert one != other
    assert derived.derived_keys("a") == [one]


def test_a_link_expires_at_a_whole_second_counted_from_its_event():
    told = NOON + timedelta(microseconds=999_999)
    assert expiry(told, valid_days=7) == NOON + timedelta(days=7)


@pytest.mark.parametrize(
    ("hide", "value", "shown"),
    [
        (number, "8613800138000", "86138****8000"),
        (number, "+8613800138000", "+86138****8000"),
        (number, "13800138000", "138****8000"),
        (number, "447911123456", "447*****3456"),
        (number, "1380013800", "***"),
        (card, "89860012345678901234", "898600**********1234"),
        (card, "1234567890123", "***"),
        (card, "", "***"),
        (card, "***", "***"),
    ],
)
def test_of_an_identifier_the_beginning_and_the_end_are_told(hide, value, shown):
    assert hide(value) == shown


@given(st.text(max_size=40))
def test_at_least_four_characters_are_hidden(value):
    for hide in (number, card):
        assert len(hide(value).replace("*", "")) <= max(0, len(value) - 4)


def test_other_characteristics_are_left_out():
    given = {"MSISDN": 8613800138000, "plan": "5G", "customer-name": "张三", "ki": "***"}
    assert identifiers(given) == {"msisdn": "86138****8000"}
