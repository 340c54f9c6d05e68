"""A misbehaving web server, for tests and measurements: ``python -m tests.origin`` prints its address in one line.

The address asked for tells what to do wrong:

``/bytes/<n>.<ext>``   n bytes (see ``content``), as ``audio/mpeg`` or ``type=...``, with ETag and Last-Modified;
                       Range and If-Range are honoured
``/feed.xml``          an RSS feed of ``episodes`` items, newest first, whose enclosures are ``/bytes/<size>.mp3`` here;
                       all other parameters go to the enclosures, but for ``set_cookie=<text>``, ``pages=<n>``, so
                       many pages that it is cut into, each leading to the next, ``endless_pages=1``, each of them the
                       whole feed, ``oldest_first=1``, the pages from the other end, ``details=1``, whose episode k has
                       k minutes, k times the bytes, is of season 1 or, from the fifth on, 2, and a trailer if it is
                       the first of its season, and ``stall_page=<n>``, whose page n waits for ``/release``;
                       ``/<folder>/feed.xml`` is the same
``/robots.txt``        forbids ``/bytes/`` and ``/private/`` to everybody
``/requests``          the requests so far, as JSON: ``{"requests": [{method, path, headers, at}], "counts": {path: n},
                       "sent": {path: bytes of bodies}, "connections": n, "most_at_once": n,
                       "most_at_host": {name: n}}``; ``at`` is in seconds, of no particular clock; a name is that of the
                       origin in the requests
``/release``           lets every transfer that stalls go on, now and until ``/reset``
``/reset``             forgets all requests and the release

Parameters of ``/bytes``:

- what the file is: ``seed=<int>`` other bytes; ``zeros=1`` nothing but zeros; ``silence=1`` the header of
  an MPEG frame and zeros; ``body=<base64>`` these, whatever n is,
  or ``packed=<base64>``, where zlib has compressed them;
  ``etag=<text>`` and ``modified=<text>`` other validators, or none if empty; ``changes=1`` another file, with another
  ETag, for each request;
- answers that are not the file: ``status=<code>``; ``fail_first=<n>`` 503 for the first n requests of this very
  address; both with ``retry_after=<text>``; ``redirect=<n>`` n redirects before; ``redirect_loop=1``;
  ``location=<address>`` a redirect to there; ``html=1`` a web page in its place;
- lengths: ``truncate=<k>`` close after k bytes of those that were promised; ``surplus=<k>`` k bytes more than promised;
  ``chunked=1``; ``no_length=1`` the end of the connection ends the body, ``reset=1`` as when the server crashes;
  ``endless=1`` chunked, and never done;
- what is no byte of the file: ``extended=<k>`` an extension of k bytes for each chunk; ``then=<what>`` after the body
  (or ``truncate`` bytes of it), 20,000 bytes a second for ever: ``extension`` of a chunk, ``trailers``, or ``members``
  of gzip that are empty;
- time: ``stall_head=1`` wait for ``/release`` before anything; ``head_rate=<bytes per second>``; ``stall_after=<k>``
  wait after k bytes; ``rate=<bytes per second>``;
- codings: ``gzip=1`` really compressed (implies chunked), ``compress=<br or zstd>`` likewise; ``coding=<text>`` only
  the header Content-Encoding, a lie;
- ranges: ``no_ranges=1`` none; ``refuse_ranges=<code>``; ``ignore_if_range=1``; ``range_shift=<k>`` from k bytes
  further on; ``range_total=<n>`` of a file of n bytes; ``range_whole=1`` the whole file, chunked, under the head of
  what was asked for; ``content_range=<text>`` as the header Content-Range; ``on_range=<what>``: ``hangup`` no answer,
  ``nothing`` the head of an answer, ``page`` a web page, ``loop`` a redirect to itself, ``rest`` the rest under status
  200, ``poison`` the same, and to everybody from then on;
- heads: ``head=<base64>`` this one, as it is, in place of its own, before the body of a 200; ``tail=<base64>`` these
  bytes after the body; both close the connection; ``long_fields=<n>`` n fields of 8,000 bytes each in the head;
- hosts: ``at_host=<name>`` a redirect to the same address at this name of the origin;
- ``only_first=<n>``: all of these, but what the file is and how ranges are served, for the first n requests of this
  very address only.

It is an HTTP proxy too: an absolute address is served as if it were its own, whatever the host, and CONNECT makes a
tunnel. Both are listed in ``/requests`` with the target as it came.

Options: ``--login USER:PASSWORD``, which a proxy's client must give (else 407); ``--certificate FILE``, to speak TLS
with that certificate and key; ``--host ADDRESS`` to listen on in place of 127.0.0.1, such as ::1.
"""

