"""Bodies of pages, compressed as their Content-Encoding says, or not."""

import asyncio
import gzip
import sys
import zlib

import brotli
import pytest
from scrapy import Request
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Response, TextResponse
from scrapy.utils.test import get_crawler

from podcrawler.http.compression import CompressionMiddleware

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PAGE = b"<rss><channel><title>Tea and rain</title></channel></rss>"
LIMIT = 1_000_000


async def received(body: bytes, coding: str) -> Response:
    middleware = CompressionMiddleware.from_crawler(get_crawler(settings_dict={"DOWNLOAD_MAXSIZE": LIMIT}))
    headers = {"Content-Encoding": coding, "Content-Type": "text/xml"}
    answer = await middleware.process_response(
        Request("http://a.example/"), Response("http://a.example/", 200, headers, body)
    )
    assert isinstance(answer, TextResponse)
    assert "Content-Encoding" not in answer.headers
    return answer


def of_coding(value: str | bytes) -> str:
    """The id of a test: what gzip makes has the time in it."""
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br", "compress", "gzip," * 50])
async def test_a_body_that_only_pretends_to_be_compressed_is_taken_as_it_is(coding: str) -> None:
    assert (await received(PAGE, coding)).body == PAGE


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", raw_deflate(PAGE)),
        ("br", brotli.compress(PAGE)),
        ("zstd", zstd.compress(PAGE)),
        ("gzip, br", brotli.compress(gzip.compress(PAGE))),
        ("gzip", gzip.compress(PAGE[:9]) + gzip.compress(PAGE[9:])),
        ("compress, gzip", gzip.compress(PAGE)),
    ],
    ids=of_coding,
)
async def test_a_body_that_is_compressed_is_decompressed(coding: str, body: bytes) -> None:
    assert (await received(body, coding)).body == PAGE


async def test_of_a_body_that_is_damaged_what_came_before_is_taken() -> None:
    page = b"".join(b"<p>%d</p>" % number for number in range(2000))
    packed = gzip.compress(page)
    for body in (packed[:-1000], packed[:-8] + bytes(8)):
        found = (await received(body, "gzip")).body
        assert len(found) > 1000
        assert page.startswith(found)


BOMB = bytes(2 * LIMIT)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BOMB)),
        ("deflate", raw_deflate(BOMB)),
        ("br", brotli.compress(BOMB)),
        ("zstd", zstd.compress(BOMB)),
        ("gzip, gzip", gzip.compress(gzip.compress(BOMB))),
    ],
    ids=of_coding,
)
async def test_what_expands_beyond_the_limit_is_refused(coding: str, body: bytes) -> None:
    with pytest.raises(DownloadCancelledError, match="more than 1000000 bytes"):
        await received(body, coding)


@pytest.mark.parametrize(
    ("coding", "unit"),
    [("gzip", gzip.compress(b"")), ("zstd", zstd.compress(b"")), ("zstd", b"\x50\x2a\x4d\x18\0\0\0\0")],
    ids=of_coding,
)
async def test_streams_that_give_nothing_end_soon_and_leave_the_loop_its_turns(coding: str, unit: bytes) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    # Ten times as many as it takes to see it.
    body = unit * (20_000_000 // len(unit))
    assert (await received(body, coding)).body == body
    counting.cancel()
    assert 100 < turns < 1000
