"""Which IP addresses are on the public internet, by IANA's registries of special-purpose addresses, and which hosts and
networks a user allows besides (``PODCRAWLER_ALLOW_HOSTS``).

Nothing here asks the network. An IPv6 address that carries one of IPv4 is as public as both of them.
"""

import socket
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import unquote

from yarl import URL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: https://www.iana.org/assignments/iana-ipv4-special-registry, RFC 5771 (multicast) and RFC 1112 (reserved), with what
#: they are for. Addresses that are for protocols of the net itself, and not for servers, count as reserved.
_IPV4 = [
    (IPv4Network(network), purpose)
    for network, purpose in {
        "0.0.0.0/32": "unspecified",
        "0.0.0.0/8": "reserved",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "carrier-grade NAT",
        "127.0.0.0/8": "loopback",
        # Azure's agent and DNS: a public address that no router outside knows.
        "168.63.129.16/32": "cloud platform",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "reserved",
        "192.0.2.0/24": "documentation",
        "192.31.196.0/24": "reserved",
        "192.52.193.0/24": "reserved",
        "192.88.99.0/24": "reserved",
        "192.168.0.0/16": "private",
        "192.175.48.0/24": "reserved",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }.items()
]
#: https://www.iana.org/assignments/iana-ipv6-special-registry, and RFC 3879 (site-local).
_IPV6 = [
    (IPv6Network(network), purpose)
    for network, purpose in {
        "::/128": "unspecified",
        "::1/128": "loopback",
        "64:ff9b:1::/48": "private",
        "100::/32": "reserved",
        "2001::/23": "reserved",
        "2001:db8::/32": "documentation",
        "2620:4f:8000::/48": "reserved",
        "3fff::/20": "documentation",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
    }.items()
]
#: All addresses that are assigned to networks of the internet (RFC 4291 §2.4).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
#: RFC 5214 §6.1: the upper half of the interface identifier.
_ISATAP = (0x00005EFE, 0x02005EFE)

#: Names for one's own machine or network, which the public DNS does not have: RFC 6761, RFC 6762, RFC 8375, ICANN's
#: ``internal``, and those that RFC 6762 appendix G names as common.
_LOCAL_DOMAINS = frozenset(
    ("localhost", "localdomain", "local", "home.arpa", "internal", "intranet", "private", "corp", "home", "lan")
)
#: What a user who gives one of them means by all: this machine.
_THIS_MACHINE = frozenset(("localhost", "127.0.0.1", "::1"))


@lru_cache(maxsize=4096)
def special_purpose(address: Address) -> str:
    """What an address is for, in a word or two (``loopback``, ``private``), if it is not on the public internet; empty
    if it is."""
    if isinstance(address, IPv4Address):
        return next((purpose for network, purpose in _IPV4 if address in network), "")
    # The zone of a link-local address (RFC 4007 §11) is no part of it.
    address = IPv6Address(int(address))
    for inner in _inside(address):
        if purpose := special_purpose(inner):
            return purpose
    if address in _MAPPED or address in _NAT64 or address in _TEREDO:
        return ""
    named = next((purpose for network, purpose in _IPV6 if address in network), "")
    return named or ("" if address in _GLOBAL_UNICAST else "reserved")


def _inside(address: IPv6Address) -> Iterator[IPv4Address]:
    """The addresses of IPv4 that one of IPv6 carries."""
    number = int(address)
    if address in _MAPPED or address in _NAT64 or (address in _COMPATIBLE and number > 1):
        # RFC 4291 §2.5.5, RFC 6052 §2.2.
        yield _last_bits(number)
    elif address in _6TO4:
        # RFC 3056 §2.
        yield _last_bits(number >> 80)
    elif address in _TEREDO:
        # RFC 4380 §4: the server, and the client with all bits flipped.
        yield _last_bits(number >> 64)
        yield _last_bits(~number)
    if _last_32(number >> 32) in _ISATAP:
        yield _last_bits(number)


