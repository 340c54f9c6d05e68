"""Directories of podcasts: the pages of Apple Podcasts, Overcast, Pocket Casts and Castro, and Apple's public look-up.

They have no episodes of their own, but lead to the podcast's feed: by a link to it, by JSON in the page, or by the
podcast's id at Apple, for which the look-up names the feed. The pages are recognized by their content, too, not by
their host alone. Made from the documented structure of these pages (docs/addresses.md).
"""

import json
import re
from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import urlsplit

from parsel import Selector
from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.exceptions import ListingError
from podcrawler.sites.base import Referral, Site
from podcrawler.sites.limits import MAX_ADDRESS, MAX_TITLE
from podcrawler.sites.links import feed_links, is_web_page, selector_of
from podcrawler.sites.reading import page_base, web_url

_HOSTS = re.compile(
    r"(?:www\.)?(?:(?:podcasts|itunes|geo\.itunes)\.apple\.com|overcast\.fm|pca\.st|(?:play\.)?pocketcasts\.com|castro\.fm)"
)
_APPLE_HOSTS = re.compile(r"(?:podcasts|itunes|geo\.itunes)\.apple\.com")
#: In the path: ``/us/podcast/title/id123`` at Apple, ``/itunes123/title`` at Overcast, ``/itunes/123`` at Castro.
_OWN_ID = re.compile(r"(?:.*/podcast(?:/[^/]*)?/id|/itunes/?)([0-9]{6,12})(?:/[^/]*)?/?")
#: In an address at Apple.
_APPLE_ID = re.compile(
    r"(?:/podcast\b.{0,500}?/id|//podcasts\.apple\.com/(?!.{0,500}/channel/).{0,500}/id|/viewPodcast\?(?:.{0,500}&)?id=)"
    r"([0-9]{4,12})(?![0-9])"
)
_APPLE_ARGUMENT = re.compile(r"\bapp-argument=[^,]{0,500}?/id([0-9]{4,12})(?![0-9])")
_NAMES = re.compile(r"(?:apple podcasts|overcast|pocket casts|castro)(?: .*)?|.*\bon apple podcasts", re.IGNORECASE)
#: The address of the feed in the JSON of a page, under the names that are in use.
_FEED_NAMES = re.compile(
    r'"(?:podcast_?)?(?:feed|rss|rss_?feed|feed_?rss)_?url"\s*:\s*("(?:[^"\\]|\\.){8,2000}")', re.IGNORECASE
)
#: Links that are looked at, of all.
_MOST_LINKS = 10_000
_LOOKUP = "https://itunes.apple.com/lookup?id={}&entity=podcast"


def lookups(address: str) -> list[str]:
    """Apple's look-up for the address of a page in a directory, if that contains the podcast's id at Apple."""
    is_directory = _HOSTS.fullmatch(urlsplit(address).hostname or "")
    return [_LOOKUP.format(number) for number in _ids_in(address)] if is_directory else []


class DirectoryPage(Site):
    """A podcast's or an episode's page in a directory."""

    name: ClassVar[str] = "directory"

    @override
    def matches(self, response: TextResponse) -> bool:
        if not is_web_page(response):
            return False
        if _HOSTS.fullmatch(urlsplit(response.url).hostname or "") or _ids_in(response.url):
            return True
        page = selector_of(response)
        return page is not None and any(_NAMES.fullmatch(name.strip()) for name in _own_names(page))

    @override
    def parse_list(self, response: TextResponse) -> Referral:
        page = selector_of(response)
        assert page is not None
        base = page_base(response)
        addresses = [*feeds_in_json(page, base), *feed_links(page, base), *self._own_lookups(response, page)]
        if not addresses:
            raise ListingError(
                "no-feed",
                f"{response.url} tells neither the podcast's feed nor its id at Apple; it may be for subscribers of "
                "that service alone: look for the feed on the podcast's own page.",
            )
        return Referral([list(dict.fromkeys(addresses))])

    def _own_lookups(self, response: TextResponse, page: Selector) -> list[str]:
        """Apple's look-up for each id at Apple that the page has in its address or its head, else for that to which it
        links."""
        heads = page.css('link[rel="canonical"]::attr(href), meta[property="og:url"]::attr(content)').getall()
        own = [number for url in (response.url, *heads) for number in _ids_in(url)]
        own += [n for n in page.css('meta[name="apple:content_id"]::attr(content)').getall() if n.isdecimal()]
        for content in page.css('meta[name="apple-itunes-app"]::attr(content)').getall():
            own += _APPLE_ARGUMENT.findall(content)
        # A page of Apple's links to other podcasts.
        return [_LOOKUP.format(number) for number in dict.fromkeys(own)] or linked_lookups(page)


