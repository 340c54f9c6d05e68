"""Forward proxies: which requests of a node, for pages and media, go through one, and with which credentials."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from podcrawler.exceptions import ProxyFailedError
from tests.conftest import Client, Commands
from tests.http.handling import fetch
from tests.origin import RunningOrigin, running

#: Not in the DNS: only the proxy answers for it.
FEED = "http://feeds.example.com/feed.xml?episodes=2&size=1000"
LOGIN = "ann:p@ss:wörd"
BASIC = "Basic YW5uOnBAc3M6d8O2cmQ="
#: The login in an address.
AUTHORITY = "ann:p%40ss%3Aw%C3%B6rd"
ONE_TRY = ("-s", "PODCRAWLER_MAX_TRIES=1")


@pytest.fixture
def proxy() -> Iterator[RunningOrigin]:
    """A proxy that requires the login."""
    with running("--login", LOGIN) as running_proxy:
        yield running_proxy


def with_login(proxy: RunningOrigin) -> str:
    return proxy.address.replace("://", f"://{AUTHORITY}@")


def by_environment(address: str) -> dict[str, str]:
    return {"http_proxy": address, "https_proxy": address}


@pytest.mark.parametrize("way", ["setting", "environment", "our environment"])
def test_a_podcast_arrives_through_the_proxy(fleet: Commands, proxy: RunningOrigin, way: str) -> None:
    address = with_login(proxy)
    options = ("-s", f"PODCRAWLER_PROXY={address}") if way == "setting" else ()
    environment = {
        "setting": {},
        "environment": by_environment(address),
        "our environment": {"PODCRAWLER_PROXY": address},
    }[way]
    ended = fleet.drain("-a", f"address={FEED}", *options, **environment)
    assert ended.status == 0, ended.err
    assert list(fleet.files().values()) == [1000, 1000]
    requests = proxy.requests()
    assert sorted(request.target for request in requests) == [
        "http://feeds.example.com/bytes/1000.mp3?seed=1",
        "http://feeds.example.com/bytes/1000.mp3?seed=2",
        FEED,
    ]
    assert {request.headers["host"] for request in requests} == {"feeds.example.com"}
    assert {request.headers["proxy-authorization"] for request in requests} == {BASIC}
    assert "authorization" not in {name for request in requests for name in request.headers}
    assert AUTHORITY not in ended.err
    assert "wörd" not in ended.err


def test_the_setting_comes_before_the_environment(fleet: Commands, proxy: RunningOrigin) -> None:
    option = f"PODCRAWLER_PROXY={with_login(proxy)}"
    ended = fleet.drain("-a", f"address={FEED}", "-s", option, **by_environment("http://127.0.0.1:1"))
    assert ended.status == 0, ended.err
    assert len(fleet.files()) == 2


def test_an_archive_goes_through_the_proxy(commands: Commands, origin: RunningOrigin) -> None:
    ended = commands.run("archive", FEED, PODCRAWLER_PROXY=origin.address)
    assert ended.status == 0, ended.err
    assert len(commands.files()) == 2


def test_hosts_of_no_proxy_are_asked_directly(fleet: Commands, proxy: RunningOrigin, origin: RunningOrigin) -> None:
    """And do not get the proxy's login."""
    fleet.environment |= {"PODCRAWLER_PROXY": with_login(proxy), "no_proxy": "example.org,127.0.0.1"}
    ended = fleet.drain("-a", f"address={origin.address}/feed.xml?episodes=2&size=10")
    assert ended.status == 0, ended.err
    assert len(fleet.files()) == 2
    assert proxy.requests() == []
    assert len(origin.requests()) == 3
    assert "proxy-authorization" not in {name for request in origin.requests() for name in request.headers}


# Redirects from one side of no_proxy to the other


def test_a_redirect_to_a_host_of_no_proxy_leaves_the_proxy(
    fleet: Commands, proxy: RunningOrigin, origin: RunningOrigin
) -> None:
    enclosure = f"{origin.address}/bytes/10.mp3"
    fleet.environment |= {"PODCRAWLER_PROXY": with_login(proxy), "no_proxy": "127.0.0.1"}
    fleet.environment["PODCRAWLER_ALLOW_HOSTS"] = "127.0.0.1"
    address = f"http://feeds.example.com/feed.xml?episodes=1&size=10&location={enclosure}"
    ended = fleet.drain("-a", f"address={address}")
    assert ended.status == 0, ended.err
    assert list(fleet.files().values()) == [10]
    (request,) = origin.requests()
    assert request.target == "/bytes/10.mp3"
    assert "proxy-authorization" not in request.headers


# https


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for ``localhost``, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    begins = datetime.now(UTC) - timedelta(days=1)
    signed = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number(), begins, begins + timedelta(days=3))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def safe_origin(certificate: Path) -> Iterator[RunningOrigin]:
    with running("--certificate", str(certificate)) as origin:
        yield origin


def test_https_goes_through_a_tunnel(
    fleet: Commands, proxy: RunningOrigin, safe_origin: RunningOrigin, certificate: Path
) -> None:
    fleet.environment |= {"PODCRAWLER_PROXY": with_login(proxy), "SSL_CERT_FILE": str(certificate)}
    address = f"{safe_origin.address}/feed.xml?episodes=2&size=1000"
    ended = fleet.drain("-a", f"address={address}")
    assert ended.status == 0, ended.err
    assert list(fleet.files().values()) == [1000, 1000]
    host = safe_origin.address.removeprefix("https://")
    assert {(r.method, r.target, r.headers["proxy-authorization"]) for r in proxy.requests()} == {
        ("CONNECT", host, BASIC)
    }
    seen = safe_origin.requests()
    assert len(seen) == 3
    assert "proxy-authorization" not in {name for request in seen for name in request.headers}