def _last_32(number: int) -> int:
    return number & 0xFFFFFFFF


def _last_bits(number: int) -> IPv4Address:
    return IPv4Address(_last_32(number))


@lru_cache(maxsize=4096)
def literal(host: str) -> Address | None:
    """The address that a host is, in any of the forms that some system takes for one: besides the usual ones, numbers
    with fewer dots, octal or hexadecimal (``127.1``, ``0x7f000001``), percent-encoded, in other scripts' digits, with a
    dot at the end. None for a name."""
    text = unicodedata.normalize("NFKC", unquote(host)).replace("\u3002", ".").strip().strip("[]").rstrip(".")
    with suppress(ValueError):
        return ip_address(text)
    with suppress(OSError, ValueError):
        # Of the C library, which all but aiohttp ask.
        return IPv4Address(socket.inet_aton(text))
    return None


def is_local_name(host: str) -> bool:
    """Whether a name can only be one of this machine or network, by its end, or because it has no dot."""
    labels = host.lower().rstrip(".").split(".")
    return len(labels) == 1 or labels[-1] in _LOCAL_DOMAINS or ".".join(labels[-2:]) in _LOCAL_DOMAINS


@lru_cache(maxsize=4096)
def same_name(host: str) -> str:
    """One name for all spellings of a host: in lower case, without a dot at its end. ``localhost``, ``127.0.0.1`` and
    ``::1`` are the same host: this machine. Other names and addresses of it are others."""
    name = host.lower().rstrip(".").strip("[]")
    with suppress(ValueError):
        name = str(ip_address(name))
    return "localhost" if name in _THIS_MACHINE else name


@lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    """The host that an address is requested of: in lower case, without a dot at its end; empty if it has none. As
    aiohttp reads the address, which connects to it: programs that read addresses in two ways can be led astray."""
    try:
        return (URL(url, encoded=True).raw_host or "").lower().rstrip(".")
    except ValueError:
        return ""


def named_host(url: str) -> str:
    """``host_of`` the address, as ``same_name`` has it."""
    return same_name(host_of(url))


@dataclass(frozen=True, slots=True)
class Allowed:
    """The hosts and networks of ``PODCRAWLER_ALLOW_HOSTS``."""

    #: As ``same_name`` has them.
    names: frozenset[str] = frozenset()
    #: Ends of names, each with its leading dot.
    domains: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, words: Iterable[str]) -> "Allowed":
        """Names (``nas.local``), ends of names (``.lan``), addresses, and networks (``10.0.0.0/8``). Raises ValueError
        for anything else, with the sentence."""
        names, domains, networks = set(), [], []
        for word in filter(None, (word.strip().lower() for word in words)):
            with suppress(ValueError):
                # A zone (RFC 4007 §11) is no part of the address.
                networks.append(ip_network(word.strip("[]").partition("%")[0], strict=False))
                continue
            if any(character in "/:@*?#[] " for character in word) or literal(word):
                raise ValueError(
                    f"{word} is none of a host name (nas.local), the end of one (.lan), an address (192.168.1.5) and a "
                    "network (192.168.1.0/24)"
                )
            if word.startswith("."):
                domains.append(word.rstrip("."))
            else:
                names.add(same_name(word))
        return cls(frozenset(names), tuple(domains), tuple(networks))

    @property
    def has_names(self) -> bool:
        """Whether any host is allowed by its name."""
        return bool(self.names or self.domains)

    def has_host(self, name: str) -> bool:
        """Whether a host, as ``same_name`` has it, is allowed by its name, wherever it leads."""
        return name in self.names or name.endswith(self.domains)

    def has_address(self, address: Address) -> bool:
        if isinstance(address, IPv6Address) and address.ipv4_mapped and self.has_address(address.ipv4_mapped):
            return True
        return any(address in network for network in self.networks if network.version == address.version)
