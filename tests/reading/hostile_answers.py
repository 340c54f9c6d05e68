"""Answers that were made to hold a node up, or to fill it, before there is a document to read: each with how it ends.

An answer is sent by a function, to a connection that has asked for it. ``here`` is the address that was asked for."""

import gzip
import socket
import sys
import time
import zlib
from collections.abc import Callable
from typing import NamedTuple

import brotli

from tests.reading.hostile import BROKEN, ONE, UNKNOWN, Ending, item, rss

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FEED = rss(item()).encode()
#: The DOWNLOAD_MAXSIZE that these are for, in bytes, and more than that.
MAX_SIZE = 12_500_000
MANY = 15_000_000
TIMEOUT: Ending = ("timeout", "did not answer in time")
PROTOCOL: Ending = ("protocol", "")
LARGE: Ending = ("too-large", f"more than {MAX_SIZE} bytes")
REDIRECTS: Ending = ("redirects", "without end")
OFF_THE_WEB: Ending = ("address", "not on the web")

Connection = socket.socket


class Answer(NamedTuple):
    send: Callable[[Connection, str], object]
    ending: Ending


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode("latin-1")


def sends(raw: bytes, ending: Ending) -> Answer:
    """Sends these bytes, and closes the connection."""
    return Answer(lambda connection, _: connection.sendall(raw), ending)


def coded(coding: str, body: Callable[[], bytes], ending: Ending) -> Answer:
    """Sends a body that is compressed."""
    return Answer(lambda connection, _: connection.sendall(head(f"Content-Encoding: {coding}") + body()), ending)


def leads(location: str, ending: Ending, status: str = "302 Found") -> Answer:
    """Redirects to a location, in which ``{here}`` is the address."""

    def send(connection: Connection, here: str) -> None:
        # Without the word that it closes the connection, the next request might be on its way already.
        leading = f"Location: {location.format(here=here)}"
        connection.sendall(head(leading, "Content-Length: 0", "Connection: close", status=status))

    return Answer(send, ending)


def page(html: str, ending: Ending) -> Answer:
    """Sends a page, in which ``{here}`` is the address."""

    def send(connection: Connection, here: str) -> None:
        connection.sendall(head("Content-Type: text/html") + html.format(here=here).encode())

    return Answer(send, ending)


def without_end(begins: bytes, piece: bytes, ending: Ending, pause: float = 0.05) -> Answer:
    """Sends a piece again and again, until the connection is closed."""

    def send(connection: Connection, _: str) -> None:
        connection.sendall(begins)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return Answer(send, ending)


def silent(begins: bytes) -> Answer:
    """Sends a beginning, and nothing more until the connection is closed."""

    def send(connection: Connection, _: str) -> None:
        connection.sendall(begins)
        connection.recv(1)

    return Answer(send, TIMEOUT)


def next_page(connection: Connection, here: str) -> None:
    """A feed that has a further page, with another entry, for ever."""
    address, _, number = here.partition("?")
    further = f"<a:link xmlns:a='http://www.w3.org/2005/Atom' rel='next' href='{address}?{int(number or 0) + 1}'/>"
    entry = f"<item><title>{number}</title><enclosure url='http://127.0.0.1:9/{number}.mp3'/></item>"
    connection.sendall(head() + rss(further + entry).encode())


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


