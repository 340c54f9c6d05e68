"""SOCKS proxies: who looks names up, who gets the login, and who is to blame for what fails."""

import asyncio
import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from scrapy import Request
from scrapy.exceptions import DownloadFailedError

from podcrawler.exceptions import EntryError, FetchError, ProxyFailedError
from podcrawler.http.errors import explain
from tests.conftest import Commands
from tests.http.handling import fetch, handling
from tests.origin import RunningOrigin, running
from tests.socks import Socks, running_socks


@pytest.fixture
def socks() -> Iterator[Socks]:
    with running_socks() as proxy:
        yield proxy


@pytest.fixture
def dead() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def named(origin: RunningOrigin, host: str) -> str:
    return origin.address.replace("127.0.0.1", host)


def feed(origin: RunningOrigin, host: str = "podcasts.invalid") -> str:
    """A feed of two episodes on a host that no DNS knows; the proxies of these tests do."""
    return f"{named(origin, host)}/feed.xml?episodes=2&size=1000"


@pytest.mark.parametrize("scheme", ["socks5h", "socks4a"])
def test_a_podcast_arrives_through_a_proxy_that_looks_names_up(
    commands: Commands, origin: RunningOrigin, socks: Socks, scheme: str
) -> None:
    ended = commands.run("archive", feed(origin), PODCRAWLER_PROXY=socks.address(scheme))
    assert ended.status == 0, ended.err
    assert list(commands.files().values()) == [1000, 1000]
    assert set(socks.hosts) == {"podcasts.invalid"}
    assert {request.headers["host"] for request in origin.requests()} == {feed(origin).split("/")[2]}


@pytest.mark.parametrize("scheme", ["socks5", "socks4"])
async def test_other_proxies_get_addresses(origin: RunningOrigin, socks: Socks, scheme: str) -> None:
    url = named(origin, "localhost") + "/robots.txt"
    response = await fetch(url, meta={"proxy": socks.address(scheme)}, PODCRAWLER_ALLOW_HOSTS="localhost")
    assert response.status == 200
    assert socks.hosts in (["127.0.0.1"], ["::1"])
    url = named(origin, "podcasts.invalid")
    with pytest.raises(DownloadFailedError) as raised:
        await fetch(url, meta={"proxy": socks.address(scheme)})
    error = explain(raised.value, url)
    assert (error.kind, str(error).partition(";")[0]) == ("dns", "podcasts.invalid has no address in the DNS")
    assert len(socks.hosts) == 1


@pytest.mark.parametrize(("scheme", "user"), [("socks5h", "ann"), ("socks4a", "ann")])
def test_the_login_goes_to_the_proxy_alone_and_is_never_shown(
    fleet: Commands, origin: RunningOrigin, scheme: str, user: str
) -> None:
    with running_socks(user, "s3cr:t") as socks:
        address = f"{scheme}://{user}:s3cr%3At@{socks.name}"
        ended = fleet.drain("-a", f"address={feed(origin)}", "-L", "DEBUG", PODCRAWLER_PROXY=address)
    assert ended.status == 0, ended.err
    assert {user for _, user in socks.asked} == {user}
    assert "proxy-authorization" not in {name for request in origin.requests() for name in request.headers}
    assert "s3cr" not in ended.err


def test_a_login_that_the_proxy_refuses_fails_the_entry_at_once(fleet: Commands, origin: RunningOrigin) -> None:
    with running_socks("ann", "right") as socks:
        for login in ("ann:wr0ng@", ""):
            address = f"address={feed(origin)}&title={login[:3]}"
            ended = fleet.drain("-a", address, PODCRAWLER_PROXY=f"socks5h://{login}{socks.name}")
            assert ended.status == 1
            assert f"[proxy]: The proxy {socks.name} wants a login, or another one; check PODCRAWLER" in ended.err
            assert "wr0ng" not in ended.err
    assert origin.requests() == []


def test_certificates_are_checked_through_the_proxy(fleet: Commands, socks: Socks, certificate: Path) -> None:
    fleet.environment |= {"PODCRAWLER_PROXY": socks.address("socks5h")}
    with running("--certificate", str(certificate)) as unsafe:
        address = f"{unsafe.address}/feed.xml?episodes=1&size=1000"
        refused = fleet.drain("-a", f"address={address}")
        assert refused.status == 1
        assert "[tls]: localhost cannot be spoken to safely (self-signed certificate); its owner" in refused.err
        accepted = fleet.drain("-a", f"address={address}&title=b", PODCRAWLER_INSECURE_HOSTS="localhost")
        assert accepted.status == 0, accepted.err
        trusted = fleet.drain("-a", f"address={address}&title=c", SSL_CERT_FILE=str(certificate))
        assert trusted.status == 0, trusted.err
    assert set(socks.hosts) == {"localhost"}


