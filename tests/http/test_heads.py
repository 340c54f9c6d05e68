"""Heads, rewritten, against aiohttp's own parser: what that reads it must read the same afterwards."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError, HttpResponseParser, RawResponseMessage
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.http.heads import END, UnreadableAnswerError, tidied

#: What heads are made of, right and wrong.
PIECES = [
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 None\r\n", b"HTTP/1.1 304 \xe9\n", b"ICY 200 OK\r\n", b"http/1 200\n"),
    *(b"Content-Length: 10\r\n", b"content-length:10 \r\n", b"Content-Length: 010, 10\r\n", b"Content-Length: -1\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"transfer-encoding: Chunked \r\n", b"Transfer-Encoding: gzip\r\n"),
    *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    *(b"X: \xc3\xa9\xe9\x01 y\t\r\n", b"X:\r\n", b"X : y\r\n", b"X y: z\r\n", b": x\r\n", b"words\r\n", b" folded\r\n"),
    *(b"\r", b"\n", b"\r\n", b" ", b":", b"\0"),
]  # fmt: skip
HEADS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=8).map(b"".join)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    found = asyncio.new_event_loop()
    yield found
    found.close()


def parsed(head: bytes, loop: asyncio.AbstractEventLoop) -> tuple[object, ...] | None:
    """What aiohttp makes of a head that is all of a message; None if it refuses it."""
    parser = HttpResponseParser(ResponseHandler(loop), loop, 2**16, read_until_eof=True)
    try:
        messages, _, _ = parser.feed_data(head)
    except HttpProcessingError:
        return None
    if len(messages) != 1:
        return None
    message: RawResponseMessage = messages[0][0]
    return (
        message.version,
        message.code,
        (message.reason or "").rstrip(),
        {(name.lower(), b" ".join(value.lower().split())) for name, value in message.raw_headers},
        message.should_close,
        message.chunked,
    )


def cut(raw: bytes) -> bytes:
    """The first head in there."""
    raw = raw.lstrip(b"\r\n") + b"\r\n\r\n"
    end = END.search(raw)
    return raw[: end.end()] if end else raw


@given(st.sampled_from(PIECES[:3]), HEADS)
def test_what_the_parser_reads_it_reads_the_same(loop: asyncio.AbstractEventLoop, status: bytes, more: bytes) -> None:
    raw = cut(status + more)
    before = parsed(raw, loop)
    # It takes any transfer coding, and all that is folded, for one that ends with the connection.
    has_coding = b"transfer-encoding" in raw.lower()
    if before is not None and not (has_coding and re.search(rb"gzip|\n[ \t]", raw)):
        assert parsed(tidied(raw).raw, loop) == before


@given(HEADS)
def test_what_is_no_head_is_refused_in_one_way(loop: asyncio.AbstractEventLoop, raw: bytes) -> None:
    try:
        head = tidied(cut(raw))
    except UnreadableAnswerError:
        return
    assert parsed(head.raw, loop) is not None
    assert tidied(head.raw).raw == head.raw
