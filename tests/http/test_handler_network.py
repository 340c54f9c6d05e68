import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    UnsupportedURLSchemeError,
)

from podcrawler.exceptions import FetchError
from podcrawler.http.errors import explain
from tests.http.handling import download, fetch, handling, receiving
from tests.origin import RunningOrigin, running

# Time


async def test_a_timeout_bounds_the_whole_of_a_page(origin: RunningOrigin) -> None:
    with pytest.raises(DownloadTimeoutError):
        await fetch(f"{origin.address}/bytes/1000.mp3?rate=1000", meta={"download_timeout": 0.4})


async def assert_given_up(
    url: str, tmp_path: Path, kind: str, words: str, *, min_rate: int = 1000, connect_timeout: float = 0.2
) -> None:
    """By a handler that waits 0.4 s for the next byte, and 0.4 s longer for a head than for a connection."""
    with pytest.raises(FetchError, match=words) as caught:
        await download(
            url,
            tmp_path,
            PODCRAWLER_CONNECT_TIMEOUT=connect_timeout,
            PODCRAWLER_IDLE_TIMEOUT=0.4,
            PODCRAWLER_MIN_RATE=min_rate,
        )
    assert (caught.value.kind, caught.value.failure_class) == (kind, "passing")
    assert str(caught.value).startswith("127.0.0.1 ")


async def test_the_whole_of_a_part_may_take_any_time(origin: RunningOrigin, tmp_path: Path) -> None:
    meta = {"download_timeout": 0.1}
    url = f"{origin.address}/bytes/1000.mp3?rate=1000"
    _, part, _ = await download(url, tmp_path, meta=meta, PODCRAWLER_IDLE_TIMEOUT=0.4, PODCRAWLER_MIN_RATE=100)
    assert part.received == 1000


async def test_a_silence_is_given_up(origin: RunningOrigin, tmp_path: Path) -> None:
    for silence in ("stall_after=500", "stall_head=1"):
        url = f"{origin.address}/bytes/1000.mp3?{silence}"
        await assert_given_up(url, tmp_path, "timeout", "sent nothing for 0.4 s", connect_timeout=20)


async def test_a_head_that_trickles_is_given_up(origin: RunningOrigin, tmp_path: Path) -> None:
    url = f"{origin.address}/bytes/1000.mp3?head_rate=20"
    await assert_given_up(url, tmp_path, "timeout", "did not begin to answer within 0.6 s")


async def test_a_body_that_trickles_is_given_up(origin: RunningOrigin, tmp_path: Path) -> None:
    url = f"{origin.address}/bytes/100000.mp3?rate=1000"
    await assert_given_up(url, tmp_path, "too-slow", "fewer than 10000 are not", min_rate=10_000)


async def test_a_connection_that_is_not_made_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        with contextlib.ExitStack() as crowd:
            # Those who wait already fill the queue, so that the kernel answers nobody else.
            for _ in range(4):
                waiting = crowd.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(server.getsockname())
            url = f"http://127.0.0.1:{server.getsockname()[1]}/1.mp3"
            await assert_given_up(url, tmp_path, "timeout", "could not be connected to within 0.2 s")


# Errors of the network


async def test_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    with pytest.raises(DownloadConnectionRefusedError) as caught:
        await fetch(url)
    error = explain(caught.value, url)
    assert error.kind == "refused"
    assert "Connection refused" in str(error)


async def test_a_name_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CannotResolveHostError):
        await fetch("http://nowhere.invalid/")


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "127.1"])
async def test_an_address_that_cannot_be_one(host: str) -> None:
    with pytest.raises(UnsupportedURLSchemeError):
        await fetch(f"http://{host}/")


async def test_the_bind_address_is_honoured(origin: RunningOrigin) -> None:
    response = await fetch(f"{origin.address}/bytes/1.mp3", DOWNLOAD_BIND_ADDRESS="127.0.0.1")
    assert response.status == 200
    with pytest.raises(DownloadConnectionRefusedError):
        # TEST-NET-1 (RFC 5737), which no machine has.
        await fetch(f"{origin.address}/bytes/1.mp3", DOWNLOAD_BIND_ADDRESS=("192.0.2.1", 0))


