"""Codings of bodies: undone where they are true, left alone where they are not, and bounded whatever they expand to."""

import gzip
import time
import zlib
from collections.abc import Iterator

import brotli
import pytest

from podcrawler.exceptions import FetchError, MediaError
from podcrawler.http.content_coding import Decoder, decoder_for, zstd
from tests.origin import content

HOST = "media.example.org"
BODY = b"".join(content(300_000, 3))
#: Frames of MPEG audio, silent.
AUDIO = (b"\xff\xfb\x90\x64" + bytes(413)) * 500


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def decoder(*codings: str, data: bytes) -> Decoder:
    found = decoder_for(codings, data[:4096], HOST)
    assert found
    return found


CODED = [
    (["gzip"], gzip.compress(BODY)),
    (["X-GZIP"], gzip.compress(BODY)),
    (["gzip"], gzip.compress(BODY[:100_000]) + gzip.compress(BODY[100_000:])),
    (["deflate"], zlib.compress(BODY)),
    (["deflate"], raw_deflate(BODY)),
    (["br"], brotli.compress(BODY, quality=1)),
    (["br"], brotli.compress(AUDIO)),
    (["zstd"], zstd.compress(BODY)),
    (["zstd"], zstd.compress(BODY[:100_000]) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd.compress(BODY[100_000:])),
    (["gzip, zstd", "br"], brotli.compress(zstd.compress(gzip.compress(BODY)), quality=1)),
    # Told twice, and done once.
    (["gzip, gzip"], gzip.compress(BODY)),
    (["br", "gzip"], gzip.compress(BODY)),
    # Told once, and done twice.
    (["gzip"], gzip.compress(gzip.compress(AUDIO))),
    # Not told.
    ([], gzip.compress(AUDIO)),
    (["identity"], zstd.compress(AUDIO)),
]
NAMES = [
    *("gzip", "x-gzip", "members", "deflate", "raw", "br", "br of audio", "zstd", "frames", "three"),
    *("told twice", "one is a lie", "done twice", "untold", "untold zstd"),
]