_CHUNKED = head("Transfer-Encoding: chunked")
_NEXT = "<a:link xmlns:a='http://www.w3.org/2005/Atom' rel='next' href='{here}'/>"
ANSWERS: dict[str, Answer] = {
    # What expands.
    "a gzip bomb": coded("gzip", lambda: gzip.compress(bytes(MANY)), LARGE),
    "a gzip bomb in gzip": coded("gzip, gzip", lambda: gzip.compress(gzip.compress(bytes(MANY))), LARGE),
    "a brotli bomb": coded("br", lambda: brotli.compress(bytes(MANY), quality=1), LARGE),
    "a zstd bomb": coded("zstd", lambda: zstd.compress(bytes(MANY)), LARGE),
    "a deflate bomb": coded("deflate", lambda: zlib.compress(bytes(MANY)), LARGE),
    "a raw deflate bomb": coded("deflate", lambda: raw_deflate(bytes(MANY)), LARGE),
    "a bomb of four codings": coded(
        "zstd, br, gzip, deflate",
        lambda: zlib.compress(gzip.compress(brotli.compress(zstd.compress(bytes(MANY)), quality=1))),
        LARGE,
    ),
    # What takes time and gives nothing: some minutes, if all of it is decompressed.
    "gzip of empty members": coded("gzip", lambda: gzip.compress(b"") * 500_000, UNKNOWN),
    "zstd of empty frames": coded("zstd", lambda: zstd.compress(b"") * 1_000_000, ("unknown-page", "compressed")),
    "zstd of frames to skip": coded("zstd", lambda: b"\x50\x2a\x4d\x18\0\0\0\0" * 1_000_000, UNKNOWN),
    "deflate of empty blocks": coded("deflate", lambda: b"\x78\x9c" + b"\0\0\0\xff\xff" * 1_000_000, UNKNOWN),
    "gzip that breaks off": coded("gzip", lambda: gzip.compress(FEED)[:-9], ONE),
    "gzip that is none": coded("gzip", lambda: FEED, ONE),
    "a hundred codings": coded(", ".join(["gzip"] * 100), lambda: FEED, ONE),
    "a coding of many letters": coded("x" * 100_000, lambda: FEED, ONE),
    # What never ends.
    "a body without end": without_end(head(), bytes(1_000_000), LARGE, pause=0),
    "chunks without end": without_end(_CHUNKED, b"f4240\r\n" + b" " * 1_000_000 + b"\r\n", LARGE, pause=0),
    "a trickle": without_end(head() + FEED, b" ", TIMEOUT),
    "chunks of a byte": without_end(_CHUNKED, b"1\r\n \r\n", TIMEOUT),
    "an extension without end": without_end(_CHUNKED + b"5;", b"x" * 1000, TIMEOUT),
    "trailers without end": without_end(_CHUNKED + b"0\r\n", b"X: y\r\n" * 100, TIMEOUT),
    "headers without end": without_end(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000, PROTOCOL, pause=0),
    "a header without end": without_end(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 60_000, PROTOCOL, pause=0),
    "a slow head": without_end(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", TIMEOUT),
    "empty lines without end": without_end(b"", b"\r\n" * 1000, TIMEOUT),
    "answers that are not final": without_end(b"", head(status="103 Early Hints"), PROTOCOL, pause=0),
    "an error page without end": without_end(head(status="500 Oops"), bytes(1_000_000), ("http-500", ""), pause=0),
    "no answer": silent(b""),
    "half a head": silent(b"HTTP/1.1 200 OK\r\nContent-Len"),
    "half a body": silent(head("Content-Length: 1000") + FEED[:100]),
    # What contradicts itself, and what is no HTTP.
    "two lengths": sends(head("Content-Length: 5", "Content-Length: 6") + FEED, PROTOCOL),
    "a length of many digits": sends(head(f"Content-Length: {'9' * 10_000}") + FEED, ONE),
    "a negative length": sends(head("Content-Length: -5") + FEED, ONE),
    "a length and chunks": sends(
        head("Content-Length: 5", "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(FEED), FEED), ONE
    ),
    "less than announced": sends(head("Content-Length: 100000") + FEED, ("incomplete", "")),
    "chunks of a size that is none": sends(_CHUNKED + b"zz\r\n" + FEED, ("protocol", "chunks")),
    "chunks of a huge size": sends(_CHUNKED + b"f" * 1000 + b"\r\n" + FEED, ("protocol", "chunks")),
    "a transfer coding": sends(head("Transfer-Encoding: gzip") + FEED, PROTOCOL),
    "no HTTP": sends(b"SSH-2.0-OpenSSH_9.2\r\n" + FEED, PROTOCOL),
    "TLS": sends(b"\x15\x03\x01\x00\x02\x02\x50", PROTOCOL),
    "nothing at all": sends(b"", ("connection", "")),
    "a status of many digits": sends(b"HTTP/1.1 " + b"9" * 10_000 + b" OK\r\n\r\n" + FEED, PROTOCOL),
    "a status that nobody knows": sends(head("Content-Length: 0", status="999 No"), ("http-999", "")),
    "a header of NULs": sends(head("X: " + "\0" * 10_000, "Content-Length: 5", "\0\0: 1") + FEED[:5], BROKEN),
    "an answer behind the answer": sends(head(f"Content-Length: {len(FEED)}") + FEED + head() + FEED * 100, ONE),
    "cookies": sends(head(*(f"Set-Cookie: a{n}={'x' * 100}; Domain=.1" for n in range(1000))) + FEED, ONE),
    "a type that is none": sends(head(f"Content-Type: {'text/;' * 9_000}") + FEED, ONE),
    "an answer without a body": sends(head(status="204 No Content"), ("empty", "is an empty page; try again later")),
    # What leads in circles, or off the web.
    "a redirect to itself": leads("{here}", REDIRECTS),
    "redirects without end": leads("{here}?x", REDIRECTS, "308 Permanent Redirect"),
    "a redirect to a file": leads("file:///etc/passwd", OFF_THE_WEB),
    "a redirect to data": leads("data:text/xml,<rss/>", OFF_THE_WEB),
    "a redirect to a script": leads("javascript:alert(1)", OFF_THE_WEB),
    "a redirect to nowhere": leads("", PROTOCOL),
    "a redirect to what is none": leads("http://[::1", OFF_THE_WEB),
    "a redirect of many characters": leads("/" + "x" * 200_000, ("http-414", "")),
    "a refresh to itself": page("<html><meta http-equiv=refresh content='0; url={here}'>", REDIRECTS),
    "a new location that is itself": page("<redirect><newLocation>{here}</newLocation></redirect>", REDIRECTS),
    "a refresh to a file": page(
        "<html><meta http-equiv=refresh content='0; url=file:///etc/passwd'>", ("unknown-page", "no audio")
    ),
    "refreshes": page("<html>" + "<meta http-equiv=refresh content='9999999999;'>" * 3_000, ("unknown-page", "")),
    "a refresh in punycode": page(
        "<html><meta charset=punycode><meta http-equiv=refresh content='0; url={here}'>-" + "a9" * 500_000, REDIRECTS
    ),
    "a next page that is itself": Answer(
        lambda connection, here: connection.sendall(head() + rss(_NEXT.format(here=here) + item()).encode()), ONE
    ),
    "next pages without end": Answer(next_page, ("listed", 5)),
}
