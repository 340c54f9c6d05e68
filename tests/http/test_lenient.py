"""What hosts send that is not quite HTTP, byte for byte, and what the download handler makes of it."""

import asyncio
import contextlib
import gzip
import hashlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import Request
from scrapy.exceptions import DownloadFailedError, ResponseDataLossError
from scrapy.utils.test import get_crawler

from podcrawler import settings as defaults
from podcrawler.exceptions import EntryError, UnsupportedAiohttpError
from podcrawler.http.client import Client
from podcrawler.http.errors import explain
from podcrawler.http.guard import Guard
from podcrawler.http.handler import MediaResponse
from podcrawler.http.heads import MAX_HEAD
from podcrawler.http.lenient import LenientHandler, surplus_of, teach
from tests.http.handling import download, fetch
from tests.origin import content, running

BODY = b"".join(content(3000, 5))
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


@dataclass
class Host:
    """Sends to each request the next answer, as it is."""

    #: The segments of each answer; the connection is closed after an answer that ends with None.
    answers: list[Sequence[bytes | None]]
    port: int = 0
    connections: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/a.mp3"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while self.answers:
                await reader.readuntil(b"\r\n\r\n")
                for segment in self.answers.pop(0):
                    if segment is None:
                        return
                    writer.write(segment)
                    await writer.drain()
                    # Long enough for the other end, in the same loop, to read it by itself.
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
            await reader.read()


@contextlib.asynccontextmanager
async def host(*answers: Sequence[bytes | None]) -> AsyncIterator[Host]:
    found = Host(list(answers))
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


def single_bytes(answer: bytes) -> list[bytes]:
    return [answer[n : n + 1] for n in range(len(answer))]


async def assert_whole(answer: Sequence[bytes | None], folder: Path) -> None:
    """That the answer ends as the file."""
    async with host(answer) as server:
        _, _, digest = await download(server.address, folder)
    assert digest == hashlib.sha256(BODY).hexdigest()


async def failure(answer: Sequence[bytes | None], folder: Path) -> EntryError:
    """How the answer ends that is no file. A connection that breaks off at once is tried twice."""
    async with host(answer, answer) as server:
        with pytest.raises((DownloadFailedError, ResponseDataLossError, EntryError)) as caught:
            await download(server.address, folder)
    return explain(caught.value, "http://media.example.org/a.mp3")


@pytest.mark.parametrize("cut", [lambda answer: [answer], single_bytes], ids=["at once", "byte by byte"])
@pytest.mark.parametrize(
    "head",
    {
        "clean": OK + LENGTH + b"\r\n",
        "no phrase": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n",
        "two spaces": b"HTTP/1.1  200  OK\r\n" + LENGTH + b"\r\n",
        "small letters": b"http/1.1 200 OK\r\n" + LENGTH + b"\r\n",
        "phrase in Latin-1": b"HTTP/1.1 200 Tr\xe8s bien\r\n" + LENGTH + b"\r\n",
        "no version": b"HTTP 200 OK\r\n" + LENGTH + b"\r\n",
        "HTTP/2": b"HTTP/2 200\r\n" + LENGTH + b"\r\n",
        "HTTP/1.2": b"HTTP/1.2 200 OK\r\n" + LENGTH + b"\r\n",
        "empty lines before": b"\r\n\r\n\n" + OK + LENGTH + b"\r\n",
        "rest of another answer before": b"\x00\x00" + OK + LENGTH + b"\r\n",
        "line feeds alone": (OK + LENGTH + b"\r\n").replace(b"\r", b""),
        "mixed line ends": OK + b"A: b\n" + LENGTH + b"\n",
        "two carriage returns": (OK + LENGTH + b"\r\n").replace(b"\r", b"\r\r"),
        "a line without colon": OK + b"some words\r\n" + LENGTH + b"\r\n",
        "no name": OK + b": words\r\n" + LENGTH + b"\r\n",
        "space in a name": OK + b"Some Name: x\r\n" + LENGTH + b"\r\n",
        "space before the colon": OK + LENGTH.replace(b":", b" \t:") + b"\r\n",
        "letters in a name": OK + b"X-\xc3\xa9: x\r\n" + LENGTH + b"\r\n",
        "folded": OK + b"X: a\r\n\t b\r\n c: d\r\n" + LENGTH + b"\r\n",
        "folded from the start": OK + b" X: a\r\n" + LENGTH + b"\r\n",
        "a line of blanks": OK + b"X: a\r\n  \r\n" + LENGTH + b"\r\n",
        "NUL": OK + b"X: a\x00b\r\n" + LENGTH + b"\r\n",
        "control characters": OK + b"X: a\x01\x7f\x1bb\r\n" + LENGTH + b"\r\n",
        "carriage return in a value": OK + b"X: a\rb\r\n" + LENGTH + b"\r\n",
        "length twice": OK + LENGTH + LENGTH + b"\r\n",
        "length twice in one": OK + b"Content-Length: 3000, 3000\r\n\r\n",
        "length with a plus": OK + b"Content-Length: +3000\r\n\r\n",
        "length with zeros": OK + b"Content-Length: 03000\r\n" + LENGTH + b"\r\n",
        "length in bytes": OK + b"Content-Length:  3000 bytes \r\n\r\n",
        "no coding": OK + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\n",
        "many fields": OK + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(3000)) + LENGTH + b"\r\n",
        "a long field": OK + b"Content-Security-Policy: " + b"x" * 65_000 + b"\r\n" + LENGTH + b"\r\n",
        "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: x\r\n\r\n" + OK + LENGTH + b"\r\n",
    }.items(),
    ids=lambda row: row[0],
)  # fmt: skip
async def test_what_browsers_read_is_read(head: tuple[str, bytes], cut: object, tmp_path: Path) -> None:
    assert callable(cut)
    # The first few thousand bytes of a long head by themselves are enough.
    answer = head[1] + BODY
    segments = [*cut(answer[:400]), answer[400:]] if cut is single_bytes else cut(answer)
    await assert_whole(segments, tmp_path)


