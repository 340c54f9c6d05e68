"""Takes one answer into a part: judges its head, streams its body to disk, and tells whether all of it came.

What a server may send, and how slowly, is said here; how it is asked, in handler.py.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import aiohttp

from podcrawler.config import Config
from podcrawler.exceptions import FetchError, MediaError
from podcrawler.http.content_coding import Decoder, decoder_for
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.part import PartFile
from podcrawler.store.validators import Validator

#: Bytes that are written at once, and seconds after which fewer are.
_BLOCK = 1024 * 1024
_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a transfer may take."""

    #: Seconds.
    connect_timeout: float
    #: Seconds of silence; ``min_rate`` is measured over this time, too.
    idle_timeout: float
    #: Bytes per second.
    min_rate: int
    #: Bytes; 0 for no limit.
    max_size: int

    @classmethod
    def of(cls, config: Config) -> "Limits":
        return cls(config.connect_timeout, config.idle_timeout, config.min_rate, config.max_size)

    @property
    def head_timeout(self) -> float:
        """Seconds until the head of an answer must be there, connecting included."""
        return self.connect_timeout + self.idle_timeout


async def receive(
    answer: aiohttp.ClientResponse,
    part: PartFile,
    *,
    url: str,
    limits: Limits,
    room: DiskBudget,
    on_chunk: Callable[[bytes], object],
) -> None:
    """Take the body of a 200 from its start, or that of a 206 from where the part ends, which was checked before.
    ``url`` is what was asked.

    Raises MediaError (``length-mismatch``, ``encoded``, the disk's refusals), FetchError (``too-large``, ``too-slow``,
    ``encoded``), aiohttp's errors, and what ``on_chunk`` raises for a chunk of the body. The part holds then what came
    until then.
    """
    host = answer.url.host or ""
    decoder = decoder_for(answer.headers.getall("Content-Encoding", ()), host)
    if answer.status != 206:
        announced = None if decoder else answer.content_length
        _refuse_size(announced or 0, limits, host)
        version = None if decoder else Validator.from_headers(answer.headers, url=url, size=announced)
        await part.begin(version, announced)
    room.reserve(part)
    try:
        lost = await _Transfer(answer, part, limits, decoder).run(on_chunk)
    finally:
        room.release(part)
    if part.expected is not None and part.received != part.expected:
        if part.received > part.expected:
            # Nobody knows which of these bytes are the file's.
            part.invalidate()
        raise MediaError(
            "length-mismatch",
            f"{host} announced {part.expected} bytes and sent {part.received}; try again later.",
            "passing",
        ) from lost
    if lost:
        raise lost
    if decoder and not decoder.is_complete:
        raise MediaError(
            "length-mismatch", f"{host} sent a compressed file without its end; try again later.", "passing"
        )
    part.complete = True
    part.verified = answer.content_length is not None


class _Transfer:
    """The body of one answer, on its way into the part."""

    def __init__(self, answer: aiohttp.ClientResponse, part: PartFile, limits: Limits, decoder: Decoder | None) -> None:
        self._answer = answer
        self._host = answer.url.host or ""
        self._part = part
        self._limits = limits
        self._decoder = decoder
        #: What was not written yet, and its bytes.
        self._block: list[bytes] = []
        self._size = 0
        self._write_by = time.monotonic() + _PATIENCE
        #: When the measurement of the rate began, and the bytes since.
        self._measured_from = time.monotonic()
        self._measured = 0

    async def run(self, on_chunk: Callable[[bytes], object]) -> aiohttp.ClientPayloadError | None:
        """Write the body as it comes. The error with which it broke off, if it did."""
        content = self._answer.content
        while True:
            try:
                chunk = await content.readany()
            except BaseException as error:
                # What came is kept, whatever ends the transfer. aiohttp lets go of what it holds when the connection
                # breaks, and nothing public gives that out.
                self._block.append(content._read_nowait(-1))
                await self._write()
                if isinstance(error, aiohttp.ClientPayloadError):
                    return error
                raise
            # From here on an error must not lead to another write: what it stopped would be missing before that.
            if not chunk:
                await self._write_last()
                return None
            on_chunk(chunk)
            self._block.append(chunk)
            self._size += len(chunk)
            now = time.monotonic()
            if self._size >= _BLOCK or now >= self._write_by:
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
        self._write_by = ended + _PATIENCE
        # A disk that is slow is not the server's fault.
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


def _refuse_size(size: int, limits: Limits, host: str) -> None:
    if limits.max_size and size > limits.max_size:
        raise FetchError(
            "too-large",
            f"{host} sends more than {limits.max_size} bytes; raise PODCRAWLER_MAX_SIZE if that is right.",
        )
