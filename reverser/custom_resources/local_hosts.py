"""Hosts that the daemon reaches and the writer of a GitRepoConfig should not: its own machine, the machine's
metadata service, and the API server.

They are known by their usual names and addresses. A name that somebody lets resolve to one of these addresses
is not looked up; `[tenancy] allow_urls` keeps such names out.
"""

from __future__ import annotations

import ipaddress
import re

METADATA = frozenset(("metadata", "metadata.google.internal", "[fd00:ec2::254]", "100.100.100.200"))
"""Those of cloud providers that are not link-local."""
_LOCALHOST = re.compile(r"(.+\.)?(localhost|localhost\.localdomain|localhost[46]|ip6-(localhost|loopback))")
_API_SERVER = re.compile(r"kubernetes(\.default(\.svc(\..+)?)?)?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")


def is_local(host: str) -> bool:
    """Whether a host, in lower case, is one of them."""
    if host in METADATA or _LOCALHOST.fullmatch(host) or _API_SERVER.fullmatch(host):
        return True
    address = address_of(host)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or _embedded(address) or address
    return address is not None and (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or (isinstance(address, ipaddress.IPv4Address) and address.packed[0] == 0)
    )


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is; None for a name. Raises ValueError for one that can be read otherwise."""
    if host.startswith("["):
        return ipaddress.IPv6Address(host[1:-1])
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    return ipaddress.IPv4Address(host)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address of `::a.b.c.d` and of NAT64."""
    head, tail = address.packed[:12], address.packed[12:]
    nat64 = bytes.fromhex("0064ff9b") + bytes(8)
    return ipaddress.IPv4Address(tail) if head in (bytes(12), nat64) and tail > b"\0\0\0\1" else None
