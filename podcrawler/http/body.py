"""Streams the body of one answer into a part, and says what was received.

What a server may send, and how slowly, is decided here; how it is asked, in handler.py.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp

from podcrawler.config import TransferConfig
from podcrawler.exceptions import FetchError, MediaError
from podcrawler.http.content_coding import Decoder, decoder_for
from podcrawler.store import sniff
from podcrawler.store.part import PartFile
from podcrawler.store.validators import Validator

#: Bytes that are written at once, and seconds after which fewer are.
_BLOCK = 1024 * 1024
_MAX_BLOCK_AGE = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a transfer may take."""

    #: Seconds.
    connect_timeout: float
    #: Seconds of silence. ``min_rate`` is averaged over this time, too.
    idle_timeout: float
    #: Bytes per second.
    min_rate: int
    #: Bytes; 0 for no limit.
    max_size: int

    @classmethod
    def of(cls, config: TransferConfig) -> "Limits":
        return cls(config.connect_timeout, config.idle_timeout, config.min_rate, config.max_size)

    @property
    def head_timeout(self) -> float:
        """Seconds until the head of an answer must be there, connecting included."""
        return self.connect_timeout + self.idle_timeout


@dataclass(frozen=True, slots=True)
class Received:
    """A body that came to its end, as far as the server says."""

    #: Bytes of the whole file, those of earlier transfers included.
    size: int
    #: Whether the server announced the length, and this is it.
    verified: bool


async def receive(
    answer: aiohttp.ClientResponse,
    part: PartFile,
    *,
    url: str,
    limits: Limits,
    on_chunk: Callable[[bytes], object],
    total: int | None = None,
) -> Received:
    """Stream the body into the part: that of a 200 from its start, or that of a 206 to the end of the part, which it
    completes to ``total`` bytes. ``url`` is what was requested.

    Raises MediaError (``length-mismatch``, ``encoded``, refusals of the disk), FetchError (``too-large``, ``too-slow``,
    ``encoded``), aiohttp's errors, and what ``on_chunk`` raises for a chunk. The part has what came until then.
    """
    host = answer.url.host or ""
    head = await _head(answer, on_chunk) if total is None else b""
    decoder = decoder_for(answer.headers.getall("Content-Encoding", ()), head, host)
    if total is not None:
        part.expect(total)
    else:
        announced = None if decoder else answer.content_length
        _refuse_size(announced or 0, limits, host)
        validator = None if decoder else Validator.from_headers(answer.headers, url=url, size=announced)
        await part.begin(validator, announced)
    broken_off = await _Transfer(answer, part, limits, decoder, head).run(on_chunk)
    if part.expected is not None and part.received != part.expected:
        if part.received > part.expected:
            # Nobody knows which of these bytes are the file's.
            part.invalidate()
        raise MediaError(
            "length-mismatch",
            f"{host} announced {part.expected} bytes and sent {part.received}; try again later.",
            "passing",
        ) from broken_off
    if broken_off:
        raise broken_off
    if decoder and not decoder.is_complete:
        raise MediaError(
            "length-mismatch", f"{host} sent a compressed file without its end; try again later.", "passing"
        )
    return Received(part.received, verified=answer.content_length is not None)


class _Transfer:
    """The body of one answer, on its way into the part."""

    def __init__(
        self, answer: aiohttp.ClientResponse, part: PartFile, limits: Limits, decoder: Decoder | None, head: bytes
    ) -> None:
        self._answer = answer
        #: What of the body was read already.
        self._head = head
        self._host = answer.url.host or ""
        self._part = part
        self._limits = limits
        self._decoder = decoder
        #: What was not written yet, and its bytes.
        self._block: list[bytes] = []
        self._size = 0
        self._write_by = time.monotonic() + _MAX_BLOCK_AGE
        #: When the measurement of the rate began, and the bytes since.
        self._measured_from = time.monotonic()
        self._measured = 0

    async def run(self, on_chunk: Callable[[bytes], object]) -> aiohttp.ClientPayloadError | None:
        """Write the body as it comes. Returns the error if the connection broke off."""
        while True:
            try:
                is_told = bool(self._head)
                chunk, self._head = self._head or await self._answer.content.readany(), b""
            except BaseException as error:
                # What came is kept, whatever ends the transfer.
                await self._write()
                if isinstance(error, aiohttp.ClientPayloadError):
                    return error
                raise
            # An error from here on must not lead to another write: the bytes of the failed one would be missing before
            # it.
            if not chunk:
                await self._write_last()
                return None
            if not is_told:
                on_chunk(chunk)
            self._block.append(chunk)
            self._size += len(chunk)
            now = time.monotonic()
            if self._size >= _BLOCK or now >= self._write_by:
                async with _reading_paused(self._answer):
                    await self._write()
            self._refuse_slowness(len(chunk), now)

    async def _write_last(self) -> None:
        if self._decoder:
            await self._write()
        else:
            _refuse_size(self._part.received + self._size, self._limits, self._host)
            self._part.buffer(self._block)

    async def _write(self) -> None:
        begun = time.monotonic()
        block, self._block, self._size = self._block, [], 0
        await self._part.write(self._bounded(self._decoder.decode(block) if self._decoder else block))
        ended = time.monotonic()
        self._write_by = ended + _MAX_BLOCK_AGE
        # A slow disk is not the server's fault.
        self._measured_from += ended - begun

    def _bounded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        size = self._part.received
        for piece in pieces:
            size += len(piece)
            _refuse_size(size, self._limits, self._host)
            yield piece

    def _refuse_slowness(self, size: int, now: float) -> None:
        self._measured += size
        seconds = now - self._measured_from
        if seconds < self._limits.idle_timeout:
            return
        if self._measured < self._limits.min_rate * seconds:
            raise FetchError(
                "too-slow",
                f"{self._host} sent {self._measured / seconds:.0f} bytes a second, and fewer than "
                f"{self._limits.min_rate} are not worth waiting for (PODCRAWLER_MIN_RATE); try again later.",
                "passing",
            )
        self._measured_from, self._measured = now, 0


async def _head(answer: aiohttp.ClientResponse, on_chunk: Callable[[bytes], object]) -> bytes:
    """The first bytes of the body. If it breaks off within, the next read says so again."""
    head = b""
    with suppress(aiohttp.ClientPayloadError):
        while len(head) < sniff.HEAD and (chunk := await answer.content.readany()):
            on_chunk(chunk)
            head += chunk
    return head


@asynccontextmanager
async def _reading_paused(answer: aiohttp.ClientResponse) -> AsyncIterator[None]:
    """Leave what comes meanwhile in the buffers of the kernel. When a connection breaks, aiohttp discards what it has
    read from it and not handed out yet."""
    transport = answer.connection.transport if answer.connection else None
    if transport is None or not transport.is_reading():
        yield
        return
    transport.pause_reading()
    try:
        yield
    finally:
        if not transport.is_closing():
            transport.resume_reading()


def _refuse_size(size: int, limits: Limits, host: str) -> None:
    if limits.max_size and size > limits.max_size:
        raise FetchError(
            "too-large",
            f"{host} sends more than {limits.max_size} bytes; raise PODCRAWLER_MAX_SIZE if that is right.",
        )
