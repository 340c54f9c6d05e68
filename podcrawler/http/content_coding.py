"""Decodes bodies that a server compressed although the request did not accept it (RFC 9110 §8.4.1).

The header is compared with the bytes. A coding that the bytes do not have is not undone. One that the header does not
name is undone if a media file comes out. Decoding takes bounded memory and time, whatever the bytes expand to.
"""

import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from podcrawler.exceptions import FetchError, MediaError
from podcrawler.store import sniff

if sys.implementation.name == "pypy":
    import brotlicffi as brotli
else:
    import brotli
if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

#: Bytes that are decoded at once.
_BLOCK = 256 * 1024
#: Bytes of a stream that its library gets first. It copies what comes after the end, and streams may be short.
_FIRST_STEP = 4096
#: curl undoes as many.
_MAX_CODINGS = 5
#: Decoded bytes after which an error means that the file is damaged, and not that it was never compressed.
PROOF = 256
#: How many bytes the codings of a body may read together: the first number, and the second for each byte of the
#: result. A file needs about one for each coding. Without a limit, empty streams, or a coding that expands what the
#: next one ignores, would be decoded for ever without a result.
_MAX_BARREN, _MAX_TAKEN = 2 * 1024 * 1024, 16
#: zlib's window bits for the formats of its data.
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
#: The largest window that the coding ``zstd`` may have: 8 MB (RFC 9659 §3).
_ZSTD_WINDOW = 23


class _Stream(Protocol):
    """One compressed stream; zstd's has this form by itself. ``unused_data`` is what came after its end."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Zlib:
    def __init__(self, bits: int) -> None:
        self._inner = zlib.decompressobj(bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        # After a full piece it may have more.
        self.needs_input = len(piece) < max_length
        return piece


class _Brotli:
    unused_data = b""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return bool(self._inner.is_finished())

    def decompress(self, data: bytes, max_length: int) -> bytes:
        # It rounds up.
        limit = max_length // 2
        piece = bytes(self._inner.process(data, output_buffer_limit=limit))
        # If it accepts no more data, it has input left; a full piece means that it may have more output.
        self.needs_input = self._inner.can_accept_more_data() and len(piece) < limit
        return piece


@dataclass(frozen=True, slots=True)
class _Coding:
    #: Makes a stream that begins with a byte.
    open: Callable[[int], _Stream]
    #: What a stream begins with; None if any bytes may be one. Such a stream is the only one of its body.
    magic: re.Pattern[bytes] | None = None


_GZIP = _Coding(lambda _: _Zlib(_GZIP_BITS), re.compile(rb"\x1f\x8b"))
_ZSTD = _Coding(
    lambda _: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW}),
    # RFC 8878 §3.1: frames, and those to be skipped.
    re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
)
_CODINGS = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": _Coding(lambda first: _Zlib(_deflate_bits(first))),
    "br": _Coding(lambda _: _Brotli()),
    "zstd": _ZSTD,
}
#: The others of RFC 9110 §8.4.1 and its registry. Anything else in the header is a mistake of the server.
_UNKNOWN = frozenset({"compress", "x-compress", "dcb", "dcz"})
_ERRORS = (zlib.error, brotli.error, zstd.ZstdError)


@dataclass(slots=True)
class _Work:
    """How much decoding a body has read so far, and written. ``host`` is named in errors."""

    host: str
    #: Bytes that all codings took, each of its own.
    taken: int = 0
    #: Decoded bytes.
    given: int = 0

    def take(self, size: int) -> None:
        self.taken += size
        if self.taken > _MAX_BARREN + _MAX_TAKEN * self.given:
            raise MediaError(
                "encoded",
                f"{self.host} sends compressed data that decompresses to next to nothing; try again later.",
                "passing",
            )


class Decoder:
    """Decodes one body, of ``codings`` in the order in which they were applied. ``host`` is named in errors."""

    def __init__(self, codings: Sequence[str], host: str) -> None:
        self._work = _Work(host)
        self._stages = [_Stage(coding, self._work) for coding in reversed(codings)]

    @property
    def is_complete(self) -> bool:
        """Whether the compressed data came to its end."""
        return all(stage.is_complete for stage in self._stages)

    def decode(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The next chunks, decoded, in pieces of at most 256 KB. MediaError (``encoded``) if they are damaged, or take
        much and give nothing. What comes after the end of the compressed data is ignored."""
        for stage in self._stages:
            chunks = stage.decode(chunks)
        for piece in chunks:
            self._work.given += len(piece)
            yield piece


