"""Pages of directories, by their structure: the feed that each leads to."""

import json

import pytest

from podcrawler.exceptions import ListingError
from podcrawler.sites.base import Referral
from podcrawler.sites.directories import lookups
from podcrawler.sites.known import site_for
from tests.sites.pages import response

FEED = "https://orchard.example/feed.xml?a=1&b=2"
LOOKUP = "https://itunes.apple.com/lookup?id=123456789&entity=podcast"
HERE = "http://127.0.0.1:8000"
APPLE = "https://podcasts.apple.com/us/podcast/the-orchard/id123456789"


def page(body: str = "", head: str = "", title: str = "The Orchard") -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


def link(href: str, words: str = "x", more: str = "") -> str:
    return f'<a href="{href}" {more}>{words}</a>'


def meta(name: str, content: str) -> str:
    return f'<meta property="{name}" name="{name}" content="{content}">'


def script(**values: object) -> str:
    return f"<script>window.page = {json.dumps(values)}</script>"


RSS = link(FEED.replace("&", "&amp;"), "<img alt='RSS' src='/rss.svg'>")
APP = meta("apple-itunes-app", "app-id=525463029, app-argument=https://podcasts.apple.com/podcast/id123456789")


def addresses(html: str, url: str) -> list[str]:
    found = response(html, "text/html", url)
    site = site_for(found)
    assert site.name == "directory"
    referral = site.parse_list(found)
    assert isinstance(referral, Referral)
    (podcast,) = referral.podcasts
    return podcast


@pytest.mark.parametrize(
    ("url", "html", "expected"),
    [
        # Apple Podcasts
        (APPLE, page(), [LOOKUP]),
        (f"{APPLE}?i=1000600000001", page(), [LOOKUP]),
        ("https://podcasts.apple.com/podcast/id123456789", page(), [LOOKUP]),
        ("https://itunes.apple.com/us/podcast/x/id123456789?mt=2", page(), [LOOKUP]),
        ("https://itunes.apple.com/WebObjects/MZStore.woa/wa/viewPodcast?cc=us&id=123456789", page(), [LOOKUP]),
        (APPLE, page(script(data=[{"feedUrl": FEED}])), [FEED, LOOKUP]),
        (APPLE, page(script(data=json.dumps({"feedUrl": FEED}))), [FEED, LOOKUP]),
        (APPLE, page(link("https://podcasts.apple.com/us/podcast/another/id987654321")), [LOOKUP]),
        # The same pages at another host
        (f"{HERE}/us/podcast/the-orchard/id123456789", page(), [LOOKUP]),
        (f"{HERE}/p", page(head=meta("og:site_name", "Apple Podcasts") + meta("og:url", APPLE)), [LOOKUP]),
        (f"{HERE}/p", page(head=APP, title="The Orchard on Apple Podcasts - Apple Podcasts"), [LOOKUP]),
        # Overcast
        ("https://overcast.fm/itunes123456789/the-orchard", page(), [LOOKUP]),
        (f"{HERE}/itunes123456789/the-orchard", page(), [LOOKUP]),
        ("https://overcast.fm/+AbCdEf", page(link(APPLE) + RSS), [FEED, LOOKUP]),
        ("https://overcast.fm/+AbCdEf", page(f"<audio><source src='/1.mp3'></audio>{link(APPLE)}"), [LOOKUP]),
        (f"{HERE}/+AbCdEf", page(link(APPLE), meta("og:site_name", "Overcast")), [LOOKUP]),
        # Pocket Casts
        ("https://pca.st/podcast/00000000-0000", page(f"<div class='rss_button'>{RSS}</div>"), [FEED]),
        ("https://pca.st/episode/00000000-0000", page(link(APPLE, "iTunes")), [LOOKUP]),
        ("https://play.pocketcasts.com/podcasts/0000", page(script(feed_url=FEED)), [FEED]),
        ("https://pocketcasts.com/podcasts/0000", page(head=f"<link rel='feed' href='{FEED}'>"), [FEED]),
        (f"{HERE}/x", page(script(rssUrl=FEED), title="The Orchard - Pocket Casts"), [FEED]),
        # Castro
        ("https://castro.fm/podcast/0000", page(link(FEED, "", "class='icon-rss'") + link(APPLE)), [FEED, LOOKUP]),
        ("https://castro.fm/itunes/123456789", page(), [LOOKUP]),
        ("https://castro.fm/episode/AbCd", page(script(podcast={"feedURL": FEED})), [FEED]),
    ],
)
def test_a_page_of_a_directory_leads_to_the_feed(url: str, html: str, expected: list[str]) -> None:
    assert addresses(html, url) == expected


@pytest.mark.parametrize("url", ["https://pca.st/abcd", "https://castro.fm/podcast/1", "https://overcast.fm/+x"])
@pytest.mark.parametrize("body", ["", "<a href='/podcasts'>More podcasts</a>"])
def test_a_page_of_a_directory_that_tells_no_feed_is_refused(url: str, body: str) -> None:
    with pytest.raises(ListingError, match="tells neither the podcast's feed nor its id") as refused:
        addresses(page(body), url)
    assert refused.value.kind == "no-feed"


@pytest.mark.parametrize(
    "url",
    ["https://blog.example/id123456789-post", "https://blog.example/post/id123456789", "https://x.example/itunes"],
)
def test_a_number_in_an_address_makes_no_directory(url: str) -> None:
    assert site_for(response(page("<audio src='/1.mp3'>"), "text/html", url)).name == "web-page"


def test_a_feed_at_such_an_address_is_a_feed() -> None:
    feed = "<rss version='2.0'><channel><title>x</title></channel></rss>"
    assert site_for(response(feed, "text/html", APPLE)).name == "feed"


def test_the_look_up_tells_the_feed() -> None:
    results = [{"wrapperType": "track", "kind": "podcast", "collectionId": 123456789, "feedUrl": FEED}]
    found = response(json.dumps({"resultCount": 1, "results": results}), "text/javascript; charset=utf-8", LOOKUP)
    site = site_for(found)
    assert site.name == "apple-lookup"
    assert site.parse_list(found) == Referral([[FEED]])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"resultCount": 0, "results": []}', "knows no podcast with this id"),
        ('{"resultCount": 1, "results": [{"kind": "podcast"}]}', "for subscribers of Apple alone"),
        ('{"resultCount": 1, "results": [{"feedUrl": "file:///x"}]}', "for subscribers of Apple alone"),
        ('{"resultCount": 1, "results": {', "knows no podcast with this id"),
        ('{"resultCount": 1, "results": 5}', "knows no podcast with this id"),
    ],
)
def test_a_look_up_without_a_feed_is_refused(body: str, sentence: str) -> None:
    found = response("\n\n" + body, "text/javascript", LOOKUP)
    with pytest.raises(ListingError, match=sentence) as refused:
        site_for(found).parse_list(found)
    assert refused.value.kind == "no-feed"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (APPLE, [LOOKUP]),
        ("https://overcast.fm/itunes123456789/x", [LOOKUP]),
        ("https://castro.fm/itunes/123456789", [LOOKUP]),
        # The page itself tells whether it is one.
        ("https://blog.example/podcast/x/id123456789", []),
        ("https://podcasts.apple.com/us/channel/fruits/id123456789", []),
        ("https://apps.apple.com/us/app/pocket-casts/id414834813", []),
        (LOOKUP, []),
        ("https://overcast.fm/+abc", []),
    ],
)
def test_the_id_in_an_address_can_be_looked_up_without_the_page(address: str, expected: list[str]) -> None:
    assert lookups(address) == expected
