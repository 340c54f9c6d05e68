"""A misbehaving web server, for tests and measurements: ``python -m tests.origin`` prints its address in one line.

The address asked for tells what to do wrong:

``/bytes/<n>.<ext>``   n bytes (see ``content``), as ``audio/mpeg`` or ``type=...``
``/feed.xml``          an RSS feed of ``episodes`` items, newest first, whose enclosures are ``/bytes/<size>.mp3`` here;
                       all other parameters go to the enclosures
``/requests``          the requests so far, as JSON: ``{"requests": [{method, path, headers}], "counts": {path: n}}``
``/release``           lets every transfer that stalls go on, now and until ``/reset``
``/reset``             forgets all requests and the release

Parameters of ``/bytes``: ``seed=<int>`` other bytes; ``status=<code>``; ``fail_first=<n>`` 503 for the first n requests
of this very address; ``redirect=<n>`` n redirects before; ``truncate=<k>`` close after k bytes
of the n that were promised; ``chunked=1``; ``no_length=1`` the end of the connection ends the body; ``stall_after=<k>``
wait for ``/release`` after k bytes; ``rate=<bytes per second>``; ``gzip=1`` really compressed (implies chunked);
``coding=<text>`` only the header Content-Encoding, a lie.

It is an HTTP proxy too: an absolute address is served as if it were its own, whatever the host, and CONNECT makes a
tunnel. Both are listed in ``/requests`` with the target as it came.
"""

import asyncio
import contextlib
import http.client
import json
import random
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

#: A prime, so that no two blocks of a body are the same and every byte at a wrong place shows.
PERIOD = 65_521
_BLOCK = 256 * 1024


def content(size: int, seed: int = 0, start: int = 0) -> Iterator[memoryview]:
    """Bytes ``start`` to ``size`` of the body of that seed: ``random.Random(seed).randbytes(PERIOD)`` over and over."""
    pattern = _pattern(seed)
    while start < size:
        offset = start % PERIOD
        block = pattern[offset : offset + min(_BLOCK, size - start)]
        yield block
        start += len(block)


@lru_cache
def _pattern(seed: int) -> memoryview:
    return memoryview(random.Random(seed).randbytes(PERIOD) * (_BLOCK // PERIOD + 2))


@dataclass
class Query:
    """The parameters of an address."""

    values: dict[str, str]

    def number(self, name: str, default: int = 0) -> int:
        return int(self.values.get(name, default))

    def __contains__(self, name: str) -> bool:
        return name in self.values


@dataclass
class Request:
    method: str
    #: As it came: a path with query, an absolute address (to a proxy), or host and port (CONNECT).
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> Query:
        return Query(dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True)))


class HangUpError(Exception):
    """Ends the connection."""


