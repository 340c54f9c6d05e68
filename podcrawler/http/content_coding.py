"""Decodes bodies that a server compressed although the request did not accept it (RFC 9110 §8.4.1)."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from podcrawler.exceptions import FetchError, MediaError

#: RFC 9110 §8.4.1 and its registry. Anything else in the header is a mistake of the server.
_CODINGS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "dcb", "dcz"})
_GZIP = frozenset({"gzip", "x-gzip"})
#: Bytes that are decoded at once, whatever the compressed ones expand to.
_BLOCK = 256 * 1024
#: zlib's window bits for the formats of its data.
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class _Decompressor(Protocol):
    """The type of zlib.decompressobj()."""

    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...


class Decoder:
    """Decodes one body. ``host`` is named in errors."""

    def __init__(self, coding: str, host: str) -> None:
        self._is_gzip = coding in _GZIP
        self._coding = coding
        self._host = host
        self._inner: _Decompressor | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the compressed data came to its end."""
        return self._inner is not None and self._inner.eof

    def decode(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The next chunks, decoded, in pieces of bounded size. MediaError (``encoded``) if they are not compressed."""
        for chunk in chunks:
            data = chunk
            more = bool(data)
            while more:
                piece = self._decompress(data)
                yield piece
                assert self._inner is not None
                data = self._inner.unconsumed_tail or (self._inner.unused_data if self._is_gzip else b"")
                # After a full piece zlib may have more.
                more = bool(data) or (len(piece) == _BLOCK and not self._inner.eof)

    def _decompress(self, data: bytes) -> bytes:
        if self._inner is None or (self._inner.eof and self._is_gzip):
            # A gzip file may have more than one member (RFC 1952 §2.2).
            self._inner = zlib.decompressobj(_GZIP_BITS if self._is_gzip else _deflate_bits(data[0]))
        try:
            return self._inner.decompress(data, _BLOCK)
        except zlib.error as error:
            raise MediaError(
                "encoded",
                f"{self._host} says that the file is compressed ({self._coding}), but it is not, or it is damaged; "
                "try again later.",
                "passing",
            ) from error


def decoder_for(codings: Iterable[str], host: str) -> Decoder | None:
    """The decoder for the values of Content-Encoding; None if the body is not encoded. FetchError (``encoded``) for a
    coding that podcrawler cannot decode."""
    named = [coding.strip().lower() for header in codings for coding in header.split(",")]
    known = [coding for coding in named if coding in _CODINGS]
    if not known:
        return None
    if len(known) == 1 and (known[0] in _GZIP or known[0] == "deflate"):
        return Decoder(known[0], host)
    raise FetchError(
        "encoded",
        f"{host} sent the file compressed ({', '.join(known)}) although that was not asked for, and podcrawler cannot "
        "undo that; tell its owner, because players cannot read it either.",
    )


def _deflate_bits(first: int) -> int:
    """Many servers leave out the zlib format that the coding ``deflate`` has by RFC 9110 §8.4.1.2. Its first byte names
    the method 8 (RFC 1950 §2.2); raw data begins like that by chance only."""
    return _ZLIB_BITS if first & 0x0F == 8 and first >> 4 <= 7 else _RAW_BITS
