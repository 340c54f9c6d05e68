"""A misbehaving web server, for tests and measurements: ``python -m tests.origin`` prints its address in one line.

The address asked for tells what to do wrong:

``/bytes/<n>.<ext>``   n bytes (see ``content``), as ``audio/mpeg`` or ``type=...``
``/feed.xml``          an RSS feed of ``episodes`` items, newest first, whose enclosures are ``/bytes/<size>.mp3`` here;
                       all other parameters go to the enclosures, but for ``set_cookie=<text>``; ``/<folder>/feed.xml``
                       is the same
``/robots.txt``        forbids ``/bytes/`` and ``/private/`` to everybody
``/requests``          the requests so far, as JSON: ``{"requests": [{method, path, headers, at}], "counts": {path: n},
                       "most_at_once": n}``; ``at`` is in seconds, of no particular clock
``/release``           lets every transfer that stalls go on, now and until ``/reset``
``/reset``             forgets all requests and the release

Parameters of ``/bytes``: ``seed=<int>`` other bytes; ``status=<code>``; ``fail_first=<n>`` 503 for the first n requests
of this very address; ``redirect=<n>`` n redirects before; ``truncate=<k>`` close after k bytes
of the n that were promised; ``chunked=1``; ``no_length=1`` the end of the connection ends the body; ``stall_after=<k>``
wait for ``/release`` after k bytes; ``rate=<bytes per second>``; ``gzip=1`` really compressed (implies chunked);
``coding=<text>`` only the header Content-Encoding, a lie; ``location=<address>`` a redirect to there; ``body=<base64>``
these bytes, whatever n is.

It is an HTTP proxy too: an absolute address is served as if it were its own, whatever the host, and CONNECT makes a
tunnel. Both are listed in ``/requests`` with the target as it came.

Options: ``--login USER:PASSWORD``, which a proxy's client must give (else 407); ``--certificate FILE``, to speak TLS
with that certificate and key.
"""

import argparse
import asyncio
import base64
import contextlib
import http.client
import json
import random
import ssl
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
    #: When it came, in seconds.
    at: float = 0

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def is_for_a_proxy(self) -> bool:
        return self.method == "CONNECT" or "://" in self.target

    @property
    def query(self) -> Query:
        return Query(dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True)))


class HangUpError(Exception):
    """Ends the connection."""


@dataclass
class Origin:
    #: What the header Proxy-Authorization must say; anything may, if empty.
    login: str = ""
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    #: The requests that are being answered, since the last reset.
    under_way: list[Request] = field(default_factory=list)
    most_at_once: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first request to its last."""
        try:
            while request := await _read_request(reader):
                if request.is_for_a_proxy and self.login not in request.headers.get("proxy-authorization", ""):
                    self._record(request)
                    refusal = {"Proxy-Authenticate": "Basic", "Connection": "close"}
                    await _send_page(request, writer, "who are you?", status=407, more=refusal)
                    break
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
                self.under_way = []
                self.most_at_once = 0
                await _send_page(request, writer, "reset")
            case path:
                self._record(request)
                under_way = self.under_way
                under_way.append(request)
                self.most_at_once = max(self.most_at_once, len(under_way))
                try:
                    await self._answer_recorded(path, request, writer)
                finally:
                    under_way.remove(request)

    async def _answer_recorded(self, path: str, request: Request, writer: asyncio.StreamWriter) -> None:
        if path.endswith("/feed.xml"):
            cookie = request.query.values.get("set_cookie")
            more = {"Set-Cookie": f"{cookie}; Path=/"} if cookie else {}
            await _send_page(request, writer, _feed(request, self.scheme), kind="application/rss+xml", more=more)
        elif path == "/robots.txt":
            await _send_page(request, writer, "User-agent: *\nDisallow: /bytes/\nDisallow: /private/\n")
        elif path.startswith("/bytes/"):
            await self._send_bytes(request, writer)
        else:
            await _send_page(request, writer, "no such page", status=404)

    def _record(self, request: Request) -> None:
        request.at = asyncio.get_running_loop().time()
        self.requests.append(request)
        self.counts[request.target] += 1

    def _report(self) -> dict[str, object]:
        return {
            "requests": [
                {"method": r.method, "path": r.target, "headers": r.headers, "at": r.at} for r in self.requests
            ],
            "counts": self.counts,
            "most_at_once": self.most_at_once,
        }

    async def _send_bytes(self, request: Request, writer: asyncio.StreamWriter) -> None:
        query = request.query
        if location := query.values.get("location"):
            await _send_page(request, writer, "moved", status=302, more={"Location": location})
        elif redirects := query.number("redirect"):
            location = f"{request.path}?{urlencode({**query.values, 'redirect': redirects - 1})}"
            await _send_page(request, writer, "moved", status=302, more={"Location": location})
        elif self.counts[request.target] <= query.number("fail_first"):
            await _send_page(request, writer, "not yet", status=503)
        else:
            await self._send_body(request, query, writer)

    async def _send_body(self, request: Request, query: Query, writer: asyncio.StreamWriter) -> None:
        given = base64.b64decode(query.values.get("body", ""))
        size = len(given) or int(request.path.removeprefix("/bytes/").partition(".")[0])
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
        sent = min(size, query.number("truncate", size))
        blocks = iter([memoryview(given)[:sent]]) if given else content(sent, query.number("seed"))
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


def _feed(request: Request, scheme: str) -> str:
    base = f"{urlsplit(request.target).scheme or scheme}://{request.headers['host']}"
    values = dict(request.query.values)
    values.pop("set_cookie", None)
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
    try:
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
    except OSError:
        writer.write(_head(502, {"Content-Length": "0"}))
        return
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
            Request(one["method"], one["path"], one["headers"], one["at"])
            for one in json.loads(self._get("/requests"))["requests"]
        ]

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self._get("/requests"))["counts"]
        return counts

    def most_at_once(self) -> int:
        most: int = json.loads(self._get("/requests"))["most_at_once"]
        return most

    def release(self) -> None:
        self._get("/release")

    def reset(self) -> None:
        self._get("/reset")

    def _get(self, path: str) -> bytes:
        address = urlsplit(self.address)
        made = (
            http.client.HTTPSConnection(address.netloc, timeout=10, context=ssl._create_unverified_context())
            if address.scheme == "https"
            else http.client.HTTPConnection(address.netloc, timeout=10)
        )
        with contextlib.closing(made) as connection:
            connection.request("GET", path)
            return connection.getresponse().read()


@contextlib.contextmanager
def running(*options: str) -> Iterator[RunningOrigin]:
    """A server of its own for the time of the block, with these options of the command line."""
    # -P: the folders beside this file (queue, redis) must not stand for the modules of that name.
    with subprocess.Popen([sys.executable, "-P", __file__, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield RunningOrigin(process.stdout.readline().strip())
        finally:
            process.kill()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--login", default="")
    parser.add_argument("--certificate")
    options = parser.parse_args()
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate)
    origin = Origin(login=base64.b64encode(options.login.encode()).decode(), scheme="https" if tls else "http")
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0, ssl=tls)
    host = "localhost" if tls else "127.0.0.1"
    print(f"{origin.scheme}://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