@dataclass
class Origin:
    requests: list[Request] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first request to its last."""
        try:
            while request := await _read_request(reader):
                if request.method == "CONNECT":
                    self._record(request)
                    await _tunnel(request.target, reader, writer)
                    break
                await self._answer(request, writer)
                if request.headers.get("connection", "").lower() == "close":
                    break
        except (HangUpError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        match request.path:
            case "/requests":
                await _send_page(request, writer, json.dumps(self._report()), kind="application/json")
            case "/release":
                self.released.set()
                await _send_page(request, writer, "released")
            case "/reset":
                self.requests.clear()
                self.counts.clear()
                self.released.clear()
                await _send_page(request, writer, "reset")
            case path:
                self._record(request)
                if path == "/feed.xml":
                    await _send_page(request, writer, _feed(request), kind="application/rss+xml")
                elif path.startswith("/bytes/"):
                    await self._send_bytes(request, writer)
                else:
                    await _send_page(request, writer, "no such page", status=404)

    def _record(self, request: Request) -> None:
        self.requests.append(request)
        self.counts[request.target] += 1

    def _report(self) -> dict[str, object]:
        return {
            "requests": [{"method": r.method, "path": r.target, "headers": r.headers} for r in self.requests],
            "counts": self.counts,
        }

    async def _send_bytes(self, request: Request, writer: asyncio.StreamWriter) -> None:
        query = request.query
        if redirects := query.number("redirect"):
            location = f"{request.path}?{urlencode({**query.values, 'redirect': redirects - 1})}"
            await _send_page(request, writer, "moved", status=302, more={"Location": location})
        elif self.counts[request.target] <= query.number("fail_first"):
            await _send_page(request, writer, "not yet", status=503)
        else:
            await self._send_body(request, query, writer)

    async def _send_body(self, request: Request, query: Query, writer: asyncio.StreamWriter) -> None:
        size = int(request.path.removeprefix("/bytes/").partition(".")[0])
        chunked = "chunked" in query or "gzip" in query
        headers = {"Content-Type": query.values.get("type", "audio/mpeg")}
        if "gzip" in query:
            headers["Content-Encoding"] = "gzip"
        elif "coding" in query:
            headers["Content-Encoding"] = query.values["coding"]
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif "no_length" in query:
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(size)
        writer.write(_head(query.number("status", 200), headers))
        if request.method == "HEAD":
            return
        blocks = content(min(size, query.number("truncate", size)), query.number("seed"))
        async for block in _coded(self._paced(blocks, query)) if "gzip" in query else self._paced(blocks, query):
            writer.writelines([b"%x\r\n" % len(block), block, b"\r\n"] if chunked else [block])
            await writer.drain()
        if "no_length" in query or "truncate" in query:
            raise HangUpError
        if chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _paced(self, blocks: Iterator[memoryview], query: Query) -> AsyncIterator[memoryview]:
        """The blocks, held up where the query says so."""
        until_stall = query.number("stall_after", sys.maxsize)
        rate = query.number("rate")
        for block in blocks:
            if len(block) > until_stall:
                if until_stall:
                    yield block[:until_stall]
                await self.released.wait()
                block = block[until_stall:]
                until_stall = sys.maxsize
            for piece in _pieces(block, max(1, rate // 10) if rate else len(block)):
                yield piece
                if rate:
                    await asyncio.sleep(len(piece) / rate)
            until_stall -= len(block)


def _pieces(block: memoryview, size: int) -> Iterator[memoryview]:
    for start in range(0, len(block), size):
        yield block[start : start + size]


async def _coded(blocks: AsyncIterator[memoryview]) -> AsyncIterator[bytes]:
    compressor = zlib.compressobj(wbits=31)
    async for block in blocks:
        if coded := compressor.compress(block):
            yield coded
    yield compressor.flush()


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection, None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers)


def _head(status: int, headers: dict[str, str]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unheard Of"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _send_page(
    request: Request,
    writer: asyncio.StreamWriter,
    text: str,
    *,
    status: int = 200,
    kind: str = "text/plain; charset=utf-8",
    more: dict[str, str] | None = None,
) -> None:
    body = text.encode()
    writer.write(_head(status, {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}))
    if request.method != "HEAD":
        writer.write(body)
    await writer.drain()


def _feed(request: Request) -> str:
    base = f"http://{request.headers['host']}"
    values = dict(request.query.values)
    count = int(values.pop("episodes", 3))
    size = int(values.pop("size", 1_000_000))
    title = values.pop("title", "A podcast of the origin")
    first = datetime(2024, 1, 1, tzinfo=UTC)
    items = []
    for number in range(count, 0, -1):
        enclosure = f"{base}/bytes/{size}.mp3?{urlencode({'seed': number, **values})}"
        items.append(
            f"<item><title>Episode {number}</title><guid isPermaLink='false'>episode-{number}</guid>"
            f"<pubDate>{format_datetime(first + timedelta(days=number))}</pubDate>"
            f"<enclosure url={quoteattr(enclosure)} type='audio/mpeg' length='{size}'/></item>"
        )
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n<rss version='2.0'><channel>"
        f"<title>{escape(title)}</title><link>{base}/</link><description>Bytes.</description>"
        f"{''.join(items)}</channel></rss>"
    )


async def _tunnel(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, _, port = target.rpartition(":")
    far_reader, far_writer = await asyncio.open_connection(host, int(port))
    writer.write(_head(200, {}))
    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_BLOCK):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@dataclass
class RunningOrigin:
    """A server in a child process, as its tests see it. All methods block until it answered."""

    address: str

    def requests(self) -> list[Request]:
        return [
            Request(one["method"], one["path"], one["headers"])
            for one in json.loads(self._get("/requests"))["requests"]
        ]

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self._get("/requests"))["counts"]
        return counts

    def release(self) -> None:
        self._get("/release")

    def reset(self) -> None:
        self._get("/reset")

    def _get(self, path: str) -> bytes:
        with contextlib.closing(http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=10)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read()


@contextlib.contextmanager
def running() -> Iterator[RunningOrigin]:
    """A server of its own for the time of the block."""
    # -P: the folders beside this file (queue, redis) must not stand for the modules of that name.
    with subprocess.Popen([sys.executable, "-P", __file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield RunningOrigin(process.stdout.readline().strip())
        finally:
            process.kill()


async def main() -> None:
    server = await asyncio.start_server(Origin().serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