def checked_zstd(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


COMPRESS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": checked_zstd}


@pytest.mark.parametrize("size", [1, 1000, 10_000_000])
@pytest.mark.parametrize(("codings", "data"), CODED, ids=NAMES)
def test_what_was_compressed_comes_back(codings: list[str], data: bytes, size: int) -> None:
    decoding = decoder(*codings, data=data)
    assert b"".join(decoding.decode(chunks(data, size))) in (BODY, AUDIO)
    assert decoding.is_complete


@pytest.mark.parametrize("end", [b"\0" * 500, b"more", b"\x1f", b"\x1f\x8b"])
@pytest.mark.parametrize("size", [1, 10_000_000])
@pytest.mark.parametrize("index", [0, 3, 7])
def test_what_comes_after_the_end_is_ignored(index: int, size: int, end: bytes) -> None:
    (codings, data) = CODED[index]
    decoding = decoder(*codings, data=data)
    assert b"".join(decoding.decode(chunks(data + end, size))) == BODY
    assert decoding.is_complete


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_piece_is_small_whatever_it_was_made_of(coding: str) -> None:
    bomb = COMPRESS[coding](bytes(50_000_000))
    decoding = decoder(coding, data=bomb)
    sizes = [len(piece) for piece in decoding.decode([bomb])]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 256 * 1024
    assert decoding.is_complete


@pytest.mark.parametrize(
    ("coding", "unit"),
    [
        ("gzip", gzip.compress(b"")),
        ("zstd", zstd.compress(b"")),
        ("zstd", b"\x50\x2a\x4d\x18\0\0\0\0"),
        # An empty block, stored.
        ("deflate", b"\0\0\0\xff\xff"),
    ],
    ids=["members", "frames", "skipped", "blocks"],
)
def test_what_expands_to_nothing_takes_time_in_proportion(coding: str, unit: bytes) -> None:
    def seconds(count: int) -> float:
        begun = time.process_time()
        data = unit * count
        assert list(decoder(coding, data=data).decode([data])) == []
        return time.process_time() - begun

    seconds(1000)
    # Quadratic time would be sixteen times as much for each unit.
    assert min(seconds(64_000) for _ in range(2)) < 16 * 5 * max(min(seconds(4_000) for _ in range(3)), 0.001)


@pytest.mark.parametrize("size", [5, 20, 3000, 100_000])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_an_end_that_is_missing_is_noticed(coding: str, size: int) -> None:
    data = COMPRESS[coding](BODY)[:-1][:size]
    decoding = decoder(coding, data=data)
    assert BODY.startswith(b"".join(decoding.decode([data])))
    assert not decoding.is_complete


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("where", [1000, 50_000])
def test_what_is_damaged_is_refused(coding: str, where: int) -> None:
    text = b" ".join(b"%x" % (n * n) for n in range(60_000))
    data = bytearray(COMPRESS[coding](text))
    data[where : where + 50] = b"\xff" * 50
    with pytest.raises(
        MediaError, match=rf"^media.example.org says .* compressed \({coding}\), but it is dam"
    ) as caught:
        list(decoder(coding, data=bytes(data)).decode([bytes(data)]))
    assert (caught.value.kind, caught.value.failure_class) == ("encoded", "passing")


def test_a_wrong_checksum_is_noticed() -> None:
    data = gzip.compress(b"x")[:-8] + bytes(8)
    with pytest.raises(MediaError, match="damaged"):
        list(decoder("gzip", data=data).decode([data]))


def test_a_window_that_takes_too_much_memory_is_refused() -> None:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    data = compressor.compress(BODY) + compressor.flush()
    with pytest.raises(MediaError, match="damaged"):
        list(decoder("zstd", data=data).decode([data]))


#: What expands to much of the next coding, and by that to nothing.
_BLOCKS = b"\0\0\0\xff\xff" * 2_000_000
BARREN = {
    "members": (["gzip"], gzip.compress(AUDIO) + gzip.compress(b"") * 500_000),
    "frames": (["zstd"], zstd.compress(AUDIO) + b"\x50\x2a\x4d\x18\0\0\0\0" * 1_000_000),
    "a comment": (["gzip"], gzip.compress(AUDIO) + gzip.compress(b"")[:3] + b"\x10" + bytes(6) + b"x" * 9_000_000),
    "blocks": (["deflate", "gzip"], gzip.compress(_BLOCKS)),
    "nested": (["deflate", "gzip", "gzip"], gzip.compress(gzip.compress(_BLOCKS * 10))),
}


@pytest.mark.parametrize(("codings", "data"), BARREN.values(), ids=BARREN)
def test_what_is_decoded_for_ever_and_gives_nothing_is_refused(codings: list[str], data: bytes) -> None:
    with pytest.raises(MediaError, match="next to nothing; try again later") as caught:
        list(Decoder(codings, HOST).decode(chunks(data, 100_000)))
    assert (caught.value.kind, caught.value.failure_class) == ("encoded", "passing")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "compress", "gzip, br"])
@pytest.mark.parametrize(
    "head",
    [b"", AUDIO, b"ID3\x04" + bytes(6) + AUDIO, b"\0\0\0\x20ftypM4A " + BODY, b"OggS\0\2" + bytes(8) + BODY],
    ids=["nothing", "mp3", "tagged", "m4a", "ogg"],
)
def test_a_lie_is_not_believed(coding: str, head: bytes) -> None:
    assert decoder_for([coding], head[:4096], HOST) is None


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize(
    "head", [b"<!DOCTYPE html>" + b"<p>text" * 600, bytes(4096), BODY], ids=["page", "zeros", "any"]
)
def test_a_lie_about_what_is_no_media_is_not_believed(coding: str, head: bytes) -> None:
    assert decoder_for([coding], head[:4096], HOST) is None


@pytest.mark.parametrize("headers", [[], [""], ["identity"], ["utf-8"], ["audio/mpeg, binary"]])
def test_what_is_no_coding_is_no_coding(headers: list[str]) -> None:
    for head in (BODY, gzip.compress(BODY), gzip.compress(b"<html>"), gzip.compress(AUDIO)[:5]):
        assert decoder_for(headers, head[:4096], HOST) is None


@pytest.mark.parametrize(
    "headers", [["compress"], ["dcz"], ["gzip, x-compress"], ["gzip, gzip, gzip", "gzip, gzip, gzip"]]
)
def test_what_cannot_be_undone_is_refused(headers: list[str]) -> None:
    with pytest.raises(FetchError, match="podcrawler cannot undo that") as caught:
        decoder_for(headers, BODY[:4096], HOST)
    assert (caught.value.kind, caught.value.failure_class) == ("encoded", "permanent")
