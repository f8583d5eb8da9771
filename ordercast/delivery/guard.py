"""The guard: pushes go only to addresses that are public, or that the operator allows.

Every address that a name resolves to is checked, and the connection is made to one that was:
a name that resolves differently a moment later changes nothing.
"""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from config.settings import settings
from ordercast.domain.errors import ConfigurationError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED: dict[Network, str] = {
    ip_network(network): name
    for network, name in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "shared address space",
        "127.0.0.0/8": "loopback",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "protocol assignments",
        "192.0.2.0/24": "documentation",
        "192.88.99.0/24": "6to4 relay",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "255.255.255.255/32": "broadcast",
        "240.0.0.0/4": "reserved",
        "::1/128": "loopback",
        "::/128": "unspecified",
        "::/96": "v4-compatible",
        "64:ff9b::/96": "NAT64",
        "64:ff9b:1::/48": "NAT64",
        "100::/64": "discard",
        "2001::/32": "Teredo",
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "3fff::/20": "documentation",
        "5f00::/16": "segment routing",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
    }.items()
}
"""Networks that no push goes to, and what they are. Sources: the IANA special-purpose
registries; the metadata services of clouds live in 169.254/16 and 100.64/10."""


class AddressRefused(Exception):
    """The guard does not allow a connection; the text says why."""


class NameUnknown(Exception):
    """A host name that does not resolve."""


@dataclass(frozen=True)
class Guard:
    """Decides whether an address may be connected to; `allowed` are the operator's networks."""

    allowed: tuple[Network, ...] = ()

    def refusal(self, address: str) -> str | None:
        """Why an address is refused; None if it may be connected to."""
        plain = _plain(address)
        if any(plain in network for network in self.allowed):
            return None
        for network, name in REFUSED.items():
            if plain in network:
                return f"{plain} is in {network} ({name})"
        return None

    def check(self, host: str, addresses: Iterable[str]) -> list[str]:
        """The addresses, each once; AddressRefused if any of them is refused."""
        for address in (checked := list(dict.fromkeys(addresses))):
            if refusal := self.refusal(address):
                raise AddressRefused(f"{host}: {refusal}")
        return checked

    def resolve(self, host: str, port: int) -> list[str]:
        """The checked addresses of a host; NameUnknown if it has none."""
        return self.check(host, _look_up(host, port))

    async def resolve_async(self, host: str, port: int) -> list[str]:
        """As `resolve`, in a thread."""
        return self.check(host, await asyncio.to_thread(_look_up, host, port))


def _plain(address: str) -> Address:
    """The address without its zone, a v4 address mapped into v6 as v4."""
    parsed = ip_address(address.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _look_up(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NameUnknown(f"{host}: {error}") from None
    return [str(each[4][0]) for each in found]


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks in CIDR form, separated by commas; ConfigurationError names a wrong one."""
    return tuple(_network(part.strip()) for part in text.split(",") if part.strip())


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigurationError(
            "ORDERCAST_RELAY__ALLOW_NETWORKS",
            f"{error}",
            "give networks by comma, for instance 10.1.0.0/16,fd00::/8",
        ) from None


@cache
def guard() -> Guard:
    """The guard of this process, by its settings."""
    return Guard(parse_networks(settings().relay.allow_networks))
