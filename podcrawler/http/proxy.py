"""Which proxy a request goes through, pages and media alike: ``PODCRAWLER_PROXY``, else the environment's.

Scrapy's own middleware (``http_proxy``, ``https_proxy``) with one more source. ``no_proxy`` holds for both, and
``meta["proxy"]`` of a request comes before both. Credentials are told to the proxy alone (handler.py).
"""

from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.settings import BaseSettings

from podcrawler.exceptions import SettingError


class ProxyMiddleware(HttpProxyMiddleware):
    """Stands in for Scrapy's HttpProxyMiddleware, with its settings (``HTTPPROXY_ENABLED``, ...)."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "ProxyMiddleware":
        middleware = super().from_crawler(crawler)
        if proxy := read_proxy(crawler.settings):
            middleware.proxies = {scheme: middleware._get_proxy(proxy, scheme) for scheme in ("http", "https")}
        return middleware

    def process_request(self, request: Request) -> None:  # type: ignore[override]  # the spider argument is deprecated
        if request.meta.pop("_scheme_proxy", False):
            # A redirect of a request that was given its proxy here; no_proxy may say otherwise for the new host.
            del request.meta["proxy"]
        super().process_request(request)


def read_proxy(settings: BaseSettings) -> str:
    """``PODCRAWLER_PROXY``, empty where not set; SettingError if it is no proxy's address."""
    proxy = str(settings["PODCRAWLER_PROXY"] or "").strip()
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if proxy and (not usable or parts.path not in ("", "/") or parts.query or parts.fragment or not proxy.isascii()):
        # Not quoted: it may hold a password.
        raise SettingError(
            "PODCRAWLER_PROXY is not the address of a proxy: write http://HOST:PORT, or "
            "http://USER:PASSWORD@HOST:PORT with the special characters of both percent-encoded."
        )
    return proxy
