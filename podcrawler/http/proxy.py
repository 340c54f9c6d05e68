"""The proxy of each request, for pages and media alike: ``PODCRAWLER_PROXY``, else the environment's.

Scrapy's own middleware (``http_proxy``, ``https_proxy``) with one more source. ``no_proxy`` applies to both, and
``meta["proxy"]`` of a request takes precedence over both. Credentials are sent to the proxy only (handler.py).
"""

from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.settings import BaseSettings
from typing_extensions import override

from podcrawler.exceptions import SettingError

#: Set in the meta of a request whose proxy was chosen here, and not given with the request.
_CHOSEN = "proxy_chosen"


class ProxyMiddleware(HttpProxyMiddleware):
    """Replaces Scrapy's HttpProxyMiddleware, with its settings (``HTTPPROXY_ENABLED``, ...)."""

    #: ``PODCRAWLER_PROXY``; empty if not set.
    proxy = ""

    @classmethod
    @override
    def from_crawler(cls, crawler: Crawler) -> "ProxyMiddleware":
        middleware = super().from_crawler(crawler)
        middleware.proxy = read_proxy(crawler.settings)
        return middleware

    @override
    def process_request(self, request: Request) -> None:  # type: ignore[override]  # the spider argument is deprecated
        if request.meta.pop(_CHOSEN, False):
            # A redirect inherits the proxy of the first request; no_proxy may exclude the new host.
            request.meta.pop("proxy", None)
        given = "proxy" in request.meta
        if self.proxy and not given and not proxy_bypass(urlsplit(request.url).hostname or ""):
            request.meta["proxy"] = self.proxy
        super().process_request(request)
        if not given and request.meta.get("proxy"):
            request.meta[_CHOSEN] = True


def read_proxy(settings: BaseSettings) -> str:
    """The address in ``PODCRAWLER_PROXY``, empty if not set. Raises SettingError if it is no address of a proxy."""
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
