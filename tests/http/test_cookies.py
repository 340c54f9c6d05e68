"""Cookies, which Scrapy's middleware handles once there is one."""

import sys

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from podcrawler.http.cookies import LateCookiesMiddleware

PAGE = "http://example.com/feed"


@pytest.fixture
def crawler() -> Crawler:
    return get_crawler()


def test_what_has_no_cookies_passes_and_nothing_is_imported(crawler: Crawler, monkeypatch: pytest.MonkeyPatch) -> None:
    # An import of it would fail.
    monkeypatch.setitem(sys.modules, "scrapy.downloadermiddlewares.cookies", None)
    middleware = LateCookiesMiddleware.from_crawler(crawler)
    request, response = Request(PAGE), Response(PAGE)
    assert middleware.process_request(request) is None
    assert middleware.process_response(request, response) is response
    assert "Cookie" not in request.headers


def test_a_cookie_that_a_host_sets_is_sent_back(crawler: Crawler) -> None:
    middleware = LateCookiesMiddleware.from_crawler(crawler)
    middleware.process_response(Request(PAGE), Response(PAGE, headers={"Set-Cookie": "a=b"}))
    later = Request(PAGE)
    middleware.process_request(later)
    assert later.headers["Cookie"] == b"a=b"


def test_a_cookie_of_a_request_is_sent_and_kept(crawler: Crawler) -> None:
    middleware = LateCookiesMiddleware.from_crawler(crawler)
    first, later = Request(PAGE, cookies={"a": "b"}), Request(PAGE)
    for request in (first, later):
        middleware.process_request(request)
        assert request.headers["Cookie"] == b"a=b"


def test_there_are_none_where_they_are_off() -> None:
    with pytest.raises(NotConfigured):
        LateCookiesMiddleware.from_crawler(get_crawler(settings_dict={"COOKIES_ENABLED": False}))
