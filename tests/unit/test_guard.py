import asyncio
from ipaddress import IPv4Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.delivery.guard import (
    REFUSED,
    AddressRefused,
    Guard,
    NameUnknown,
    parse_networks,
)
from ordercast.domain.errors import ConfigurationError

STRICT = Guard()
RANGES = [
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
    *("255.255.255.255/32", "224.0.0.0/4", "192.0.2.0/24", "198.51.100.0/24"),
    *("203.0.113.0/24", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4"),
    *("198.18.0.0/15", "0.0.0.0/8", "::1/128", "::/128", "ff00::/8", "fe80::/10"),
    *("fec0::/10", "fc00::/7", "2001:db8::/32", "3fff::/20", "100::/64", "2002::/16"),
    *("64:ff9b::/96", "64:ff9b:1::/48", "5f00::/16"),
]


@pytest.mark.parametrize("text", RANGES)
def test_the_first_and_last_address_of_every_refused_range_are_refused(text):
    network = ip_network(text)
    for address in (network[0], network[-1]):
        assert STRICT.refusal(str(address))


@pytest.mark.parametrize("text", [text for text in RANGES if "." in text])
def test_a_v4_address_mapped_into_v6_is_checked_as_v4(text):
    network = ip_network(text)
    for address in (network[0], network[-1]):
        assert STRICT.refusal(f"::ffff:{address}")
        assert STRICT.refusal(f"::ffff:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}")


@given(st.sampled_from([each for each in REFUSED if isinstance(each, IPv4Network)]), st.data())
def test_no_address_of_a_refused_range_passes(network, data):
    place = data.draw(st.integers(0, network.num_addresses - 1))
    assert STRICT.refusal(str(network[place]))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0"),
        *("223.255.255.255", "2606:4700::1111", "2400:3200::1", "::ffff:8.8.8.8"),
    ],
)
def test_public_addresses_pass(address):
    assert STRICT.refusal(address) is None


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "0"),
        *("localhost", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:0:0:1"),
    ],
)
def test_no_spelling_of_loopback_gets_through(host):
    with pytest.raises(AddressRefused, match=r"loopback|this network"):
        STRICT.resolve(host, 80)
    with pytest.raises(AddressRefused):
        asyncio.run(STRICT.resolve_async(host, 80))


def test_the_metadata_services_of_clouds_are_refused():
    for address in ("169.254.169.254", "100.100.100.200", "fd00:ec2::254"):
        assert STRICT.refusal(address)


def test_an_address_with_a_zone_is_checked_without_it():
    assert STRICT.refusal("fe80::1%eth0")


def test_one_bad_address_refuses_the_whole_answer():
    with pytest.raises(AddressRefused, match=r"mixed\.example: 10\.0\.0\.1 is in 10"):
        STRICT.check("mixed.example", ["1.1.1.1", "10.0.0.1"])


def test_what_the_operator_allows_passes_and_nothing_beside_it():
    lenient = Guard(parse_networks("10.1.0.0/16, fd00::/8"))
    assert lenient.refusal("10.1.2.3") is None
    assert lenient.refusal("::ffff:10.1.2.3") is None
    assert lenient.refusal("fd12::1") is None
    assert lenient.refusal("10.2.0.1")


def test_the_same_address_twice_is_one():
    assert STRICT.check("twice.example", ["1.1.1.1", "1.1.1.1"]) == ["1.1.1.1"]


def test_a_name_that_does_not_resolve_is_no_refusal():
    with pytest.raises(NameUnknown):
        STRICT.resolve("no-such-host.invalid", 443)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "everything", "10.0.0.0/33"])
def test_a_wrong_allowance_names_the_setting(text):
    with pytest.raises(ConfigurationError, match="ORDERCAST_RELAY__ALLOW_NETWORKS"):
        parse_networks(text)