# Who is to blame


async def failed(url: str, proxy: str, **meta: object) -> EntryError:
    with pytest.raises(FetchError) as raised:
        await fetch(url, meta={"proxy": proxy, **meta})
    return raised.value


@pytest.mark.parametrize(
    ("scheme", "reply", "words"),
    [
        ("socks5h", 3, "could not be reached by the proxy {proxy}: its network cannot be reached from there; try"),
        ("socks5h", 4, "could not be reached by the proxy {proxy}: it cannot be reached from there, or its name is"),
        ("socks5h", 5, "could not be reached by the proxy {proxy}: it refuses the connection; try again later."),
        ("socks5h", 6, "could not be reached by the proxy {proxy}: it did not answer; try again later."),
    ],
)
async def test_the_proxy_tells_that_the_host_failed(scheme: str, reply: int, words: str) -> None:
    with running_socks(reply=reply) as socks:
        error = await failed("http://media.invalid/", socks.address(scheme))
    assert not isinstance(error, ProxyFailedError)
    assert (error.kind, error.failure_class) == ("refused", "passing")
    assert str(error).startswith(f"media.invalid {words.format(proxy=socks.name)}")


@pytest.mark.parametrize(
    ("scheme", "reply", "words", "failure_class", "is_down"),
    [
        ("socks5h", 1, "opens no way to media.invalid (General SOCKS server failure); check", "passing", True),
        ("socks5h", 2, "is not allowed to open a way to media.invalid; use another", "permanent", False),
        ("socks5h", 7, "opens no way to media.invalid (Command not supported", "passing", True),
        ("socks5h", 8, "cannot open a way to an address of this kind (media.invalid); let", "permanent", False),
        ("socks5h", 99, "does not speak SOCKS as socks5h:// says (Invalid reply code", "passing", True),
        ("socks4a", 0x5B, "opens no way to media.invalid, without saying why; try again later.", "passing", False),
        ("socks4a", 0x5D, "wants a login, or another one; check", "permanent", True),
    ],
)
async def test_the_proxy_refuses(scheme: str, reply: int, words: str, failure_class: str, is_down: bool) -> None:
    with running_socks(reply=reply) as socks:
        error = await failed("http://media.invalid/", socks.address(scheme))
    assert isinstance(error, ProxyFailedError)
    assert (error.kind, error.failure_class, error.is_down) == ("proxy", failure_class, is_down)
    assert str(error).startswith(f"The proxy {socks.name} {words}")


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("hang up", "hung up before it had answered; it may be no SOCKS proxy; check PODCRAWLER_PROXY"),
        ("say nothing", "opened no way to media.invalid in time; check PODCRAWLER_PROXY"),
        ("speak http", "does not speak SOCKS as {scheme}:// says ("),
    ],
)
@pytest.mark.parametrize("scheme", ["socks5h", "socks4a"])
async def test_the_proxy_is_none(scheme: str, manner: str, words: str) -> None:
    with running_socks(manner=manner) as socks:
        error = await failed("http://media.invalid/", socks.address(scheme), connect_timeout=0.5)
    assert isinstance(error, ProxyFailedError)
    assert error.is_down
    assert str(error).startswith(f"The proxy {socks.name} {words.format(scheme=scheme)}")


@pytest.mark.parametrize("scheme", ["socks5h", "socks4"])
async def test_the_proxy_is_not_there(scheme: str, dead: str) -> None:
    error = await failed("http://127.0.0.1/", f"{scheme}://{dead}")
    assert str(error).startswith(f"The proxy {dead} could not be connected to (Connection refused); check PODCRAWLER")
    error = await failed("http://127.0.0.1/", f"{scheme}://no-proxy.invalid")
    assert str(error).startswith("The proxy no-proxy.invalid:1080 has no address in the DNS just now; check PODCRAWLER")


async def test_sessions_are_closed_when_there_are_many_but_none_that_is_in_use(
    origin: RunningOrigin, socks: Socks
) -> None:
    def proxy(user: object) -> dict[str, str]:
        return {"proxy": f"socks5h://{user}:x@{socks.name}"}

    async with handling() as handler:
        slow = Request(f"{origin.address}/bytes/100000.mp3?stall_after=50000&type=text/plain", meta=proxy("slow"))
        read = asyncio.create_task(handler.download_request(slow))
        while not origin.requests():
            await asyncio.sleep(0.01)
        for user in range(60):
            page = await handler.download_request(Request(f"{origin.address}/robots.txt", meta=proxy(user)))
            assert page.status == 200
        found = [thing for thing in gc.get_objects() if isinstance(thing, aiohttp.ClientSession) and not thing.closed]
        assert 2 <= len(found) < 40
        origin.release()
        assert (await read).status == 200
    assert all(session.closed for session in found)