import argparse
import asyncio
import base64
import contextlib
import gzip
import http.client
import json
import random
import socket
import ssl
import struct
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
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: A prime, so that no two blocks of a body are the same and every byte at a wrong place shows.
PERIOD = 65_521
_BLOCK = 256 * 1024
_ZEROS = memoryview(bytes(_BLOCK))
_MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"
#: The parameters that ``only_first`` does not limit.
_ALWAYS = {"seed", "zeros", "silence", "body", "packed", "type", "etag", "modified", "changes"} | {
    "no_ranges",
    "refuse_ranges",
    "ignore_if_range",
    "range_shift",
    "range_total",
    "range_whole",
    "on_range",
}


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
    def host(self) -> str:
        """The name that the server was asked by."""
        return self.headers.get("host", "").rpartition(":")[0]

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
    #: Bytes of bodies of ``/bytes``, by target.
    sent: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    #: From which byte on an address is sent to everybody, whatever they ask for.
    _poisoned: dict[str, str] = field(default_factory=dict)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    #: The requests that are being answered, since the last reset.
    under_way: list[Request] = field(default_factory=list)
    most_at_once: int = 0
    most_at_host: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first request to its last."""
        self.connections += 1
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
                self.sent.clear()
                self.connections = 0
                self.released.clear()
                self.under_way = []
                self.most_at_once = 0
                self.most_at_host.clear()
                await _send_page(request, writer, "reset")
            case path:
                self._record(request)
                under_way = self.under_way
                under_way.append(request)
                self.most_at_once = max(self.most_at_once, len(under_way))
                at_host = sum(other.host == request.host for other in under_way)
                self.most_at_host[request.host] = max(self.most_at_host[request.host], at_host)
                try:
                    await self._answer_recorded(path, request, writer)
                finally:
                    under_way.remove(request)

    async def _answer_recorded(self, path: str, request: Request, writer: asyncio.StreamWriter) -> None:
        if path.endswith("/feed.xml"):
            if request.query.values.get("stall_page") == request.query.values.get("page", "1"):
                await self.released.wait()
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
            "sent": self.sent,
            "connections": self.connections,
            "most_at_once": self.most_at_once,
            "most_at_host": self.most_at_host,
        }

    async def _send_bytes(self, request: Request, writer: asyncio.StreamWriter) -> None:
        query = request.query
        count = self.counts[request.target]
        if count > query.number("only_first", sys.maxsize):
            query = Query({name: value for name, value in query.values.items() if name in _ALWAYS})
        more = {"Retry-After": query.values["retry_after"]} if "retry_after" in query else {}
        if "stall_head" in query:
            await self.released.wait()
        if name := query.values.pop("at_host", ""):
            place = f"{self.scheme}://{name}:{request.headers['host'].rpartition(':')[2]}{request.path}"
            await _send_page(
                request, writer, "moved", status=302, more={"Location": f"{place}?{urlencode(query.values)}"}
            )
        elif "range" in request.headers and (what := query.values.get("on_range")):
            await self._answer_range(what, request, query, writer)
        elif start := self._poisoned.get(request.target):
            await self._send_body(request, Query({**query.values, "from": start}), writer, more)
        elif location := query.values.get("location"):
            await _send_page(request, writer, "moved", status=302, more={"Location": location})
        elif "redirect_loop" in query:
            await _send_page(request, writer, "moved", status=302, more={"Location": request.target})
        elif redirects := query.number("redirect"):
            location = f"{request.path}?{urlencode({**query.values, 'redirect': redirects - 1})}"
            await _send_page(request, writer, "moved", status=302, more={"Location": location})
        elif count <= query.number("fail_first"):
            await _send_page(request, writer, "not yet", status=503, more=more)
        elif "html" in query:
            kind = query.values.get("type", "text/html")
            await _send_page(request, writer, "<!DOCTYPE html><title>Sorry</title><p>No audio here.", kind=kind)
        else:
            await self._send_body(request, query, writer, more)

    async def _answer_range(self, what: str, request: Request, query: Query, writer: asyncio.StreamWriter) -> None:
        match what:
            case "hangup":
                raise HangUpError
            case "page":
                await _send_page(request, writer, "<!DOCTYPE html><title>Sorry</title><p>No parts here.")
            case "loop":
                await _send_page(request, writer, "moved", status=302, more={"Location": request.target})
            case "nothing":
                await self._send_body(request, Query({**query.values, "truncate": "0"}), writer, {})
            case _:
                start = request.headers["range"].removeprefix("bytes=").partition("-")[0]
                if what == "poison":
                    self._poisoned[request.target] = start
                await self._send_body(request, Query({**query.values, "from": start}), writer, {})

    async def _send_body(
        self, request: Request, query: Query, writer: asyncio.StreamWriter, more: dict[str, str]
    ) -> None:
        size = sys.maxsize if "endless" in query else int(request.path.removeprefix("/bytes/").partition(".")[0])
        file = _File(size, query, self.counts[request.target])
        size = file.size
        first = None if "from" in query else file.range_start(request, query)
        if refused := file.refusal(first, query):
            await _send_page(request, writer, "no such range", status=refused, more=file.validators)
            return
        coding = "gzip" if "gzip" in query else query.values.get("compress", "")
        chunked = "chunked" in query or bool(coding) or "endless" in query
        headers = {"Content-Type": query.values.get("type", "audio/mpeg"), **file.validators, **more}
        status = query.number("status", 200)
        headers |= {f"X-{number}": "x" * 8000 for number in range(query.number("long_fields"))}
        if first is not None:
            status = 206
            first += query.number("range_shift")
            headers["Content-Range"] = f"bytes {first}-{size - 1}/{query.number('range_total', size)}"
            if "range_whole" in query:
                first, chunked = 0, True
        elif "content_range" in query:
            headers["Content-Range"] = query.values["content_range"]
        first = first or query.number("from")
        if coding:
            headers["Content-Encoding"] = coding
        elif "coding" in query:
            headers["Content-Encoding"] = query.values["coding"]
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif "no_length" in query:
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(size - first)
        head = base64.b64decode(query.values.get("head", "")) or _head(status, headers)
        await _send_head(writer, head, query.number("head_rate"))
        if request.method == "HEAD":
            return
        end = min(size, first + query.number("truncate", size)) + query.number("surplus")
        blocks = self._paced(file.blocks(first, end), query)
        extension = b";" + b"x" * query.number("extended") if "extended" in query else b""
        async for block in _coded(blocks, coding) if coding else blocks:
            writer.writelines([b"%x%b\r\n" % (len(block), extension), block, b"\r\n"] if chunked else [block])
            self.sent[request.target] += len(block)
            await writer.drain()
        if what := query.values.get("then"):
            await _go_on(what, writer)
        if "reset" in query:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        if {"no_length", "truncate", "surplus"} & query.values.keys():
            raise HangUpError
        if chunked:
            writer.write(b"0\r\n\r\n")
        writer.write(base64.b64decode(query.values.get("tail", "")))
        await writer.drain()
        if {"head", "tail"} & query.values.keys():
            raise HangUpError

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
                if rate:
                    # Before it: with the last one the answer is over, for whoever counts those under way.
                    await asyncio.sleep(len(piece) / rate)
                yield piece
            until_stall -= len(block)


async def _go_on(what: str, writer: asyncio.StreamWriter) -> None:
    """Send what is no byte of a file, until the connection closes."""
    member = gzip.compress(b"") * 50
    begins, piece = {
        "extension": (b"5;", b"x" * 1000),
        "trailers": (b"0\r\n", b"X: y\r\n" * 160),
        "members": (b"", b"%x\r\n%b\r\n" % (len(member), member)),
    }[what]
    writer.write(begins)
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.05)


class _File:
    """What is behind an address of ``/bytes``, as the ``count``-th request for it finds it."""

    def __init__(self, size: int, query: Query, count: int) -> None:
        packed = query.values.get("packed")
        given = zlib.decompress(base64.b64decode(packed)) if packed else base64.b64decode(query.values.get("body", ""))
        self._given = memoryview(given)
        self.size = size = len(self._given) or size
        self._zeros = "zeros" in query or "silence" in query
        self._begins = b"\xff\xfb\x90\xc4" if "silence" in query else b""
        self._seed = query.number("seed") + (count - 1 if "changes" in query else 0)
        validators = {
            "ETag": query.values.get("etag", f'"{size}-{self._seed}"'),
            "Last-Modified": query.values.get("modified", _MODIFIED),
        }
        #: And the time, without which a date proves nothing.
        self.validators = {name: value for name, value in validators.items() if value}
        self.validators["Date"] = format_datetime(datetime.now(UTC), usegmt=True)

    def blocks(self, start: int, end: int) -> Iterator[memoryview]:
        if self._given:
            yield self._given[start:end]
            return
        if not self._zeros:
            yield from content(end, self._seed, start)
            return
        if begins := memoryview(self._begins)[start:end]:
            yield begins
        for at in range(start + len(begins), end, _BLOCK):
            yield _ZEROS[: min(_BLOCK, end - at)]

    def range_start(self, request: Request, query: Query) -> int | None:
        """The first byte that is asked for; None if the whole file is to be sent (RFC 9110 §13.1.5, §14.2)."""
        asked = request.headers.get("range", "")
        if not asked.startswith("bytes=") or "no_ranges" in query:
            return None
        condition = request.headers.get("if-range")
        known = (self.validators.get("ETag"), self.validators.get("Last-Modified"))
        if condition is not None and condition not in known and "ignore_if_range" not in query:
            return None
        return int(asked.removeprefix("bytes=").partition("-")[0])

    def refusal(self, first: int | None, query: Query) -> int:
        """The status that a range is refused with; 0 if it is not."""
        if first is None:
            return 0
        return query.number("refuse_ranges") or (416 if first >= self.size else 0)


def _pieces(block: memoryview, size: int) -> Iterator[memoryview]:
    for start in range(0, len(block), size):
        yield block[start : start + size]


async def _coded(blocks: AsyncIterator[memoryview], coding: str) -> AsyncIterator[bytes]:
    if coding == "br":
        # All at once: its compressor has another form than the others.
        yield brotli.compress(b"".join([block async for block in blocks]), quality=1)
        return
    compressor = zstd.ZstdCompressor() if coding == "zstd" else zlib.compressobj(wbits=31)
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


async def _send_head(writer: asyncio.StreamWriter, head: bytes, rate: int) -> None:
    for piece in _pieces(memoryview(head), max(1, rate // 10) if rate else len(head)):
        writer.write(piece)
        await writer.drain()
        if rate:
            await asyncio.sleep(len(piece) / rate)


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
    values.pop("stall_page", None)
    pages, page = int(values.pop("pages", 1)), int(values.pop("page", 1))
    is_backwards = bool(values.pop("oldest_first", ""))
    has_details = bool(values.pop("details", ""))
    is_endless = bool(values.pop("endless_pages", ""))
    count = int(values.pop("episodes", 3))
    size = int(values.pop("size", 1_000_000))
    title = values.pop("title", "A podcast of the origin")
    episode = values.pop("episode", "Episode")
    first = datetime(2024, 1, 1, tzinfo=UTC)
    items = []
    numbers = range(1, count + 1) if is_backwards else range(count, 0, -1)
    for number in numbers if is_endless else numbers[(page - 1) * count // pages : page * count // pages]:
        length = size * number if has_details else size
        enclosure = f"{base}/bytes/{length}.mp3?{urlencode({'seed': number, **values})}"
        items.append(
            f"<item><title>{escape(episode)} {number}</title><guid isPermaLink='false'>episode-{number}</guid>"
            f"<pubDate>{format_datetime(first + timedelta(days=number))}</pubDate>"
            f"{_details(number) if has_details else ''}"
            f"<enclosure url={quoteattr(enclosure)} type='audio/mpeg' length='{length}'/></item>"
        )
    further = ""
    if page < pages or is_endless:
        address = f"{request.path}?{urlencode({**request.query.values, 'page': page + 1})}"
        further = f"<atom:link rel='next' href={quoteattr(base + address)}/>"
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom' "
        "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel>"
        f"<title>{escape(title)}</title><link>{base}/</link><description>Bytes.</description>{further}"
        f"{''.join(items)}</channel></rss>"
    )


def _details(number: int) -> str:
    season, kind = (2 if number >= 5 else 1), ("trailer" if number in (1, 5) else "full")
    return (
        f"<description>About {'sea' if number % 2 else 'land'}</description><itunes:season>{season}</itunes:season>"
        f"<itunes:episodeType>{kind}</itunes:episodeType><itunes:duration>{number}:00</itunes:duration>"
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


def _trusting_context() -> ssl.SSLContext:
    """A TLS context that checks no certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass
