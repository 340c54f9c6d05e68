"""Cookies: Scrapy's middleware, which is imported with the first cookie, because the list of public suffixes that it
needs takes time to load."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response

from podcrawler.scrapy_internals import CookiesMiddleware, new_cookies_middleware


class LateCookiesMiddleware:
    """Does nothing until a request or a response has a cookie; from then on, what Scrapy's does."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._scrapys: CookiesMiddleware | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("COOKIES_ENABLED"):
            raise NotConfigured
        return cls(crawler)

    def process_request(self, request: Request) -> Request | Response | None:
        if self._scrapys is None and not request.cookies and "Cookie" not in request.headers:
            return None
        return self._middleware.process_request(request)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        if self._scrapys is None and "Set-Cookie" not in response.headers:
            return response
        return self._middleware.process_response(request, response)

    @property
    def _middleware(self) -> CookiesMiddleware:
        if self._scrapys is None:
            self._scrapys = new_cookies_middleware(self._crawler)
        return self._scrapys
