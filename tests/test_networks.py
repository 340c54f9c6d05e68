"""Which addresses are on the public internet, what a host stands for, and what PODCRAWLER_ALLOW_HOSTS may say."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.settings import Settings

from podcrawler.config import TransferConfig
from podcrawler.exceptions import SettingError
from podcrawler.networks import Allowed, host_of, is_local_name, literal, named_host, same_name, special_purpose

#: By purpose: the first and the last address of each network, and what carries one of them.
SPECIAL = {
    "unspecified": "0.0.0.0 :: ::ffff:0.0.0.0 64:ff9b::0.0.0.0 2002:0:0::1",
    "reserved": (
        "0.0.0.1 0.255.255.255 192.0.0.0 192.0.0.192 192.0.0.255 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 "
        "240.0.0.0 255.255.255.254 255.255.255.255 ::2 ::8.8.8.8 ::ffff:0:8.8.8.8 100::1 2001:1::1 2001:2::1 "
        "2001:10::1 2001:20::1 2001:1ff:ffff:: 2620:4f:8000::1 4000::1 5f00::1 8000::1 ::ffff:240.0.0.1"
    ),
    "loopback": (
        "127.0.0.0 127.0.0.1 127.1.2.3 127.255.255.255 ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 64:ff9b::7f00:1 "
        "2002:7f00:1:: 2002:7f00:1::1 2001:0:7f00:1:: 2001:0:808:808:0:0:80ff:fffe 2a00:1450::5efe:7f00:1 "
        "2a00:1450::200:5efe:127.0.0.1 fe80::5efe:7f00:1"
    ),
    "private": (
        "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 ::ffff:10.0.0.1 ::10.0.0.1 "
        "64:ff9b::192.168.1.1 2002:c0a8:101::1 64:ff9b:1::8.8.8.8 fc00::1 fd00::1 fd00:ec2::254 fdff:ffff::1 "
        "2001:0:a00:1:0:0:f7f7:f7f7"
    ),
    "carrier-grade NAT": "100.64.0.0 100.100.100.200 100.127.255.255 ::ffff:100.64.0.1 2002:6440:1::",
    "cloud platform": "168.63.129.16 ::ffff:168.63.129.16",
    "link-local": (
        "169.254.0.0 169.254.169.254 169.254.255.255 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe fe80::1 febf::1"
    ),
    "site-local": "fec0::1 feff::1",
    "benchmarking": "198.18.0.0 198.19.255.255",
    "documentation": "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1 3fff:fff::1",
    "multicast": "224.0.0.1 239.255.255.255 ff02::1 ff00:: ::ffff:224.0.0.1",
}
#: The neighbours of those networks, and what carries a public address.
PUBLIC = (
    "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 168.63.129.17 "
    "169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 "
    "192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.1 198.51.101.1 203.0.112.1 203.0.114.1 223.255.255.255 8.8.8.8 "
    "2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2a00:1450::1 2600::1 3ffe::1 ::ffff:8.8.8.8 "
    "64:ff9b::8.8.8.8 2002:808:808::1 2001:0:808:808:0:0:f7f7:f7f7 2a00:1450::5efe:8.8.8.8"
)


@pytest.mark.parametrize(
    ("address", "purpose"), [(a, p) for p, addresses in SPECIAL.items() for a in addresses.split()]
)
def test_an_address_that_is_not_public_has_a_purpose(address: str, purpose: str) -> None:
    assert special_purpose(ip_address(address)) == purpose


@pytest.mark.parametrize("address", PUBLIC.split())
def test_all_others_are_public(address: str) -> None:
    assert special_purpose(ip_address(address)) == ""


def test_a_zone_is_no_part_of_an_address() -> None:
    assert special_purpose(ip_address("fe80::1%eth0")) == "link-local"
    assert special_purpose(ip_address("2a00:1450::1%eth0")) == ""


@given(st.ip_addresses())
def test_no_address_is_public_that_python_takes_for_private(address: object) -> None:
    found = ip_address(str(address))
    if not found.is_global and found.version == 4:
        assert special_purpose(found)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("１２７.０.０.１", "127.0.0.1"),
        ("①②⑦。⓪。⓪。①", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ("8.8.8.8", "8.8.8.8"),
        ("example.com", None),
        ("1.2.3.4.example", None),
        ("1.2.3.4.5", None),
        ("256.1.1.1", None),
        ("dead.beef", None),
        ("", None),
    ],
)
def test_what_a_host_is_an_address_of(host: str, address: str | None) -> None:
    assert literal(host) == (ip_address(address) if address else None)


@pytest.mark.parametrize(
    "name", ["localhost", "a.localhost", "nas", "nas.local", "NAS.Lan.", "x.home.arpa", "a.internal"]
)
def test_names_that_are_local_by_themselves(name: str) -> None:
    assert is_local_name(name)
    assert not is_local_name(f"{name.rstrip('.')}.example.com")


def test_this_machine_is_one_host_and_other_spellings_are_others() -> None:
    assert {same_name(host) for host in ("localhost", "LOCALHOST.", "127.0.0.1", "::1", "[0::1]")} == {"localhost"}
    others = ("127.0.0.2", "127.1", "::ffff:127.0.0.1", "0.0.0.0", "a.localhost", "localhost.localdomain")
    assert len({same_name(host) for host in others} | {"localhost"}) == len(others) + 1
    assert same_name("Nas.Example.") == "nas.example"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://example.com@127.0.0.1/", "127.0.0.1"),
        ("http://127.0.0.1@example.com/", "example.com"),
        ("http://[::1]:80/x", "::1"),
        ("http://127.0.0.1:80\\@example.com/", ""),
        ("http://[::1", ""),
        ("mailto:a@b", ""),
    ],
)
def test_the_host_of_an_address_is_the_one_that_is_connected_to(url: str, host: str) -> None:
    assert host_of(url) == host
    assert named_host(url) == same_name(host)


# PODCRAWLER_ALLOW_HOSTS


def read(value: object) -> Allowed:
    settings = Settings()
    settings.setmodule("podcrawler.settings")
    settings.set("PODCRAWLER_ALLOW_HOSTS", value)
    return TransferConfig.read(settings).allow_hosts


@pytest.mark.parametrize(
    "value", ["Nas.local, .lan 192.168.1.5/24,[fd00::1]", ["nas.LOCAL.", ".lan", "192.168.1.0/24", "fd00::1"]]
)
def test_names_and_networks_are_allowed(value: object) -> None:
    allowed = read(value)
    assert [name for name in ("nas.local", "a.lan", "a.nas.local", "lan", "wlan") if allowed.has_host(name)] == [
        "nas.local",
        "a.lan",
    ]
    addresses = ("192.168.1.255", "192.168.2.0", "fd00::1", "fd00::2", "::ffff:192.168.1.1")
    assert [a for a in addresses if allowed.has_address(ip_address(a))] == [
        "192.168.1.255",
        "fd00::1",
        "::ffff:192.168.1.1",
    ]


def test_nothing_is_allowed_by_itself() -> None:
    assert read("") == Allowed()
    assert not Allowed().has_host("localhost")
    assert not Allowed().has_address(ip_address("127.0.0.1"))


@pytest.mark.parametrize("value", ["http://nas/", "nas:8000", "192.168.1.0/33", "127.1", "*.lan", "ann@nas"])
def test_what_is_neither_is_refused_in_a_sentence(value: str) -> None:
    with pytest.raises(SettingError, match=r"PODCRAWLER_ALLOW_HOSTS cannot be .* is none of a host name"):
        read(value)