@pytest.mark.parametrize(
    "head",
    {
        "ICY": b"ICY 200 OK\r\nX: y\r\n\r\n",
        "length below zero": OK + b"Content-Length: -1\r\n\r\n",
        "no number": OK + b"Content-Length: many\r\n\r\n",
        "no number beside one": OK + b"Content-Length: many\r\nContent-Length: 3\r\n\r\n",
        "empty length": OK + b"Content-Length:\r\n\r\n",
        "too large a number": OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
    }.items(),
    ids=lambda row: row[0],
)
async def test_without_a_length_the_connection_ends_the_body(head: tuple[str, bytes], tmp_path: Path) -> None:
    await assert_whole([head[1] + BODY, None], tmp_path)
    await assert_whole([*single_bytes(head[1]), BODY, None], tmp_path)


@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100\r\n\r\n"])
async def test_a_chunked_body_beside_a_length_is_read_by_its_chunks(interim: bytes, tmp_path: Path) -> None:
    head = interim + OK + b"Content-Length: 7\r\nTransfer-Encoding: Chunked, chunked\r\n\r\n"
    await assert_whole([head + CHUNKED], tmp_path)
    await assert_whole([head, *single_bytes(CHUNKED)], tmp_path)


@pytest.mark.parametrize(
    "row",
    {
        "two lengths": (OK + LENGTH + b"Content-Length: 2999\r\n\r\n" + BODY, "lengths of one answer, 2999 and 3000"),
        "two lengths in one": (OK + b"Content-Length: 3000,5\r\n\r\n" + BODY, "lengths of one answer, 5 and 3000"),
        "a coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED, "a transfer coding that was"),
        "no status": (b"HTTP/1.1 OK\r\n\r\n" + BODY, "does not answer in HTTP"),
        "a long status": (b"HTTP/1.1 2000 OK\r\n\r\n" + BODY, "does not answer in HTTP"),
        "a body alone": (b"ID3\x04" + BODY, "does not answer in HTTP"),
        "a short body alone": (b"ID3\x04", "does not answer in HTTP"),
        "an alert of TLS": (b"\x15\x03\x03\x00\x02\x02\x46", "does not answer in HTTP"),
        "an endless head": (OK + b"X: y\r\n" * (MAX_HEAD // 6), f"more than {MAX_HEAD} bytes of headers"),
        "a head that is too long": (OK + b"X: y\r\n" * (MAX_HEAD // 6) + b"\r\n", f"more than {MAX_HEAD} bytes of"),
        "interim without end": (b"HTTP/1.1 100 Go on\r\n\r\n" * 101, "answers that are not final without end"),
        "broken chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", "in chunks that are not"),
        "for websockets": (OK + b"Sec-WebSocket-Key1: x\r\n\r\n", "answers in broken HTTP"),
    }.items(),
    ids=lambda row: row[0],
)  # fmt: skip
async def test_what_nobody_can_read_is_told(row: tuple[str, tuple[bytes, str]], tmp_path: Path) -> None:
    answer, words = row[1]
    for segments in ([answer, None], [answer[:50], answer[50:], None]):
        error = await failure(segments, tmp_path)
        assert (error.kind, error.failure_class) == ("protocol", "passing")
        assert words in str(error)
        assert str(error).startswith(("127.0.0.1 ", "media.example.org "))
        assert str(error).endswith("check whether the address opens in a browser, or try again later.")


async def test_a_head_that_is_cut_off_is_a_connection_that_broke(tmp_path: Path) -> None:
    error = await failure([OK + LENGTH, None], tmp_path)
    assert error.kind == "connection"
    assert "3000" not in str(error)


async def test_the_last_chunk_may_end_the_connection(tmp_path: Path) -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    await assert_whole([head + CHUNKED[:-2], None], tmp_path)
    await assert_whole([head, *single_bytes(CHUNKED[:-2]), None], tmp_path)


@pytest.mark.parametrize("has_ended", [True, False])
async def test_only_an_end_of_the_connection_ends_a_body_without_length(*, has_ended: bool) -> None:
    """Where TLS is closed, an error may follow: the server does not wait for the goodbye of the other end."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    with contextlib.closing(theirs):
        transport, protocol = await loop.create_connection(lambda: LenientHandler(loop), sock=ours)
        with contextlib.closing(transport):
            protocol.set_response_params(read_until_eof=True)
            protocol.data_received(OK + b"\r\n" + BODY)
            if has_ended:
                protocol.eof_received()
            protocol.connection_lost(ConnectionResetError())
            assert protocol.exchange
            assert protocol.exchange.body
            with contextlib.nullcontext() if has_ended else pytest.raises(aiohttp.ClientPayloadError):
                assert await protocol.exchange.body.read() == BODY


@pytest.mark.parametrize("end", [b"\r\n", b"\r\n0", b"\r\n0\r", b"\r\n10\r\n", b"\r\n5\r\nxx0\r\n", b"\r\n90\r\n0\r\n"])
async def test_without_the_last_chunk_a_body_is_cut_off(end: bytes, tmp_path: Path) -> None:
    error = await failure([OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED[:-7] + end, None], tmp_path)
    assert (error.kind, error.failure_class) == ("incomplete", "passing")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (OK + LENGTH + b"\r\n", BODY),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNKED),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNKED[:-2] + b"Trailer: x\r\n\r\n"),
    ],
    ids=["counted", "chunked", "trailers"],
)
@pytest.mark.parametrize(
    "surplus",
    [bytes(3000), b"\0", b"H", OK + b"X: y\r\n", OK + b"Content-Length: 0\r\n\r\n", OK + LENGTH + b"\r\nx", b"\r\nx"],
    ids=["zeros", "zero", "letter", "half an answer", "an answer", "an answer with a body", "a line"],
)
@pytest.mark.parametrize("where", ["at once", "with the end", "behind the end"])
async def test_surplus_is_dropped_with_its_connection(where: str, surplus: bytes, head: bytes, body: bytes) -> None:
    segments = {
        "at once": [head + body + surplus],
        "with the end": [head, body[:-1], body[-1:] + surplus],
        "behind the end": [head, body, surplus],
    }[where]
    async with host(segments, [OK + b"Content-Length: 2\r\n\r\nok"]) as server, asking() as client:
        answer = await client.ask(Request(server.address), aiohttp.ClientTimeout(total=10))
        assert await answer.read() == BODY
        while where == "behind the end" and not surplus_of(answer):
            # Nobody can know of it when the body ends.
            await asyncio.sleep(0.01)
        assert surplus_of(answer)
        second = await client.ask(Request(server.address), aiohttp.ClientTimeout(total=10))
        assert (await second.read(), surplus_of(second)) == (b"ok", False)
        assert server.connections == 2


@contextlib.asynccontextmanager
async def asking(**more: object) -> AsyncIterator[Client]:
    values = {name: value for name, value in vars(defaults).items() if name.startswith("PODCRAWLER_")}
    crawler = get_crawler(settings_dict={**values, "PODCRAWLER_ALLOW_HOSTS": "127.0.0.1 localhost", **more})
    # No crawl, and so no node: the guard looks for one in the engine.
    crawler.engine = SimpleNamespace(scheduler=None)  # type: ignore[assignment]
    client = Client(crawler.settings, Guard(crawler))
    try:
        yield client
    finally:
        await client.close()


async def bodies(server: Host, *methods: str) -> list[bytes]:
    """Of the answers to requests one after the other."""
    found = []
    async with asking() as client:
        for method in methods:
            answer = await client.ask(Request(server.address, method=method), aiohttp.ClientTimeout(total=10))
            found.append(await answer.read())
            assert not surplus_of(answer)
    return found


@pytest.mark.parametrize("dirt", [b"", b"no colon\r\n"])
async def test_a_connection_is_used_again(dirt: bytes) -> None:
    counted = OK + dirt + LENGTH + b"\r\n" + BODY
    chunked = OK + dirt + b"Transfer-Encoding: chunked\r\n\r\n"
    none = b"HTTP/1.1 204 None\r\n" + dirt + b"\r\n"
    unchanged = b"HTTP/1.1 304 Unchanged\r\n" + dirt + LENGTH + b"\r\n"
    empty = OK + dirt + b"Content-Length: 0\r\n\r\n"
    answers = [[counted], [OK + dirt + LENGTH + b"\r\n"], [chunked, CHUNKED[:9], CHUNKED[9:-1], CHUNKED[-1:]], [none]]
    async with host(*answers, [unchanged], single_bytes(empty), [chunked + CHUNKED], [counted]) as server:
        found = await bodies(server, "GET", "HEAD", "GET", "GET", "GET", "GET", "GET", "GET")
        assert found == [BODY, b"", BODY, b"", b"", b"", BODY, BODY]
        assert server.connections == 1


@pytest.mark.parametrize(
    "head",
    [
        OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_a_connection_whose_answers_may_be_told_apart_otherwise_is_not(head: bytes) -> None:
    async with host([head + CHUNKED], [OK + LENGTH + b"\r\n" + BODY]) as server:
        assert await bodies(server, "GET", "GET") == [BODY, BODY]
        assert server.connections == 2


async def test_a_body_for_head_is_surplus() -> None:
    answer = OK + LENGTH + b"\r\n" + BODY
    async with host([answer], [answer]) as server, asking() as client:
        head = await client.ask(Request(server.address, method="HEAD"), aiohttp.ClientTimeout(total=10))
        assert (await head.read(), surplus_of(head)) == (b"", True)
        whole = await client.ask(Request(server.address), aiohttp.ClientTimeout(total=10))
        assert (await whole.read(), surplus_of(whole)) == (BODY, False)


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_surplus_behind_a_body_that_is_read_slowly(is_chunked: bool) -> None:
    body = b"".join(content(6_000_000, 7))
    head = OK + (b"Transfer-Encoding: chunked\r\n\r\n" if is_chunked else b"Content-Length: 6000000\r\n\r\n")
    sent = b"".join(b"%x\r\n%b\r\n" % (len(block), bytes(block)) for block in content(6_000_000, 7)) + b"0\r\n\r\n"
    answers = [[head + (sent if is_chunked else body) + bytes(5000)], [OK + b"Content-Length: 2\r\n\r\nok"]]
    async with host(*answers) as server, asking() as client:
        answer = await client.ask(Request(server.address), aiohttp.ClientTimeout(total=60))
        found = bytearray()
        while block := await answer.content.read(100_000):
            found += block
            # As long as it takes aiohttp to stop reading.
            await asyncio.sleep(0.001)
        assert found == body
        assert surplus_of(answer)
        second = await client.ask(Request(server.address), aiohttp.ClientTimeout(total=10))
        assert await second.read() == b"ok"
        assert server.connections == 2


async def test_surplus_that_comes_while_reading_is_paused() -> None:
    # aiohttp stops when it has more than 1 MiB, which the last byte of the body makes, so that what is behind that came
    # along with it: the parser has not seen the end of the body then.
    body = b"".join(content(2**20 + 1, 7))
    answers = [[OK + b"Content-Length: 1048577\r\n\r\n" + body + b"x"], [OK + b"Content-Length: 2\r\n\r\nok"]]
    async with host(*answers) as server, asking() as client:
        answer = await client.ask(Request(server.address), aiohttp.ClientTimeout(total=20))
        while not surplus_of(answer):
            await asyncio.sleep(0.01)
        assert await answer.read() == body
        second = await client.ask(Request(server.address), aiohttp.ClientTimeout(total=10))
        assert await second.read() == b"ok"
        assert server.connections == 2


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [OK, LENGTH, b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 100\r\n\r\n", b"\r\n", b"X: y\r\n", BODY, CHUNKED]
        )
        | st.sampled_from(
            [b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n"]
        )
        | st.binary(max_size=20),
        max_size=9,
    )
)
def test_whatever_comes_ends_in_an_answer_or_an_error_of_the_network(segments: list[bytes]) -> None:
    async def ask() -> None:
        async with host([*segments, None], [*segments, None]) as server, asking() as client:
            with contextlib.suppress(aiohttp.ClientError):
                answer = await client.ask(Request(server.address), aiohttp.ClientTimeout(total=20))
                await answer.read()

    asyncio.run(ask())


async def test_what_a_server_sends_unasked_comes_first() -> None:
    """Some answer 408 before a request that comes late."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            writer.write(b"HTTP/1.1 408 Too late\r\nno colon\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await reader.read()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, asking() as client:
        port = server.sockets[0].getsockname()[1]
        answer = await client.ask(Request(f"http://127.0.0.1:{port}/"), aiohttp.ClientTimeout(total=10))
        assert answer.status == 408


async def test_a_proxy_that_is_not_quite_right_opens_a_tunnel(certificate: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        far_reader, far_writer = await asyncio.open_connection(*target.split(":"))
        writer.write(b"HTTP/1.0  200\nno colon\n\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)

    with running("--certificate", str(certificate)) as origin:
        tunnels = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with tunnels as server, asking(DOWNLOAD_VERIFY_CERTIFICATES=False) as client:
            proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            request = Request(f"{origin.address}/bytes/3000.mp3?seed=5", meta={"proxy": proxy})
            answer = await client.ask(request, aiohttp.ClientTimeout(total=10))
            assert await answer.read() == BODY


async def test_values_are_kept_byte_for_byte() -> None:
    location = "/Møller.mp3".encode() + b"\xe9" + b"x" * 9000
    head = b"HTTP/1.1 302 Found\r\nno colon\r\nLocation:" + location + b"\r\nContent-Length: 0\r\n\r\n"
    async with host([head]) as server:
        response = await fetch(server.address)
        assert response.headers["Location"] == location


async def test_an_aiohttp_that_makes_its_protocols_otherwise_is_refused() -> None:
    """Leans on BaseConnector._factory."""
    async with aiohttp.TCPConnector() as connector:
        teach(connector)
        with pytest.raises(UnsupportedAiohttpError, match=r"^aiohttp [\d.]+ is not supported"):
            # Another protocol than aiohttp's own: ours, for example.
            teach(connector)
        del connector._factory
        with pytest.raises(UnsupportedAiohttpError):
            teach(connector)


async def remarks(answer: Sequence[bytes | None], folder: Path) -> list[str]:
    """What is remarked of an answer that ends as the file."""
    async with host(answer) as server:
        response, _, digest = await download(server.address, folder)
    assert digest == hashlib.sha256(BODY).hexdigest()
    assert isinstance(response, MediaResponse)
    return response.received.remarks


async def test_what_is_odd_is_remarked(tmp_path: Path) -> None:
    surplus = "127.0.0.1 sent more bytes than the file has, which were left out."
    lie = "127.0.0.1 called the file compressed, which it is not."
    coded = OK + LENGTH + b"Content-Encoding: gzip\r\n\r\n"
    assert await remarks([OK + LENGTH + b"\r\n" + BODY], tmp_path) == []
    assert await remarks([OK + LENGTH + b"\r\n" + BODY + bytes(9)], tmp_path) == [surplus]
    assert await remarks([coded + BODY], tmp_path) == [lie]


async def test_the_length_of_a_compressed_body_may_be_that_of_the_file(tmp_path: Path) -> None:
    coded = OK + LENGTH + b"Content-Encoding: gzip\r\n\r\n"
    body = gzip.compress(BODY[:1000] * 3)
    async with host([coded + body, None]) as server:
        _, part, digest = await download(server.address, tmp_path)
    assert (part.received, digest) == (3000, hashlib.sha256(BODY[:1000] * 3).hexdigest())
    error = await failure([coded + body[:-3], None], tmp_path)
    assert (error.kind, error.failure_class) == ("incomplete", "passing")
