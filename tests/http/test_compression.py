"""Bodies of pages, compressed as their Content-Encoding says, or not."""

import gzip
import zlib

import pytest
from scrapy import Request
from scrapy.http import Response, TextResponse
from scrapy.utils.test import get_crawler

from podcrawler.http.compression import CompressionMiddleware

PAGE = b"<rss><channel><title>Tea and rain</title></channel></rss>"


def received(body: bytes, coding: str) -> Response:
    middleware = CompressionMiddleware.from_crawler(get_crawler())
    headers = {"Content-Encoding": coding, "Content-Type": "text/xml"}
    answer = middleware.process_response(
        Request("http://a.example/"), Response("http://a.example/", 200, headers, body)
    )
    assert isinstance(answer, TextResponse)
    return answer


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_a_body_that_only_pretends_to_be_compressed_is_taken_as_it_is(coding: str) -> None:
    answer = received(PAGE, coding)
    assert answer.body == PAGE
    assert "Content-Encoding" not in answer.headers


def test_a_body_that_is_compressed_is_decompressed() -> None:
    assert received(gzip.compress(PAGE), "gzip").body == PAGE
    assert received(zlib.compress(PAGE), "deflate").body == PAGE
