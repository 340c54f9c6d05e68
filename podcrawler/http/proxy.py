"""The proxy of each request, for pages and media alike: its host's (``PODCRAWLER_HOSTS``), else ``PODCRAWLER_PROXY``,
else the environment's.

Scrapy's own middleware with more sources. ``no_proxy`` applies to all but the host's own, and ``meta["proxy"]`` of a
request takes precedence over all. Of several proxies each request takes the next one; a request whose proxy failed is
sent again through another, until each was tried once. Credentials are sent to the proxy only (client.py).
"""

import logging
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.http import Response
from scrapy.utils.url import add_http_if_no_scheme
from typing_extensions import override

from podcrawler.exceptions import FetchError, ProxyFailedError
from podcrawler.hosts import Hosts
from podcrawler.http.proxy_errors import login_refused
from podcrawler.http.rotation import Rotation
from podcrawler.proxies import ProxyAddress, read_proxies

logger = logging.getLogger(__name__)

#: In the meta of a request whose proxy was chosen here, and not given with the request: the _Choice.
_CHOSEN = "proxy_chosen"
#: In the meta of a request that is sent again: the proxies that failed it.
_TRIED = "proxies_tried"


class _Choice(NamedTuple):
    """The proxy that a request takes. Numbers alone, because the meta of a request may be queued."""

    #: Indexes in the rotation: those that were tried, the present one last.
    tried: tuple[int, ...]
    #: By the rotation's clock.
    at: float

    @property
    def present(self) -> int:
        return self.tried[-1]


class ProxyMiddleware(HttpProxyMiddleware):
    """Replaces Scrapy's HttpProxyMiddleware, with its settings (``HTTPPROXY_ENABLED``, ...)."""

    def __init__(self, auth_encoding: str | None = "latin-1") -> None:
        super().__init__(auth_encoding)
        # What this one chooses comes first, SOCKS included.
        self.proxies.clear()
        self._environment = _of_environment()
        #: Of ``PODCRAWLER_PROXY``.
        self.everywhere: Rotation | None = None
        self.hosts = Hosts({})
        #: Of single hosts.
        self._rotations: dict[tuple[ProxyAddress, ...], Rotation] = {}

    @classmethod
    @override
    def from_crawler(cls, crawler: Crawler) -> "ProxyMiddleware":
        middleware = super().from_crawler(crawler)
        if proxies := read_proxies(crawler.settings):
            middleware.everywhere = Rotation(proxies)
        middleware.hosts = Hosts.read(crawler.settings)
        return middleware

    @override
    def process_request(self, request: Request) -> None:  # type: ignore[override]  # the spider argument is deprecated
        tried = request.meta.pop(_TRIED, ())
        if request.meta.pop(_CHOSEN, None):
            # A redirect inherits the proxy of the first request; no_proxy may exclude the new host.
            request.meta["proxy"] = None
            super().process_request(request)
            request.meta.pop("proxy", None)
        if "proxy" not in request.meta and (rotation := self._rotation_for(request.url)):
            index = rotation.choose(tried)
            request.meta["proxy"] = rotation.proxies[index].url
            request.meta[_CHOSEN] = _Choice((*tried, index), rotation.clock())
        super().process_request(request)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Raises ProxyFailedError if it is the proxy that wants a login. For https, the client sees that answer."""
        proxy, is_plain = request.meta.get("proxy"), request.url.startswith("http:")
        if response.status == 407 and is_plain and proxy and proxy.startswith("http"):
            failure = login_refused(ProxyAddress.parse(proxy))
            if again := self.process_exception(request, failure):
                return again
            raise failure
        if choice := self._choice_of(request):
            rotation, chosen = choice
            rotation.note_success(chosen.present)
            # Headers are shown (``fetch --headers``). What comes of the request chooses its proxy anew.
            request.headers.pop("Proxy-Authorization", None)
            request.meta.pop("_auth_proxy", None)
        return response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        """The request again, for another proxy, if it failed because of its own. Raises ProxyFailedError if all of
        several have failed."""
        if not isinstance(exception, ProxyFailedError) or (choice := self._choice_of(request)) is None:
            return None
        rotation, chosen = choice
        if exception.is_down:
            rest = rotation.note_failure(chosen.present, chosen.at)
            if len(rotation) > 1:
                logger.warning("The proxy %s %s; it rests for %d s.", exception.name, exception.problem, rest)
        if len(chosen.tried) < len(rotation):
            again = request.replace(dont_filter=True)
            again.meta[_TRIED] = chosen.tried
            return again
        if len(rotation) > 1:
            raise _all_failed(exception, len(rotation)) from exception
        return None

    def _choice_of(self, request: Request) -> tuple[Rotation, _Choice] | None:
        """The proxy that was chosen for the request, and where from; None if it has none, or came with one."""
        chosen = request.meta.get(_CHOSEN)
        if isinstance(chosen, _Choice) and (rotation := self._rotation_for(request.url)):
            return rotation, chosen
        return None

    def _rotation_for(self, url: str) -> Rotation | None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        own = self.hosts.of(host).proxy
        if own is not None:
            if own and own not in self._rotations:
                self._rotations[own] = Rotation(own)
            return self._rotations.get(own)
        rotation = self.everywhere or self._environment.get(parts.scheme)
        # Last: it reads the whole environment, which takes 0.1 ms.
        return None if rotation is None or proxy_bypass(host) else rotation


def _all_failed(last: ProxyFailedError, count: int) -> FetchError:
    """Of a list, one or the other may work again the next time, whatever the last one said."""
    return FetchError(
        "proxy",
        f"{count} proxies were tried, and all failed: the last one, {last.name}, {last.problem}; {last.remedy}.",
        "passing",
    )


def _of_environment() -> dict[str, Rotation]:
    """``http_proxy`` and ``https_proxy`` by the scheme that they are for, and ``all_proxy`` where one is missing."""
    found = getproxies()
    rotations = {}
    for scheme in ("http", "https"):
        if value := found.get(scheme) or found.get("all"):
            try:
                rotations[scheme] = Rotation((ProxyAddress.parse(add_http_if_no_scheme(value)),))
            except ValueError as error:
                logger.warning("%s_proxy in the environment %s; it is not used.", scheme, error)
    return rotations
