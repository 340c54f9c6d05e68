"""Where requests may lead: tried in the real download handler, against listeners that must stay untouched.

The listener is on every address of this machine. The names that these tests use are looked up by a stand-in, because no
test may depend on the DNS; tests/isolated has the same with a real resolver."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import aiohttp.connector
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from scrapy import Request
from typing_extensions import override

from podcrawler.exceptions import EntryError
from podcrawler.http.errors import explain
from podcrawler.http.guard import Guard
from podcrawler.http.handler import DownloadHandler
from podcrawler.networks import special_purpose
from tests.http.handling import handling
from tests.listener import Listener, listening
from tests.origin import RunningOrigin


@pytest.fixture
def listener() -> Iterator[Listener]:
    """On all addresses of both families."""
    with listening("::") as found:
        yield found


@dataclass
class StandIn(AbstractResolver):
    """Looks names up in a table: by name the answers in their order, of which the last one stays. Each answer is a
    list of addresses."""

    answers: dict[str, list[list[str]]] = field(default_factory=dict)

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answers = self.answers[host]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in answer
        ]

    @override
    async def close(self) -> None:
        pass


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(aiohttp.connector, "DefaultResolver", lambda **_: stand_in)
    return stand_in


#: Hosts as feeds may write them, all of which lead to this machine or to a private network.
_LITERAL = """
    127.0.0.1 127.0.0.2 127.255.255.254 127.0.0.1. 127.1 127.0.1 127.000.000.001 0177.0.0.1 0177.0.0.01 0177.1
    0x7f.0.0.1 0x7f.1 0X7F.0X0.0X0.0X1 0x7f000001 0x7F000001 017700000001 2130706433 127.0x1 127.0.0x1
    00000177.0.0.1 0 0.0.0.0 0.0 0x0 00 0.0.0.1 %31%32%37.0.0.1 %31%32%37%2e%30%2e%30%2e%31 １２７.０.０.１
    １２７。０。０。１ 127。0。0。1 127．0．0．1 127｡0｡0｡1 ①②⑦.⓪.⓪.① 𝟏𝟐𝟕.𝟎.𝟎.𝟏 ２１３０７０６４３３
    user@127.0.0.1 user:word@127.0.0.1 example.com@127.0.0.1 example.com:80@127.1 [::1] [0::1] [0:0:0:0:0:0:0:1]
    [0000:0000:0000:0000:0000:0000:0000:0001] [::] [::0] [::0.0.0.1] [::127.0.0.1] [::7f00:1] [::ffff:127.0.0.1]
    [::FFFF:7F00:1] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:0:127.0.0.1] [::ffff:0.0.0.0] [64:ff9b::127.0.0.1]
    [64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::127.0.0.1] [64:ff9b:1:7f00:0:100::]
    [2002:7f00:1::] [2002:7f00:1::1] [2002:a00:1::1] [2002:c0a8:101::] [2002:a9fe:a9fe::] [2001:0:7f00:1::]
    [2001::80ff:fffe] [2001:0:808:808:0:0:80ff:fffe] [2001:0:a00:1::f7f7:f7f7] [fe80::1] [fe80::1%25lo]
    [fe80::1%25eth0] [febf::1] [fec0::1] [feff::1] [fc00::1] [fd00::1] [fd00:ec2::254] [ff02::1] [ff0e::1]
    [100::1] [2001:db8::1] [2001:2::1] [2001:10::1] [3fff::1] [5f00::1] [4000::1] [2a00:1450::5efe:7f00:1]
    [2a00::200:5efe:a00:1] 10.0.0.1 10.255.255.255 10.1 012.0.0.1 0xa.0.0.1 167772161 172.16.0.1 172.31.255.255
    192.168.0.1 192.168.1.5 192.168.257 0xc0a80105 3232235781 0300.0250.1.5 [::ffff:10.0.0.1] [::10.0.0.1]
    [::ffff:192.168.1.5] 169.254.0.1 169.254.169.254 169.254.169.253 169.254.43518 0xa9fea9fe
    0xa9.0xfe.0xa9.0xfe 0251.0376.0251.0376 2852039166 １６９.２５４.１６９.２５４ [::ffff:169.254.169.254]
    [::ffff:a9fe:a9fe] [::169.254.169.254] 100.64.0.1 100.127.255.255 100.100.100.200 [::ffff:100.100.100.200]
    168.63.129.16 192.0.0.1 192.0.0.192 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 192.88.99.1
    224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.254 255.255.255.255 [::ffff:255.255.255.255]
    [::ffff:224.0.0.1]