@contextlib.asynccontextmanager
async def https_server(certificate: Path) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Says ``safe`` to everybody: its address, and the heads of the requests so far."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsafe")
        writer.close()
        await writer.wait_closed()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", heads


async def test_certificates_are_checked_and_the_reason_is_told(certificate: Path) -> None:
    async with https_server(certificate) as (url, heads), handling(DOWNLOAD_VERIFY_CERTIFICATES=True) as handler:
        with pytest.raises(DownloadFailedError, match="certificate verify failed") as caught:
            await handler.download_request(Request(url))
        assert heads == []
        error = explain(caught.value, url)
        assert (error.kind, error.failure_class) == ("tls", "permanent")
        assert str(error).startswith("localhost cannot be spoken to safely (self-signed certificate)")


async def test_certificates_go_unchecked_on_demand(certificate: Path) -> None:
    async with https_server(certificate) as (url, _), handling(DOWNLOAD_VERIFY_CERTIFICATES=False) as handler:
        assert (await handler.download_request(Request(url))).body == b"safe"


async def test_certificates_go_unchecked_for_the_hosts_that_are_named(certificate: Path) -> None:
    async with (
        https_server(certificate) as (url, _),
        handling(DOWNLOAD_VERIFY_CERTIFICATES=True, PODCRAWLER_INSECURE_HOSTS="old.example.org, LOCALHOST") as handler,
    ):
        assert (await handler.download_request(Request(url))).body == b"safe"
        with pytest.raises(DownloadFailedError):
            await handler.download_request(Request(url.replace("localhost", "127.0.0.1")))


# Connections


async def test_a_connection_is_used_again(origin: RunningOrigin, tmp_path: Path) -> None:
    async with handling() as handler:
        for number in range(3):
            async with receiving(tmp_path, f"{number}.token.part") as part:
                url = f"{origin.address}/bytes/{100_000 + number}.mp3"
                await handler.download_request(Request(url, meta={"part": part}))
                assert part.received == 100_000 + number
    # And the one that asks for the number.
    assert origin.connections() == 2


async def test_addresses_may_be_of_ipv6(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error.strerror}")
    with running("--host", "::1") as origin:
        assert origin.address.startswith("http://[::1]:")
        _, part, _ = await download(f"{origin.address}/bytes/1000.mp3", tmp_path)
        assert part.received == 1000


# Proxies

CREDENTIALS = {"Proxy-Authorization": "Basic c2VjcmV0"}


async def test_http_goes_to_the_proxy_in_absolute_form(origin: RunningOrigin) -> None:
    async with handling() as handler:
        meta = {"proxy": origin.address}
        request = Request("http://far.invalid/bytes/3.mp3", headers=CREDENTIALS, meta=meta)
        assert len((await handler.download_request(request)).body) == 3
    (asked,) = origin.requests()
    assert asked.target == "http://far.invalid/bytes/3.mp3"
    assert asked.headers["proxy-authorization"] == "Basic c2VjcmV0"


async def test_https_goes_through_a_tunnel_and_credentials_stay_outside(
    origin: RunningOrigin, certificate: Path
) -> None:
    settings = {"DOWNLOAD_VERIFY_CERTIFICATES": False, "PODCRAWLER_ALLOW_HOSTS": "localhost"}
    async with https_server(certificate) as (url, heads), handling(**settings) as handler:
        meta = {"proxy": origin.address.removeprefix("http:")}
        response = await handler.download_request(Request(url, headers=CREDENTIALS, meta=meta))
        assert response.body == b"safe"
    (head,) = heads
    assert b"proxy-authorization" not in head.lower()
    (connect,) = origin.requests()
    assert connect.method == "CONNECT"
    assert connect.headers["proxy-authorization"] == "Basic c2VjcmV0"


async def test_without_proxy_its_credentials_go_nowhere(origin: RunningOrigin) -> None:
    async with handling() as handler:
        await handler.download_request(Request(f"{origin.address}/bytes/3.mp3", headers=CREDENTIALS))
    assert "proxy-authorization" not in origin.requests()[0].headers
