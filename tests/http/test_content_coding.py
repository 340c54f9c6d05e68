import gzip
import zlib
from collections.abc import Iterator

import pytest

from podcrawler.exceptions import FetchError, MediaError
from podcrawler.http.content_coding import Decoder, decoder_for
from tests.origin import content

BODY = b"".join(content(1_000_000, 3))


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def decoder(coding: str) -> Decoder:
    found = decoder_for([coding], "media.example.org")
    assert found
    return found


@pytest.mark.parametrize("size", [1, 1000, 10_000_000])
@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(BODY[:300_000])),
        ("X-GZIP", gzip.compress(BODY[:300_000])),
        ("gzip", gzip.compress(BODY[:100_000]) + gzip.compress(BODY[100_000:300_000])),
        ("deflate", zlib.compress(BODY[:300_000])),
        ("deflate", raw_deflate(BODY[:300_000])),
    ],
    ids=["gzip", "x-gzip", "members", "deflate", "raw"],
)
def test_what_was_compressed_comes_back(coding: str, data: bytes, size: int) -> None:
    decoding = decoder(coding)
    assert b"".join(decoding.decode(chunks(data, size))) == BODY[:300_000]
    assert decoding.is_complete


def test_a_piece_is_small_whatever_it_was_made_of() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    decoding = decoder("gzip")
    sizes = [len(piece) for piece in decoding.decode([bomb])]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 256 * 1024
    assert decoding.is_complete


@pytest.mark.parametrize("size", [0, 5, 20, 100_000])
def test_an_end_that_is_missing_is_noticed(size: int) -> None:
    decoding = decoder("gzip")
    assert BODY.startswith(b"".join(decoding.decode([gzip.compress(BODY)[:size]])))
    assert not decoding.is_complete


@pytest.mark.parametrize(
    "data",
    [b"ID3\x04 audio", gzip.compress(b"x")[:-8] + bytes(8), gzip.compress(b"x") + b"more"],
    # What gzip makes has the time in it, and the processes that run the tests have to name them alike.
    ids=["audio", "wrong checksum", "more than the end"],
)
def test_what_is_not_compressed_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError, match=r"^media.example.org says that the file is compressed \(gzip\)") as caught:
        list(decoder("gzip").decode([data]))
    assert (caught.value.kind, caught.value.failure_class) == ("encoded", "passing")


@pytest.mark.parametrize("headers", [[], [""], ["identity"], ["utf-8"], ["audio/mpeg, binary"]])
def test_what_is_no_coding_is_no_coding(headers: list[str]) -> None:
    assert decoder_for(headers, "media.example.org") is None


@pytest.mark.parametrize("headers", [["br"], ["zstd"], ["gzip, gzip"], ["gzip", "deflate"], ["compress"]])
def test_what_cannot_be_undone_is_refused(headers: list[str]) -> None:
    with pytest.raises(FetchError, match="podcrawler cannot undo that") as caught:
        decoder_for(headers, "media.example.org")
    assert (caught.value.kind, caught.value.failure_class) == ("encoded", "permanent")
