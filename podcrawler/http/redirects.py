"""Redirects, which media hosts send as a matter of course (trackers, load balancers): followed on the web only.

Scrapy's own middleware bounds their number (``REDIRECT_MAX_TIMES``, 20), takes Authorization away when scheme, host or
port change, and Cookie when the host changes or TLS ends. This one adds what it leaves open.
"""

from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware as ScrapyRedirectMiddleware
from scrapy.http import Response

from podcrawler.exceptions import FetchError
from podcrawler.logins import origin_of, split_login
from podcrawler.store.validators import without_query

#: RFC 9110 §15.4.
_REDIRECTS = (301, 302, 303, 307, 308)


class RedirectMiddleware(ScrapyRedirectMiddleware):
    """Stands in for Scrapy's RedirectMiddleware, with its settings."""

    def process_response(  # type: ignore[override]  # the spider argument is deprecated
        self, request: Request, response: Response
    ) -> Request | Response:
        try:
            result = super().process_response(request, response)
        except ValueError:
            raise _not_on_the_web(request) from None
        if isinstance(result, Request):
            return _sanitized(request, result)
        # Scrapy gives such an answer back as it is.
        if response.status in _REDIRECTS and "Location" in response.headers:
            raise _not_on_the_web(request)
        return result


def _sanitized(request: Request, redirected: Request) -> Request:
    """The redirected request, with its login where no log shows it, and without cookies that are for another door."""
    url, login = split_login(redirected.url)
    if login:
        redirected = redirected.replace(url=url)
        redirected.meta["login"] = login._asdict()
    if _crosses_port_or_tls(request.url, url):
        redirected.headers.pop("Cookie", None)
        # A cookie knows no port, and one without Secure no scheme (RFC 6265 §8.5, §8.6).
        redirected.meta["dont_merge_cookies"] = True
    return redirected


def chain(response: Response) -> list[str]:
    """The addresses that led to the response, its own last, without queries: those hold signatures that run out, and
    tokens that are a listener's own."""
    before = response.request.meta.get("redirect_urls", []) if response.request else []
    return [without_query(url) for url in (*before, response.url)]


def _crosses_port_or_tls(source: str, target: str) -> bool:
    """Whether the same host is asked on another port, or without TLS after with it."""
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