"""
#: The addresses that a name may have.
_RESOLVED = """
    127.0.0.1 127.0.0.53 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.5
    169.254.169.254 100.64.0.1 100.100.100.200 168.63.129.16 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1
    203.0.113.1 192.88.99.1 224.0.0.1 240.0.0.1 255.255.255.255 ::1 :: ::127.0.0.1 ::ffff:127.0.0.1
    ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::1 2002:7f00:1::
    2002:a00:1::1 2001:0:7f00:1:: 2001:0:808:808:0:0:80ff:fffe 2a00::5efe:127.0.0.1 fe80::1 fe80::1%1 fec0::1
    fc00::1 fd00:ec2::254 ff02::1 100::1 2001:db8::1 3fff::1 4000::1
"""
LITERAL, RESOLVED = _LITERAL.split(), _RESOLVED.split()


async def refusal(url: str, *, meta: dict[str, Any] | None = None, **settings: object) -> EntryError:
    """How a request fails."""
    async with handling(**{"PODCRAWLER_ALLOW_HOSTS": "", **settings}) as handler:
        return await refused(handler, url, meta=meta)


async def refused(handler: DownloadHandler, url: str, *, meta: dict[str, Any] | None = None) -> EntryError:
    with pytest.raises(Exception) as caught:  # noqa: PT011 (explained below)
        await handler.download_request(Request(url, meta=meta))
    return explain(caught.value, url)


def test_the_tables_are_large_enough() -> None:
    assert len({*LITERAL}) >= 120
    assert len({*RESOLVED}) >= 40
    assert all(special_purpose(ip_address(address)) for address in RESOLVED)


@pytest.mark.parametrize("host", LITERAL)
async def test_no_form_of_a_private_address_is_connected_to(listener: Listener, host: str) -> None:
    error = await refusal(f"http://{host}:{listener.port}/")
    assert (error.kind, error.failure_class) == ("private-address", "permanent")
    assert "PODCRAWLER_ALLOW_HOSTS=" in str(error)
    assert listener.connections == 0


@pytest.mark.parametrize("address", RESOLVED)
async def test_no_name_leads_to_a_private_address(names: StandIn, listener: Listener, address: str) -> None:
    names.answers["media.example"] = [[address]]
    error = await refusal(f"http://media.example:{listener.port}/a.mp3")
    assert error.kind == "private-address"
    shown = address.partition("%")[0]
    assert str(error) == (
        f"media.example is {article(special_purpose(ip_address(shown)))} address ({ip_address(shown)}), where only an "
        "address that you give yourself may lead; if it is right, allow it with PODCRAWLER_ALLOW_HOSTS=media.example."
    )
    assert listener.connections == 0


def article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ"])
async def test_names_of_this_machine_are_looked_up_and_refused(listener: Listener, host: str) -> None:
    """By the real resolver."""
    error = await refusal(f"http://{host}:{listener.port}/")
    assert error.kind == "private-address"
    assert listener.connections == 0


async def test_what_is_allowed_is_connected_to(names: StandIn, listener: Listener) -> None:
    """Or else the tests above would show nothing."""
    names.answers["media.example"] = names.answers["other.example"] = [["127.0.0.1"]]
    for allowed, host in [
        ("127.0.0.0/8", "127.0.0.2"),
        ("::1", "[::1]"),
        ("127.0.0.1", "media.example"),
        ("media.example", "media.example"),
        (".example", "other.example"),
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "[::ffff:127.0.0.1]"),
    ]:
        before = listener.connections
        async with handling(PODCRAWLER_ALLOW_HOSTS=allowed) as handler:
            response = await handler.download_request(Request(f"http://{host}:{listener.port}/"))
        assert (response.body, listener.connections) == (b"secret", before + 1)
    assert (await refusal(f"http://other.example:{listener.port}/", PODCRAWLER_ALLOW_HOSTS="media.example")).kind == (
        "private-address"
    )


async def test_of_a_name_with_several_addresses_the_public_ones_are_connected_to(
    names: StandIn, listener: Listener
) -> None:
    """127.0.0.2 plays the public address."""
    for answer in (["10.0.0.1", "127.0.0.2"], ["127.0.0.2", "10.0.0.1"], ["::1", "fd00::1", "127.0.0.2"]):
        names.answers["media.example"] = [answer]
        async with handling(PODCRAWLER_ALLOW_HOSTS="127.0.0.2") as handler:
            assert (await handler.download_request(Request(f"http://media.example:{listener.port}/"))).body == b"secret"


async def test_a_public_address_that_fails_is_what_the_failure_tells(names: StandIn, listener: Listener) -> None:
    names.answers["media.example"] = [["127.0.0.2", "10.0.0.1"]]
    with socket.socket() as unused:
        unused.bind(("127.0.0.2", 0))
        url = f"http://media.example:{unused.getsockname()[1]}/"
        error = await refusal(url, PODCRAWLER_ALLOW_HOSTS="127.0.0.2")
    assert (error.kind, error.failure_class) == ("refused", "passing")
    assert listener.connections == 0


async def test_a_name_that_is_bound_anew_is_refused(names: StandIn, listener: Listener) -> None:
    """DNS rebinding. 127.0.0.2 plays the public address."""
    names.answers["media.example"] = [["127.0.0.2"], ["127.0.0.1"]]
    url = f"http://media.example:{listener.port}/"
    async with handling(PODCRAWLER_ALLOW_HOSTS="127.0.0.2") as handler:
        assert (await handler.download_request(Request(url))).body == b"secret"
    assert listener.connections == 1
    error = await refusal(url, PODCRAWLER_ALLOW_HOSTS="127.0.0.2")
    assert error.kind == "private-address"
    assert listener.connections == 1


async def test_a_connection_is_not_shared_with_requests_that_may_not_use_it(
    names: StandIn, origin: RunningOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a host that the user gave for one podcast, from the pool of kept connections."""
    monkeypatch.setattr(Guard, "trusts", lambda _, request: request.meta.get("podcast") == "a")
    names.answers["nas.example"] = [["127.0.0.1"]]
    nas = origin.address.replace("127.0.0.1", "nas.example")
    async with handling(PODCRAWLER_ALLOW_HOSTS="") as handler:
        given = Request(f"{nas}/bytes/3.mp3", meta={"podcast": "a"})
        assert (await handler.download_request(given)).status == 200
        error = await refused(handler, f"{nas}/bytes/4.mp3", meta={"podcast": "b"})
        assert error.kind == "private-address"
        assert (await handler.download_request(given)).status == 200
    assert [request.path for request in origin.requests()] == ["/bytes/3.mp3", "/bytes/3.mp3"]


# Through a proxy

FAR = ["127.0.0.1", "127.1", "0x7f000001", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254", "localhost", "a.localhost"]


@pytest.mark.parametrize("host", [*FAR, "nas", "nas.local", "router.lan", "metadata.google.internal", "x.home.arpa"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_is_not_asked_for_what_is_private_by_itself(
    origin: RunningOrigin, scheme: str, host: str
) -> None:
    error = await refusal(f"{scheme}://{host}/", meta={"proxy": origin.address})
    assert error.kind == "private-address"
    assert origin.requests() == []


async def test_a_proxy_may_be_anywhere_and_is_asked_for_names(origin: RunningOrigin) -> None:
    async with handling(PODCRAWLER_ALLOW_HOSTS="") as handler:
        request = Request("http://media.example/bytes/3.mp3", meta={"proxy": origin.address})
        assert len((await handler.download_request(request)).body) == 3
