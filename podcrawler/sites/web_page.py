"""Web pages of any host: of an episode, with its audio file; of a show, with a link to its feed.

What a page declares itself to be comes first (JSON-LD, ``og:audio``), then its feeds, then whatever it plays.
"""

from dataclasses import replace
from typing import ClassVar

from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.exceptions import ListingError
from podcrawler.logins import origin_of
from podcrawler.sites.base import Listing, Referral, Site
from podcrawler.sites.directories import feeds_in_json, linked_lookups, lookups
from podcrawler.sites.links import feed_links, is_web_page, next_page, selector_of, weak_links
from podcrawler.sites.reading import page_base
from podcrawler.sites.web_episodes import declared_episodes, feeds_of_series, played_episodes


class WebPage(Site):
    # Asked last: pages of other formats have elements of HTML, too.
    name: ClassVar[str] = "web-page"
    generic: ClassVar[bool] = True

    @override
    def matches(self, response: TextResponse) -> bool:
        return is_web_page(response)

    @override
    def parse_list(self, response: TextResponse) -> Listing | Referral:
        page = selector_of(response)
        assert page is not None
        base = page_base(response)
        declared = _of_series(declared_episodes(page, response.url, base))
        if len(declared.episodes) == 1:
            return declared
        in_json = feeds_in_json(page, base)
        feeds = feeds_of_series(page, base)
        # Several are those of many podcasts.
        feeds += in_json if len(in_json) == 1 else []
        feeds += [*feed_links(page, base), *linked_lookups(page)]
        # A link to one podcast at Apple was taken; of several, none is the page's.
        feeds = feeds or [url for url in weak_links(page, base) if not lookups(url)]
        listed = declared if declared.episodes else _of_series(played_episodes(page, response.url, base))
        # The page of a single episode leads to that of another one.
        if len(listed.episodes) > 1 and (following := next_page(page, base)):
            listed = replace(listed, next_urls=[following])
        otherwise = listed if listed.episodes else None
        if feeds:
            return Referral([list(dict.fromkeys(feeds))], otherwise)
        if otherwise:
            return otherwise
        raise ListingError(
            "unknown-page",
            f"{response.url} is neither a feed nor a page that podcrawler knows, and has no link to a feed and no "
            "audio; give the address of the podcast's RSS or Atom feed, or of its list of episodes.",
        )


def _of_series(listing: Listing) -> Listing:
    """The listing of a page, which belongs to a series of its own origin; no page can say so of another one."""
    podcast = listing.podcast
    is_own = origin_of(podcast.link) == origin_of(podcast.address)
    return replace(listing, known_as=f"{podcast.link}#{podcast.title}") if is_own else listing