class AppleLookup(Site):
    """The answer of Apple's public look-up: ``{"resultCount": 1, "results": [{"feedUrl": ...}]}``."""

    name: ClassVar[str] = "apple-lookup"

    @override
    def matches(self, response: TextResponse) -> bool:
        return response.body.lstrip()[:1] == b"{" and b'"resultCount"' in response.body[:1000]

    @override
    def parse_list(self, response: TextResponse) -> Referral:
        try:
            results = json.loads(response.body)["results"]
            feeds = [
                web_url("", str(one["feedUrl"])) for one in results if isinstance(one, dict) and one.get("feedUrl")
            ]
        except (ValueError, LookupError, TypeError, RecursionError):
            results, feeds = [], []
        addresses = list(dict.fromkeys(filter(None, feeds)))
        if addresses:
            return Referral([addresses])
        about = (
            "knows the podcast, but not its feed: it may be for subscribers of Apple alone"
            if results
            else "knows no podcast with this id"
        )
        raise ListingError("no-feed", f"Apple's directory {about} ({response.url}); give the address of the feed.")


def _own_names(page: Selector) -> Iterable[str]:
    """The names that a page has for the service that it belongs to."""
    names = (
        'meta[property="og:site_name"], meta[name="application-name"], meta[property="al:ios:app_name"], '
        'meta[name="twitter:app:name:iphone"], meta[name="apple-mobile-web-app-title"]'
    )
    yield from page.css(names).css("::attr(content)").getall()
    title = page.css("title::text").get("")[:MAX_TITLE]
    yield from re.split(r" +[-–—|·] +", title)[1:]


def linked_lookups(page: Selector) -> list[str]:
    """Apple's look-up for the podcast at Apple that a page links to; none if it links to several."""
    numbers = {
        number for link in page.css("a::attr(href)").getall()[:_MOST_LINKS] for number in _ids_in(link, at_apple=True)
    }
    return [_LOOKUP.format(number) for number in numbers] if len(numbers) == 1 else []


def _ids_in(address: str, *, at_apple: bool = False) -> list[str]:
    """The podcast's id at Apple in an address: one of Apple's, or unless ``at_apple`` one of the same structure."""
    try:
        parts = urlsplit(address if len(address) <= MAX_ADDRESS else "")
    except ValueError:
        return []
    if _APPLE_HOSTS.fullmatch(parts.hostname or ""):
        found = _APPLE_ID.search(address)
    else:
        found = None if at_apple else _OWN_ID.fullmatch(parts.path)
    return [found[1]] if found else []


def feeds_in_json(page: Selector, base: str) -> list[str]:
    """The addresses that JSON in the page's scripts names as that of a feed."""
    found = []
    for script in page.css("script::text").getall():
        found += _FEED_NAMES.findall(script)
        if '\\"' in script:
            # JSON in a string of JSON, as some frameworks embed it.
            found += _FEED_NAMES.findall(script.replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\"))
    return list(dict.fromkeys(filter(None, (web_url(base, _decoded(value)) for value in found))))


def _decoded(value: str) -> str:
    try:
        text: Any = json.loads(value, strict=False)
    except ValueError:
        return ""
    return str(text)