class RunningOrigin:
    """A server in a child process, as its tests see it. All methods block until it answered."""

    address: str

    def requests(self) -> list[Request]:
        return [Request(one["method"], one["path"], one["headers"], one["at"]) for one in self._report("requests")]

    def counts(self) -> dict[str, int]:
        return dict(self._report("counts"))

    def sent(self) -> dict[str, int]:
        """Bytes of bodies, by path."""
        return dict(self._report("sent"))

    def connections(self) -> int:
        return int(self._report("connections"))

    def most_at_once(self) -> int:
        return int(self._report("most_at_once"))

    def most_at_host(self) -> dict[str, int]:
        """The most requests at once, by the name that the server was asked by."""
        return dict(self._report("most_at_host"))

    def _report(self, name: str) -> Any:
        return json.loads(self._get("/requests"))[name]

    def release(self) -> None:
        self._get("/release")

    def reset(self) -> None:
        self._get("/reset")

    def _get(self, path: str) -> bytes:
        address = urlsplit(self.address)
        made = (
            http.client.HTTPSConnection(address.netloc, timeout=10, context=_trusting_context())
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
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate)
    origin = Origin(login=base64.b64encode(options.login.encode()).decode(), scheme="https" if tls else "http")
    server = await asyncio.start_server(origin.serve, options.host, 0, ssl=tls)
    host = "localhost" if tls else f"[{options.host}]" if ":" in options.host else options.host
    print(f"{origin.scheme}://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
