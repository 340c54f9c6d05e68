"""Teaches aiohttp's client to read what every browser reads, and to be strict where that matters.

aiohttp's parser (llhttp) has no options for most of what hosts get wrong. A second client for them (libcurl) would
double TLS, proxies, timeouts and the checks of addresses, and itself refuses lines without a colon and ICY. So the one
parser stays, and this protocol stands before it: it collects a head, has heads.py put it right, and feeds that; of the
body it feeds what belongs to it. What comes beyond is *surplus*: it is dropped, and the connection is closed.

Leans on one private name of aiohttp, ``BaseConnector._factory``, which makes the protocols of its connections. Without
it, heads that are not quite right would be refused.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader
from typing_extensions import override

from podcrawler.exceptions import UnsupportedAiohttpError
from podcrawler.http.heads import END, MAX_HEAD, UnreadableAnswerError, assert_begins, tidied

#: What a chunked body ends with: an empty line, be it that of its trailers (RFC 9112 §7.1).
_ENDS = (b"\n\r\n", b"\n\n")
#: The chunk that is the last one, behind another. In a file these bytes are at any one place once in 2**40.
_LAST_CHUNK = b"\r\n0\r\n"
#: Answers of 1xx before the final one. Few servers send any.
_MAX_INTERIM = 100
#: What LenientHandler overrides, and aiohttp calls.
_METHODS = ("set_response_params", "data_received", "feed_data", "eof_received", "connection_lost")


class MalformedBodyError(aiohttp.ClientPayloadError):
    """Raised when the chunks of a body cannot be told apart."""


@dataclass(slots=True, eq=False)
class Exchange:
    """One request on a connection, and its answer as far as it came."""

    #: What came of a head that is still expected; None once the final one is there.
    head: bytearray | None
    interim: int = 0
    #: What the parser made of the last head.
    message: RawResponseMessage | None = None
    body: StreamReader | None = None
    #: Bytes of the body still to come; None if only the parser knows its end.
    left: int | None = 0
    #: The last bytes that the parser was fed of a body whose end it alone knows.
    last: bytes = b""
    #: Whether more came than the answer has.
    surplus: bool = False


class LenientHandler(ResponseHandler):
    """The protocol of one connection. ``exchange`` is that of its last request, None before the first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.exchange: Exchange | None = None
        #: Whether the server has said that nothing more comes.
        self._is_at_end = False

    @override
    def set_response_params(self, **params: Any) -> None:
        # Before the parser is made, which is fed at once what the server sent without being asked.
        self.exchange = Exchange(head=bytearray())
        limits = {"max_line_size": MAX_HEAD, "max_field_size": MAX_HEAD, "max_headers": MAX_HEAD}
        super().set_response_params(**{**params, **limits})

    @override
    def data_received(self, data: bytes) -> None:
        """Takes bytes from the network, or none: then the parser, which had paused, is to go on."""
        exchange = self.exchange
        while exchange and exchange.head is not None and data:
            try:
                data = self._take_head(exchange, exchange.head, data)
            except UnreadableAnswerError as error:
                exchange.head, exchange.body = None, None
                self.close()
                self.set_exception(error)
                return
            if not data:
                return
        if exchange is None or exchange.head is not None:
            super().data_received(data)
        elif exchange.body is not None:
            self._take_body(exchange, exchange.body, data)

    @override
    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Takes a message from the parser. One that no head was fed for is surplus that looks like an answer."""
        exchange = self.exchange
        if exchange and exchange.message is None:
            exchange.message, exchange.body = data
            super().feed_data(data, size)
        elif exchange:
            exchange.surplus = True

    @override
    def eof_received(self) -> None:
        self._is_at_end = True
        super().eof_received()

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        exchange = self.exchange
        if exc is None and exchange and exchange.head:
            # A head that is cut off is a connection that broke; what is none is told as such.
            try:
                assert_begins(exchange.head, is_all=True)
            except UnreadableAnswerError as error:
                self.set_exception(error)
        elif exchange and exchange.body is not None and exchange.left is None and not exchange.body.is_eof():
            self._end_body(exchange, exchange.body, exc)
        super().connection_lost(exc)

    def _end_body(self, exchange: Exchange, body: StreamReader, exc: BaseException | None) -> None:
        """The connection is gone before the end of a body that does not tell its length."""
        if exc is not None and not self._is_at_end:
            # RFC 9112 §8: only a connection that was closed, and did not break, ends a body. aiohttp's parser takes
            # either for that.
            body.set_exception(aiohttp.ClientPayloadError("the connection broke"), exc)
        elif exchange.message and exchange.message.chunked and exchange.last == _LAST_CHUNK:
            # Some servers leave the empty line behind it out.
            super().data_received(b"\r\n")

    def _take_head(self, exchange: Exchange, head: bytearray, data: bytes) -> bytes:
        """Take bytes of a head. Returns what came after it."""
        searched = max(0, len(head) - 4)
        if head:
            head += data
        else:
            # RFC 9112 §2.2: empty lines before a message are ignored.
            data = data.lstrip(b"\r\n")
        so_far = head or data
        end = END.search(so_far, searched)
        if not end:
            assert_begins(so_far)
            if not head:
                head += data
            self.start_timeout()
            return b""
        raw, rest = bytes(so_far[: end.end()]), bytes(so_far[end.end() :])
        tidy = tidied(raw)
        if tidy.must_close:
            self.force_close()
        exchange.head = None
        super().data_received(tidy.raw)
        if exchange.body is not None:
            self._expect(exchange, exchange.body)
        # Else the parser refused it, and closed the connection.
        return rest

    def _expect(self, exchange: Exchange, body: StreamReader) -> None:
        """What comes after the head that was fed."""
        assert exchange.message
        code, headers = exchange.message.code, exchange.message.headers
        if code < 200 and code != 101:
            exchange.interim += 1
            if exchange.interim > _MAX_INTERIM:
                raise UnreadableAnswerError("sends answers that are not final without end")
            exchange.head, exchange.message, exchange.body = bytearray(), None, None
        elif body.is_eof():
            exchange.left = 0
        else:
            exchange.left = int(headers["Content-Length"]) if "Content-Length" in headers else None

    def _take_body(self, exchange: Exchange, body: StreamReader, data: bytes) -> None:
        """Feed what belongs to the body."""
        if exchange.left is not None:
            if len(data) > exchange.left:
                exchange.surplus = True
                # Before the parser sees the end: the connection is free for the next request from then on.
                self.force_close()
                data = data[: exchange.left]
            exchange.left -= len(data)
            super().data_received(data)
        else:
            super().data_received(data)
            exchange.last = (exchange.last + data[-5:])[-5:]
            error = self.exception()
            if body.is_eof():
                exchange.left = 0
                # What is no answer the parser has refused; what may become one it waits for the rest of.
                exchange.surplus |= error is not None or not exchange.last.endswith(_ENDS)
            elif error and body.exception() is None:
                body.set_exception(MalformedBodyError("malformed chunks"), error)
        if exchange.surplus and body.is_eof():
            self.close()


class Answer(aiohttp.ClientResponse):
    """An answer that remembers its exchange, because its connection may be gone before its body is read."""

    exchange: Exchange | None = None

    @override
    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        if isinstance(connection.protocol, LenientHandler):
            self.exchange = connection.protocol.exchange
        return await super().start(connection)


def surplus_of(answer: aiohttp.ClientResponse) -> bool:
    """Whether more bytes came than the answer has, by the end of its body. To be asked when all of that was read."""
    return isinstance(answer, Answer) and answer.exchange is not None and answer.exchange.surplus


def teach(connector: aiohttp.BaseConnector) -> None:
    """Make the connections of a connector lenient, in the running event loop. Their session must make answers of the
    class Answer. Raises UnsupportedAiohttpError."""
    factory = getattr(connector, "_factory", None)
    if (
        not callable(factory)
        or type(factory()) is not ResponseHandler
        or not all(hasattr(ResponseHandler, name) for name in _METHODS)
    ):
        raise UnsupportedAiohttpError(
            f"aiohttp {aiohttp.__version__} is not supported, because its connectors make their protocols otherwise; "
            "install the version that requirements.txt names."
        )
    # A partial is invariant in its type.
    connector._factory = cast("partial[ResponseHandler]", partial(LenientHandler, loop=asyncio.get_running_loop()))
