"""Redirects: only those to http and https are followed, and no cookie goes to another port, or from https to http. A
media file may come as a redirect that names no address: as in browsers, its body counts.

Most media hosts redirect (trackers, load balancers). Scrapy's middleware limits their number (``REDIRECT_MAX_TIMES``,
20), removes Authorization when scheme, host or port change, and removes Cookie when the host changes or TLS ends.

A page may redirect, too (``<meta http-equiv="refresh">``), and so may XML in place of a feed. Only its beginning is
read for that, because whole documents are read in processes of their own (reading/).
"""

import re
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware as ScrapyMetaRefreshMiddleware
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware as ScrapyRedirectMiddleware
from scrapy.http import HtmlResponse, Response
from typing_extensions import override

from podcrawler.exceptions import FetchError
from podcrawler.http.handler import MediaResponse
from podcrawler.logins import AUTHORIZATION, TOLD_LOGIN, origin_of, split_login
from podcrawler.sites.encodings import readable
from podcrawler.store.validators import without_query

#: RFC 9110 §15.4.
_REDIRECTS = (301, 302, 303, 307, 308)
#: Bytes of a page in which Scrapy's 4,096 characters are.
_BEGINNING = 4 * 4096
#: A feed that has moved, as some hosts say: ``<redirect><newLocation>...</newLocation></redirect>``.
_NEW_LOCATION = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^<>]*>\s*)?<redirect\s*>\s*<newLocation\s*>\s*(?:<!\[CDATA\[\s*)?"
    rb"(https?://[^\s<>\"'\]]+)\s*(?:\]\]>\s*)?</newLocation\s*>",
    re.IGNORECASE,
)


class RedirectMiddleware(ScrapyRedirectMiddleware):
    """Replaces Scrapy's RedirectMiddleware, with its settings.

    Raises FetchError: ``address`` for a redirect to anything but http and https, ``protocol`` for one to nowhere.
    """

    @override
    def process_response(  # type: ignore[override]  # the spider argument is deprecated
        self, request: Request, response: Response
    ) -> Request | Response:
        location = (response.headers.get("Location") or b"").strip()
        if response.status in _REDIRECTS and not location:
            if isinstance(response, MediaResponse):
                return response
            raise _to_nowhere(request, response)
        if b"\\" in location:
            # As in browsers (URL Standard, "relative slash state"): before the query both slashes mean the same.
            path = re.split(rb"[?#]", location, maxsplit=1)[0]
            response.headers["Location"] = path.replace(b"\\", b"/") + location[len(path) :]
        try:
            result = super().process_response(request, response)
        except ValueError:
            raise _not_on_the_web(request) from None
        if isinstance(result, Request):
            return _sanitized(request, result)
        # Scrapy returns a redirect to another scheme unchanged.
        if response.status in _REDIRECTS:
            raise _not_on_the_web(request)
        return result


class MetaRefreshMiddleware(ScrapyMetaRefreshMiddleware):
    """Replaces Scrapy's MetaRefreshMiddleware, which decodes the whole page, with any of Python's codecs. A feed that
    names its new location is taken for such a page."""

    @override
    def process_response(  # type: ignore[override]  # the spider argument is deprecated
        self, request: Request, response: Response
    ) -> Request | Response:
        moved = _NEW_LOCATION.match(response.body[:_BEGINNING])
        if moved:
            refresh = b'<meta http-equiv="refresh" content="0; url=%s">' % moved[1]
            beginning: Response = HtmlResponse(response.url, body=refresh, encoding="utf-8")
        elif isinstance(response, HtmlResponse):
            beginning = readable(response.replace(body=response.body[:_BEGINNING]))
        else:
            return response
        try:
            result = super().process_response(request, beginning)
        except ValueError:
            # The page has an invalid <base>, or its refresh names no valid address.
            return response
        return response if result is beginning else result


def _sanitized(request: Request, redirected: Request) -> Request:
    """The redirected request, with the login of its URL moved to the meta, where no log shows it. The login for the
    address before is removed, and so are cookies that are for another port or scheme."""
    url, login = split_login(redirected.url)
    if login:
        redirected = redirected.replace(url=url)
        redirected.meta[TOLD_LOGIN] = login._asdict()
    redirected.meta.pop(AUTHORIZATION, None)
    if _crosses_port_or_tls(request.url, url):
        redirected.headers.pop("Cookie", None)
        # A cookie is not bound to a port, and without Secure not to a scheme (RFC 6265 §8.5, §8.6).
        redirected.meta["dont_merge_cookies"] = True
    return redirected


def chain(response: Response) -> list[str]:
    """The URLs of the redirects that led to the response, its own last, without their queries: those may hold a
    signature that expires, or a listener's token."""
    before = response.request.meta.get("redirect_urls", []) if response.request else []
    return [without_query(url) for url in (*before, response.url)]


def _crosses_port_or_tls(source: str, target: str) -> bool:
    """Whether the redirect leads to another port or scheme of the same host. The upgrade from http to https on port 443
    does not count."""
    if urlsplit(source).hostname != urlsplit(target).hostname or origin_of(source) == origin_of(target):
        return False
    upgraded = origin_of(source).startswith("http:") and origin_of(target).startswith("https:")
    return not (upgraded and origin_of(target).endswith(":443"))


def _not_on_the_web(request: Request) -> FetchError:
    return FetchError(
        "address",
        f"{urlsplit(request.url).hostname} redirects to an address that is not on the web; tell its owner, because "
        "nothing but http and https is followed.",
    )


def _to_nowhere(request: Request, response: Response) -> FetchError:
    return FetchError(
        "protocol",
        f"{urlsplit(request.url).hostname} redirects ({response.status}) without saying where to; check whether the "
        "address opens in a browser, or try again later.",
        "passing",
    )
