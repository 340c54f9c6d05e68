"""Streams the body of one answer into a part, and says what was received.

What a server may send, and how slowly, is decided here; how it is asked, in handler.py.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import aiohttp

from podcrawler.config import TransferConfig
from podcrawler.exceptions import FetchError, MediaError
from podcrawler.http.content_coding import Decoder, decoder_for, is_coded
from podcrawler.http.lenient import surplus_of
from podcrawler.http.rate import RateLimits
from podcrawler.sites.direct import is_live
from podcrawler.store import sniff
from podcrawler.store.evidence import Answer, Verdict, judge
from podcrawler.store.part import PartFile

#: Bytes that are written at once, and seconds after which fewer are.
_BLOCK = 1024 * 1024
_MAX_BLOCK_AGE = 1.0
#: Successes that are no file: accepted only, no content, reset content, multi-status.
_WITHOUT_FILE = frozenset({202, 204, 205, 207})


def may_be_file(status: int) -> bool:
    """Whether the body of an answer with this status may be the file that was asked for, or a part of it. A success of
    another kind is as a 200 (RFC 9110 §15): proxies that change files say 203."""
    return 200 <= status < 300 and status not in _WITHOUT_FILE


@dataclass(frozen=True, slots=True)
class Limits:
    """What a transfer may take."""

    #: Seconds.
    connect_timeout: float
    #: Seconds without a byte of the file. ``min_rate`` is averaged over this time, too.
    idle_timeout: float
    #: Bytes of the file per second.
    min_rate: int
    #: Bytes; 0 for no limit. And the setting that says so.
    max_size: int
    size_setting: str = "PODCRAWLER_MAX_SIZE"
    #: Raises MediaError for the first bytes of what is not to be received, with ``url`` and ``content_type`` of the
    #: answer; as ``sniff.refuse_document``.
    refuse: Callable[..., None] = sniff.refuse_document

    @classmethod
    def of(cls, config: TransferConfig) -> "Limits":
        return cls(
            config.connect_timeout,
            config.idle_timeout,
            config.min_rate,
            config.max_size,
            refuse=partial(sniff.refuse_document, wanted=config.media),
        )

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
    #: What was odd about it, in sentences.
    remarks: list[str] = field(default_factory=list)


class Body:
    """The body of a success, on its way into a part: first ``begin``, then ``receive``."""

    def __init__(
        self,
        answer: aiohttp.ClientResponse,
        part: PartFile,
        *,
        url: str,
        asked_from: int | None,
        limits: Limits,
        rates: RateLimits,
        on_chunk: Callable[[bytes], object],
    ) -> None:
        """``url`` is what was requested, from the byte ``asked_from``, or whole if that is None. What ``on_chunk``
        raises for a chunk ends the transfer."""
        self._answer = answer
        self._host = answer.url.host or ""
        self._part = part
        self._url = url
        self._asked_from = asked_from
        self._limits = limits
        self._rates = rates
        self._on_chunk = on_chunk
        self._decoder: Decoder | None = None
        #: What was not written yet, and its bytes.
        self._block: list[bytes] = []
        self._size = 0
        self._write_by = time.monotonic() + _MAX_BLOCK_AGE
        self._at_end = False
        self._broken_off: aiohttp.ClientPayloadError | None = None
        #: When the measurement of the rate began, and the bytes since: those of the file, because what it is wrapped in
        #: (chunks, codings) may come for ever.
        self._measured_from = time.monotonic()
        self._measured = 0

    async def begin(self) -> None:
        """Hold the answer, and the first bytes of a whole file, against all that is known. The part is as it was if
        this raises: MediaError (``contradiction``, ``not-media``, ``encoded``, refusals of the disk), FetchError
        (``too-large``, ``too-slow``, ``timeout``, ``encoded``) and aiohttp's errors."""
        headers = self._answer.headers
        coded = is_coded(headers)
        if self._answer.status != 206:
            await self._examine()
            self._refuse_live_stream()
            coded = self._decoder is not None
        length = None if coded else self._answer.content_length
        answer = Answer(self._answer.status, headers, self._url, self._asked_from, length, coded)
        self._judgement = judge(self._part.evidence, answer)
        if self._judgement.verdict is Verdict.REFUSE:
            raise MediaError("contradiction", f"{self._host} {self._judgement.reason}; try again later.", "passing")
        self._refuse_size(self._judgement.size or 0)
        await self._part.begin(self._judgement)

    async def receive(self) -> Received:
        """Stream the body into the part. Raises MediaError (``length-mismatch``, ``encoded``, refusals of the disk),
        FetchError (``too-large``, ``too-slow``, ``timeout``) and aiohttp's errors; the part has what came until
        then."""
        while not self._at_end:
            try:
                await self._read()
            except BaseException:
                # What came is kept, whatever ends the transfer.
                await self._write()
                raise
            # An error from here on must not lead to another write: the bytes of the failed one would be missing before
            # it.
            # What is judged next has to be decoded for that.
            if self._size >= _BLOCK or time.monotonic() >= min(self._write_by, self._judged_at):
                async with _reading_paused(self._answer):
                    await self._write()
            self._refuse_slowness()
        await (self._write() if self._broken_off else self._write_last())
        return await self._conclude()

    async def _examine(self) -> None:
        """Read the first bytes, and refuse what they show to be no media."""
        while not self._at_end and sniff.needs_more(self._head):
            await self._read()
            self._refuse_slowness()
        codings, head = self._answer.headers.getall("Content-Encoding", ()), self._head
        self._decoder = decoder_for(codings, head, self._host)
        if self._broken_off and self._decoder is None and sniff.needs_more(head):
            # So few bytes may look like anything.
            if (announced := self._answer.content_length) is None:
                raise self._broken_off
            raise _mismatch(f"{self._host} announced {announced} bytes and sent {self._size}; try again later.")
        if self._decoder and (probe := decoder_for(codings, head, self._host)):
            head = await self._decoded_head(probe)
        kind = self._answer.headers.get("Content-Type", "")
        self._limits.refuse(head, url=str(self._answer.url), content_type=kind)

    def _refuse_live_stream(self) -> None:
        if self._answer.content_length is None and is_live(self._answer.headers):
            raise MediaError(
                "not-media",
                f"{self._host} sent a live stream, which has no end, instead of a file; leave the episode out, or tell "
                "the publisher, and `podcrawler retry` tries it again.",
            )

    async def _decoded_head(self, probe: Decoder) -> bytes:
        """The first bytes, decoded, for which more are read if need be."""
        head, decoded = b"", 0
        while True:
            # In a thread: what is hostile may take long.
            longer = await asyncio.to_thread(_prolonged, head, probe.decode(self._block[decoded:]))
            self._measured += len(longer) - len(head)
            head, decoded = longer, len(self._block)
            if not sniff.needs_more(head) or self._at_end or self._size >= _BLOCK:
                return head
            self._refuse_slowness()
            await self._read()

    @property
    def _is_counted_decoded(self) -> bool:
        """Whether a compressed body is complete, although fewer bytes came than announced: some servers announce those
        of the file."""
        is_complete = self._decoder is not None and self._decoder.is_complete
        return is_complete and self._part.received == self._answer.content_length

    @property
    def _head(self) -> bytes:
        return b"".join(self._block)[: sniff.MAX_HEAD]

    async def _conclude(self) -> Received:
        """Hold what was received against what is known."""
        judgement, received = self._judgement, self._part.received
        if self._broken_off and judgement.size is None and not self._is_counted_decoded:
            raise self._broken_off
        if problem := judgement.contradiction(received):
            if not self._broken_off:
                await self._part.reject()
            raise _mismatch(f"{self._host} {problem}; try again later.") from self._broken_off
        if self._decoder and not self._decoder.is_complete:
            raise _mismatch(f"{self._host} sent a compressed file without its end; try again later.")
        verified = self._answer.content_length is not None or judgement.size is not None
        return Received(received, verified, self._remarks())

    def _remarks(self) -> list[str]:
        remarks = []
        if surplus_of(self._answer):
            remarks.append(f"{self._host} sent more bytes than the file has, which were left out.")
        if self._decoder is None and is_coded(self._answer.headers):
            remarks.append(f"{self._host} called the file compressed, which it is not.")
        return remarks

    async def _read(self) -> None:
        """Read the next chunk, or the end, be it that the connection breaks off."""
        content = self._answer.content
        try:
            # Timeouts take time: small files are there already.
            if not (chunk := content.read_nowait()) and not content.at_eof():
                # aiohttp's own timeout ends with whatever comes, be it no byte of the file.
                async with asyncio.timeout(self._limits.idle_timeout):
                    chunk = await content.readany()
        except aiohttp.ClientPayloadError as error:
            self._broken_off, self._at_end = error, True
            return
        except TimeoutError as error:
            raise self._silence() from error
        if not chunk:
            self._at_end = True
            return
        self._block.append(chunk)
        self._size += len(chunk)
        if self._decoder is None:
            self._measured += len(chunk)
        self._on_chunk(chunk)
        # The rate that was set is not the server's fault either.
        waited = await self._rates.take(self._host, len(chunk))
        self._measured_from += waited
        self._write_by += waited

    async def _write_last(self) -> None:
        if self._decoder:
            await self._write()
        else:
            self._refuse_size(self._part.received + self._size)
            self._part.buffer(self._block)

    async def _write(self) -> None:
        begun = time.monotonic()
        block, self._block, self._size = self._block, [], 0
        if self._decoder:
            before = self._part.received
            await self._part.write(self._bounded(self._decoder.decode(block)))
            self._measured += self._part.received - before
        else:
            await self._part.write(self._bounded(block))
        ended = time.monotonic()
        self._write_by = ended + _MAX_BLOCK_AGE
        # A slow disk is not the server's fault.
        self._measured_from += ended - begun

    def _bounded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        size = self._part.received
        for piece in pieces:
            size += len(piece)
            self._refuse_size(size)
            yield piece

    def _refuse_size(self, size: int) -> None:
        if self._limits.max_size and size > self._limits.max_size:
            raise FetchError(
                "too-large",
                f"{self._host} sends more than {self._limits.max_size} bytes; "
                f"raise {self._limits.size_setting} if that is right.",
            )

    @property
    def _judged_at(self) -> float:
        """When it is to be seen whether enough came."""
        return self._measured_from + self._limits.idle_timeout

    def _refuse_slowness(self) -> None:
        now = time.monotonic()
        if now < self._judged_at or self._at_end:
            return
        seconds = now - self._measured_from
        if not self._measured:
            raise self._silence()
        if self._measured < self._limits.min_rate * seconds:
            raise FetchError(
                "too-slow",
                f"{self._host} sent {self._measured / seconds:.0f} bytes a second, and fewer than "
                f"{self._limits.min_rate} are not worth waiting for (PODCRAWLER_MIN_RATE); try again later.",
                "passing",
            )
        self._measured_from, self._measured = now, 0

    def _silence(self) -> FetchError:
        return FetchError(
            "timeout",
            f"{self._host} sent nothing for {self._limits.idle_timeout:g} s that belongs to the file; try again later.",
            "passing",
        )


def _prolonged(head: bytes, pieces: Iterable[bytes]) -> bytes:
    """The beginning of a file with more of its pieces, as many as show what it is."""
    for piece in pieces:
        head += piece
        if not sniff.needs_more(head):
            break
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


def _mismatch(sentence: str) -> MediaError:
    return MediaError("length-mismatch", sentence, "passing")