class _Stage:
    """Undoes one coding."""

    def __init__(self, name: str, work: _Work) -> None:
        self._name = name
        self._coding = _CODINGS[name]
        self._work = work
        self._stream: _Stream | None = None
        #: What came after the end of a stream, and is too short to show whether another one begins.
        self._between = b""
        #: Whether all that comes is ignored.
        self._is_over = False

    @property
    def is_complete(self) -> bool:
        return self._stream is not None and self._stream.eof

    def decode(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            data, self._between = self._between + chunk, b""
            position, step, counted = 0, _FIRST_STEP, 0
            while position < len(data) and not self._is_over:
                if self._stream is None or self._stream.eof:
                    if not self._begin(data[position : position + 4]):
                        break
                    step = _FIRST_STEP
                assert self._stream
                fed = data[position : position + step]
                yield from self._feed(self._stream, fed)
                position += len(fed)
                step = min(2 * step, _BLOCK)
                if self._stream.eof:
                    position -= len(self._stream.unused_data)
                self._work.take(position - counted)
                counted = position

    def _begin(self, first: bytes) -> bool:
        """Begin a stream, be it the next one: gzip has members (RFC 1952 §2.2), zstd frames (RFC 8878 §3)."""
        if self._stream:
            magic = self._coding.magic
            if magic and len(first) < 4:
                self._between = first
                return False
            if not magic or not magic.match(first):
                self._is_over = True
                return False
        self._stream = self._coding.open(first[0])
        return True

    def _feed(self, stream: _Stream, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = stream.decompress(data, _BLOCK)
            except _ERRORS as error:
                raise MediaError(
                    "encoded",
                    f"{self._work.host} says that the file is compressed ({self._name}), but it is damaged; "
                    "try again later.",
                    "passing",
                ) from error
            if piece:
                yield piece
            data = b""
            if stream.eof or stream.needs_input or not piece:
                return


def decoder_for(codings: Iterable[str], head: bytes, host: str) -> Decoder | None:
    """The decoder for a body that begins with ``head`` (4,096 bytes, or all of it); None if it is to be taken as it is.
    ``codings``: the values of Content-Encoding.

    FetchError (``encoded``) for a coding that podcrawler cannot undo.
    """
    told = [coding for coding in _names(codings) if coding in _CODINGS or coding in _UNKNOWN]
    if told and (not head or sniff.is_media(head, "")):
        return None
    if len(told) > _MAX_CODINGS or not _UNKNOWN.isdisjoint(told):
        raise FetchError(
            "encoded",
            f"{host} sent the file compressed ({', '.join(told[:_MAX_CODINGS])}) although that was not asked for, and "
            "podcrawler cannot undo that; tell its owner, because players cannot read it either.",
        )
    found: list[str] = []
    for coding in reversed(told):
        # Of a long block of zstd nothing comes before its end; the header is believed then.
        decoded = _beginning(coding, head) if head else b""
        if decoded is not None:
            found.insert(0, coding)
            head = decoded
    for coding in ("gzip", "zstd"):
        if (decoded := _beginning(coding, head)) and sniff.is_media(decoded, ""):
            found.insert(0, coding)
    return Decoder(found, host) if found else None


def told_codings(values: Iterable[str]) -> list[str]:
    """The last of the codings in these values of Content-Encoding, as far as they can be undone; none if they are too
    many."""
    known = list(takewhile(_CODINGS.__contains__, reversed(_names(values))))[::-1]
    return known if len(known) <= _MAX_CODINGS else []


def _names(values: Iterable[str]) -> list[str]:
    """The codings in the values of Content-Encoding, in the order in which they were applied."""
    return [coding.strip().lower() for value in values for coding in value.split(",")]


def is_coded(headers: Mapping[str, str]) -> bool:
    """Whether the head of an answer says that its body is compressed."""
    return headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")


def _beginning(coding: str, head: bytes) -> bytes | None:
    """The beginning of a body, decoded; None if it was not encoded that way."""
    magic = _CODINGS[coding].magic
    if magic and not magic.match(head):
        return None
    decoded = b""
    # In small steps, because a step with an error gives nothing.
    steps = (head[position : position + 64] for position in range(0, len(head), 64))
    try:
        for piece in _Stage(coding, _Work("")).decode(steps):
            decoded += piece
            if len(decoded) >= sniff.HEAD:
                break
    except MediaError:
        if not magic and len(decoded) < PROOF:
            return None
    return decoded


def _deflate_bits(first: int) -> int:
    """Many servers leave out the zlib format that the coding ``deflate`` has by RFC 9110 §8.4.1.2. Its first byte names
    the method 8 (RFC 1950 §2.2); raw data begins like that by chance only."""
    return _ZLIB_BITS if first & 0x0F == 8 and first >> 4 <= 7 else _RAW_BITS