# A proxy that speaks TLS itself


def test_a_proxy_may_speak_tls(fleet: Commands, safe_origin: RunningOrigin, certificate: Path) -> None:
    """For http, and for https with TLS in TLS. The proxy's certificate is checked."""
    with running("--certificate", str(certificate), "--login", LOGIN) as proxy:
        fleet.environment |= {"PODCRAWLER_PROXY": with_login(proxy), "SSL_CERT_FILE": str(certificate)}
        for address in (FEED, f"{safe_origin.address}/feed.xml?episodes=2&size=1000&title=b"):
            ended = fleet.drain("-a", f"address={address}")
            assert ended.status == 0, ended.err
        assert list(fleet.files().values()) == [1000] * 4
        unsafe = fleet.drain("-a", f"address={FEED}&title=c", *ONE_TRY, SSL_CERT_FILE="/dev/null")
        assert unsafe.status == 1
        name = proxy.address.removeprefix("https://")
        assert f"[proxy]: The proxy {name} cannot be spoken to over TLS (" in unsafe.err
        assert "certificate" in unsafe.err


# What goes wrong


@pytest.fixture
def dead() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("address", [FEED, FEED.replace("http:", "https:")], ids=["http", "https"])
def test_a_dead_proxy_is_named(fleet: Commands, dead: str, address: str) -> None:
    ended = fleet.drain("-a", f"address={address}", *ONE_TRY, PODCRAWLER_PROXY=f"http://ann:secret@{dead}")
    assert ended.status == 1
    assert (
        f"[proxy]: The proxy {dead} could not be connected to (Connection refused); check PODCRAWLER_PROXY (or "
        "PODCRAWLER_HOSTS, or http_proxy and https_proxy in the environment), or try again later."
    ) in ended.err
    assert "secret" not in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("address", [FEED, FEED.replace("http:", "https:")], ids=["http", "https"])
def test_a_proxy_that_is_unknown_to_the_dns_is_named(fleet: Commands, address: str) -> None:
    ended = fleet.drain("-a", f"address={address}", *ONE_TRY, PODCRAWLER_PROXY="http://no-proxy.invalid:3128")
    assert ended.status == 1
    assert (
        "[proxy]: The proxy no-proxy.invalid:3128 has no address in the DNS just now; check PODCRAWLER_PROXY"
        in ended.err
    )


@pytest.mark.parametrize("address", [FEED, FEED.replace("http:", "https:")], ids=["http", "https"])
def test_a_proxy_that_requires_another_login_fails_the_entry_at_once(
    fleet: Commands, proxy: RunningOrigin, address: str
) -> None:
    ended = fleet.drain("-a", f"address={address}", PODCRAWLER_PROXY=proxy.address)
    assert ended.status == 1
    name = proxy.address.removeprefix("http://")
    assert f"[proxy]: The proxy {name} wants a login, or another one; check PODCRAWLER_PROXY" in ended.err
    assert len(proxy.requests()) == 1


def test_a_tunnel_that_leads_nowhere_is_tried_again(fleet: Commands, origin: RunningOrigin, dead: str) -> None:
    ended = fleet.drain("-a", f"address=https://{dead}/feed.xml", *ONE_TRY, PODCRAWLER_PROXY=origin.address)
    assert ended.status == 1
    name = origin.address.removeprefix("http://")
    assert f"[proxy]: The proxy {name} opens no way to 127.0.0.1 (502 Bad Gateway); try again later." in ended.err


@pytest.mark.parametrize(
    ("scheme", "manner", "words"),
    [
        ("http", "hangs up", "hung up without an answer; check PODCRAWLER_PROXY"),
        ("https", "hangs up", "broke off before there was a way to media.invalid; check PODCRAWLER_PROXY"),
        ("https", "says nothing", "opened no way to media.invalid in time; check PODCRAWLER_PROXY"),
        (
            "https",
            "speaks another language",
            "broke off before there was a way to media.invalid; check PODCRAWLER_PROXY",
        ),
    ],
)
async def test_a_proxy_that_is_none(scheme: str, manner: str, words: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if manner == "says nothing":
            await reader.read()
        if manner == "speaks another language":
            writer.write(b"220 mail.example.com\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        name = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ProxyFailedError) as raised:
            await fetch(f"{scheme}://media.invalid/", meta={"proxy": name}, PODCRAWLER_CONNECT_TIMEOUT=0.5)
    assert raised.value.is_down
    assert str(raised.value).startswith(f"The proxy {name} {words}")


@pytest.mark.parametrize("command", [("crawl", "episodes"), ("archive", "http://x/")], ids=["crawl", "archive"])
def test_a_value_that_is_no_proxy_ends_in_a_sentence(commands: Commands, command: tuple[str, ...]) -> None:
    ended = commands.run(*command, "-s", "PODCRAWLER_PROXY=ann:secret@proxy:3128")
    assert ended.status == 2
    assert ended.err.splitlines()[-1].startswith("podcrawler: PODCRAWLER_PROXY is not the address of a proxy: write ")
    assert "secret" not in ended.err


def test_scrapys_commands_use_the_proxy_too(commands: Commands, origin: RunningOrigin) -> None:
    ended = commands.run("fetch", FEED, PODCRAWLER_PROXY=origin.address)
    assert "A podcast of the origin" in ended.out
    assert [request.target for request in origin.requests()] == [FEED]


def test_middlewares_of_a_user_do_not_remove_the_proxy(fleet: Commands, redis: Client, origin: RunningOrigin) -> None:
    redis.lpush("episodes:start_urls", FEED)
    own = 'DOWNLOADER_MIDDLEWARES={"scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": 900}'
    assert fleet.drain("-s", own, PODCRAWLER_PROXY=origin.address).status == 0
    assert len(fleet.files()) == 2
