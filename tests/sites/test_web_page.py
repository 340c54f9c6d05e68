"""Web pages of any host: where each leads, and the episodes that each has itself."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcrawler.exceptions import ListingError
from podcrawler.items import Episode
from podcrawler.sites.base import Listing, Referral
from podcrawler.sites.known import site_for
from podcrawler.sites.links import selector_of
from podcrawler.sites.web_page import WebPage
from tests.sites.pages import response

LD = "<script type='application/ld+json'>"
URL = "https://show.example/season/well.html"
BASE = "https://show.example"
RSS = 'rel="alternate" type="application/rss+xml"'


def read(html: str, url: str = URL) -> Listing | Referral:
    page = response(html, "text/html", url)
    site = site_for(page)
    assert site.name == "web-page"
    return site.parse_list(page)


def page(body: str = "", head: str = "") -> str:
    return f"<!DOCTYPE html><html lang='en'><head><title>The well</title>{head}</head><body>{body}</body></html>"


def ld(*objects: Any) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(one)}</script>' for one in objects)


def media(path: str = "/well.mp3", **more: Any) -> dict[str, Any]:
    return {"@type": "AudioObject", "contentUrl": path, **more}


def episode(**more: Any) -> dict[str, Any]:
    return {"@context": "https://schema.org", "@type": "PodcastEpisode", "name": "Well", **more}


def only_episode(html: str) -> Episode:
    found = read(html)
    assert isinstance(found, Listing)
    (one,) = found.episodes
    return one


# Pages that lead to feeds


@pytest.mark.parametrize(
    ("html", "addresses"),
    [
        (page(head=f"<link {RSS} href='/feed.xml'>"), ["/feed.xml"]),
        (page(head="<link rel='alternate' type='application/atom+xml' href='/atom'>"), ["/atom"]),
        (page(head="<link rel='alternate' type='application/feed+json' href='/feed.json'>"), ["/feed.json"]),
        (page(head="<LINK REL='ALTERNATE' TYPE='Application/RSS+XML; charset=utf-8' HREF='f.xml'>"), ["/season/f.xml"]),
        (page(head="<base href='/other/'><link rel='alternate' type='text/xml' href='f'>"), ["/other/f"]),
        (page(head="<link rel='feed' href='/feed'>"), ["/feed"]),
        (page(f"<link {RSS} href='/in-the-body'>"), ["/in-the-body"]),
        # Comments last, podcasts first.
        (
            page(head=f"<link {RSS} href='/comments/feed'><link {RSS} href='/a'><link {RSS} href='/podcast/feed'>"),
            ["/podcast/feed", "/a", "/comments/feed"],
        ),
        (page(head=f"<link {RSS} title='Kommentare' href='/k'><link {RSS} title='Blog' href='/b'>"), ["/b", "/k"]),
        # Links of the body after those of the head, and what is hardly one last.
        (
            page(
                "<a href='/rss'>RSS</a>",
                f"<link rel='alternate' type='application/json' href='/api'><link {RSS} href='/f'>",
            ),
            ["/f", "/rss", "/api"],
        ),
        (page("<a href='show.rss'>Subscribe</a>"), ["/season/show.rss"]),
        (page("<a href='/x'><img alt='RSS feed' src='orange.png'></a>"), ["/x"]),
        (page("<a href='/x' class='icon rss'></a>"), ["/x"]),
        (page("<a href='/x' title='Feed'>here</a>"), ["/x"]),
        (page("<a href='/x' type='application/rss+xml'>here</a>"), ["/x"]),
        (page("<map><area href='/rss.xml' alt='x'></map>"), ["/rss.xml"]),
        (page("<a href='https://feeds.example/show'>Listen</a>"), ["https://feeds.example/show"]),
        (page("<a href='feed:https://f.example/x'>x</a>"), ["https://f.example/x"]),
        (page("<a href='itpc://f.example/x'>x</a>"), ["https://f.example/x", "http://f.example/x"]),
        (page("<a href='/audio.html'>Our podcast</a>"), ["/audio.html"]),
        # Only spoken of: not where there is better, and not many.
        (page("<a href='/about'>About podcasts</a><a href='/rss'>RSS</a>"), ["/rss"]),
        (page("".join(f"<a href='/{n}'>podcast {n}</a>" for n in range(9))), ["/0", "/1", "/2"]),
        (page(ld({"@type": "PodcastSeries", "webFeed": "/series.xml"})), ["/series.xml"]),
        (page(ld({"@type": "PodcastSeries", "webFeed": {"@type": "DataFeed", "url": "/series.xml"}})), ["/series.xml"]),
        (
            page('<script>window.x = {"feedUrl": "https:\\/\\/f.example\\/x?a=1&b=2"}</script>'),
            ["https://f.example/x?a=1&b=2"],
        ),
        (
            page("<a href='https://podcasts.apple.com/us/podcast/the-well/id123456789?mt=2'>Apple</a>"),
            ["https://itunes.apple.com/lookup?id=123456789&entity=podcast"],
        ),
        # A page cut off in the middle, and one without a frame.
        (f"<html><head><title>Show</title><link {RSS} href='/feed.xml'></he", ["/feed.xml"]),
        (f"<title>Show</title><link {RSS} href='/feed.xml'>", ["/feed.xml"]),
        (f"Warning: line 3\n<html><link {RSS} href='/feed.xml'></html>", ["/feed.xml"]),
    ],
)
def test_a_page_leads_to_its_feeds(html: str, addresses: list[str]) -> None:
    found = read(html)
    assert isinstance(found, Referral)
    assert found.podcasts == [[one if "://" in one else BASE + one for one in addresses]]
    assert found.otherwise is None


@pytest.mark.parametrize(
    "html",
    [
        page("Hello"),
        page("<a href='#podcast'>podcast</a><a href='well.html#rss'>RSS</a>"),
        page("<a href='mailto:rss@example.com'>RSS</a><a href='javascript:feed()'>Feed</a>"),
        page("<a href='/feedback'>Feedback</a><a href='/express'>Press</a>"),
        page(head="<link rel='alternate' hreflang='de' href='/de/'><link rel='stylesheet' href='/feed.css'>"),
        page(head="<link rel='alternate' type='application/json+oembed' href='/oembed'>"),
        page(head="<link rel='alternate' type='application/rss+xml' href='http://['>"),
        # Many podcasts, none of which is the page's.
        page("".join(f"<a href='https://podcasts.apple.com/podcast/id12345{n}'>{n}</a>" for n in (1, 2))),
        page('<script>[{"feedUrl": "http://a.example/x"}, {"feedUrl": "http://b.example/x"}]</script>'),
    ],
)
def test_a_page_without_feeds_and_audio_is_refused(html: str) -> None:
    with pytest.raises(ListingError, match="no link to a feed and no audio; give the address") as refused:
        read(html)
    assert refused.value.kind == "unknown-page"


# Pages of episodes


@pytest.mark.parametrize(
    "html",
    [
        page("<audio src='/well.mp3'></audio>"),
        page("<audio controls><source src='/well.mp3' type='audio/mpeg'><source src='/well.ogg'></audio>"),
        page("<audio data-src='/well.mp3'>"),
        page("<video src='/well.mp3'></video>"),
        page("<audio src='/well.mp3#t=30'></audio><audio src='/well.mp3'></audio>"),
        page("<a href='/well.mp3'>Download</a>"),
        page(head="<meta property='og:audio' content='/well.mp3'>"),
        page(head="<meta name='og:audio:url' content='https://show.example/well.mp3'>"),
        page(head="<meta name='twitter:player:stream' content='/well.mp3'>"),
        page(head=f"<meta property='og:audio' content='/well.mp3'><link {RSS} href='/f'>"),
        page(ld(episode(associatedMedia=media()))),
        page(ld(episode(associatedMedia=[media(), media("/well.ogg")]))),
        page(ld(episode(audio="/well.mp3"))),
        page(ld(episode(audio={"@type": "AudioObject", "url": "/well.mp3"}))),
        page(ld(episode(encoding=media()))),
        page(ld(episode(contentUrl="/well.mp3"))),
        page(ld([{"@type": "WebSite"}, episode(associatedMedia=media())])),
        page(ld({"@graph": [{"@type": "WebPage"}, episode(associatedMedia=media())]})),
        page(ld({"@type": "WebPage", "mainEntity": episode(associatedMedia=media())})),
        page(ld({"@type": ["CreativeWork", "http://schema.org/PodcastEpisode"], "associatedMedia": media()})),
        page(ld(media())),
        page(ld({"@type": "NewsArticle", "audio": media()})),
        page(LD + "{broken</script>" + ld(episode(associatedMedia=media()))),
        page(
            "<script type='application/ld+json'>//<![CDATA[\n" + json.dumps(episode(audio=media())) + "\n//]]></script>"
        ),
        page(LD + '{"@type": "AudioObject", "contentUrl": "/well.mp3",}</script>'),
        page(LD + '{"@type": "AudioObject", "name": "a\nb", "contentUrl": "/well.mp3"}</script>'),
        # The one that the page is about, among others.
        page(ld(episode(url="/other", audio=media("/other.mp3")), episode(url=URL, audio=media()))),
        page(ld(episode(audio=media(), mainEntityOfPage={"@id": "well.html"}), episode(audio=media("/other.mp3")))),
    ],
)
def test_the_page_of_an_episode_is_a_listing_of_one(html: str) -> None:
    enclosure = only_episode(html).enclosure
    assert enclosure
    assert enclosure.url == f"{BASE}/well.mp3"


def test_what_a_page_says_of_its_episode() -> None:
    head = "".join(
        f'<meta property="{name}" content="{content}">'
        for name, content in {
            "og:title": "The  well",
            "og:site_name": "Water Works",
            "og:description": "It is deep.",
            "og:image": "/well.jpg",
            "og:audio": "/well.mp3",
            "og:audio:type": "audio/mpeg",
            "article:published_time": "2024-05-06T07:08:09+02:00",
        }.items()
    )
    found = read(page(head=head))
    assert isinstance(found, Listing)
    assert (found.podcast.title, found.podcast.link, found.podcast.language) == ("Water Works", f"{BASE}/", "en")
    (one,) = found.episodes
    assert (one.title, one.description, one.page) == ("The well", "It is deep.", URL)
    assert one.published == datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))
    assert one.image == f"{BASE}/well.jpg"
    assert one.enclosure
    assert one.enclosure.type == "audio/mpeg"


def test_what_json_ld_says_of_an_episode() -> None:
    described = episode(
        identifier="well-7",
        description="It is deep.",
        datePublished="2024-05-06",
        image=["/a.jpg", "/b.jpg"],
        timeRequired="PT1H2M3S",
        associatedMedia=media(encodingFormat="audio/mpeg", contentSize="4711"),
        partOfSeries={"@type": "PodcastSeries", "name": "Water Works", "url": "/", "author": {"name": "Ann"}},
    )
    found = read(page(ld(described)))
    assert isinstance(found, Listing)
    assert (found.podcast.title, found.podcast.author) == ("Water Works", "Ann")
    (one,) = found.episodes
    assert (one.id, one.guid, one.title, one.duration) == ("well-7", "well-7", "Well", 3723)
    assert one.published == datetime(2024, 5, 6, tzinfo=UTC)
    assert (one.image, one.description) == (f"{BASE}/a.jpg", "It is deep.")
    assert one.enclosure
    assert (one.enclosure.type, one.enclosure.length) == ("audio/mpeg", 4711)


def test_episodes_of_one_series_are_of_one_podcast() -> None:
    series = {"@type": "PodcastSeries", "name": "Water Works", "url": "/"}
    pages = [page(ld(episode(partOfSeries=series, audio=media(f"/{number}.mp3")))) for number in (1, 2)]
    listings = [read(html, f"{BASE}/{number}") for number, html in enumerate(pages)]
    ids = {found.podcast.id for found in listings if isinstance(found, Listing)}
    assert len(ids) == 1
    assert ids.pop().startswith("water-works-")


def test_several_declared_episodes_are_listed_if_no_feed_has_them() -> None:
    two = ld(*(episode(name=f"N{number}", url=f"/{number}", audio=media(f"/{number}.mp3")) for number in (2, 1)))
    found = read(page(two))
    assert isinstance(found, Listing)
    assert [(one.title, one.page) for one in found.episodes] == [("N1", f"{BASE}/1"), ("N2", f"{BASE}/2")]
    referral = read(page(two, f"<link {RSS} href='/f'>"))
    assert isinstance(referral, Referral)
    assert referral.otherwise == found


def test_several_players_are_several_episodes_with_titles_of_their_own() -> None:
    found = read(
        page(
            "<figure><figcaption>One</figcaption><audio src='/1.mp3'></audio></figure>"
            "<div><h2>Two</h2><audio src='/2.mp3'></audio></div><audio title='Three' src='/3.mp3'></audio>"
            "<audio src='/in%20four.mp3'></audio>"
        )
    )
    assert isinstance(found, Listing)
    assert {one.title for one in found.episodes} == {"One", "Two", "Three", "in four"}
    assert len({one.id for one in found.episodes}) == 4


_TWO = "<a href=/1.mp3>One</a><a href=/2.mp3>Two</a>"
_NEXT = "<a rel=next href=/2>Older</a>"


@pytest.mark.parametrize(
    ("html", "further"),
    [
        (page(f"{_TWO}<a rel='nofollow NEXT' href='?page=2'>Older</a>"), f"{URL}?page=2"),
        (page(_TWO, "<base href='/q/'><link rel=next href=2>"), f"{BASE}/q/2"),
        (page(f"<audio src=/1.mp3></audio><audio src=/2.mp3></audio>{_NEXT}"), f"{BASE}/2"),
        (page(ld(*(episode(associatedMedia=media(f"/{n}.mp3")) for n in "78")) + _NEXT), f"{BASE}/2"),
        (page(f"{_TWO}<a rel=next href='#2'></a><a rel=next href='javascript:x()'></a>"), ""),
        (page(f"{_TWO}<a href=/2>next</a>"), ""),
        # The page of one episode, which leads to another one.
        (page(f"<a href=/1.mp3>One</a>{_NEXT}"), ""),
    ],
)
def test_a_list_of_files_goes_on_where_it_says(html: str, further: str) -> None:
    found = read(html)
    assert isinstance(found, Listing)
    assert found.next_urls == ([further] if further else [])


def test_a_page_with_a_base_that_is_no_address_is_read() -> None:
    found = only_episode(page("<audio src='/well.mp3'></audio>", "<base href='http://['>"))
    assert found.enclosure
    assert found.enclosure.url == f"{BASE}/well.mp3"


def test_what_a_page_plays_is_kept_for_when_its_feeds_have_nothing() -> None:
    found = read(page("<audio src='/well.mp3'></audio>", f"<link {RSS} href='/feed'>"))
    assert isinstance(found, Referral)
    assert found.podcasts == [[f"{BASE}/feed"]]
    assert found.otherwise
    assert [one.title for one in found.otherwise.episodes] == ["The well"]


@pytest.mark.parametrize("element", ["script", "textarea", "template"])
def test_a_page_that_shows_or_makes_a_feed_is_a_page(element: str) -> None:
    feed = "<rss version='2.0'><channel><title>x</title><item></item></channel></rss>"
    found = only_episode(page(f"<audio src='/well.mp3'></audio><{element}>{feed}</{element}>"))
    assert found.enclosure


@pytest.mark.parametrize(
    "body",
    [
        "<rss version='2.0'><channel><title>x</title><link>http://x/</link></channel></rss>",
        "<opml><head><title>x</title></head><body/></opml>",
        "oops <rss><channel><title>x</title></channel></rss>",
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>x</title></feed>",
        '{"title": "<html>"}',
        "just words",
        "",
    ],
)
def test_what_is_no_web_page(body: str) -> None:
    assert selector_of(response(body, "text/html")) is None


@given(st.text(alphabet=st.sampled_from("<>\"'=/ \n{}[]:,@\\aeimnoprstuy"), max_size=80), st.text(max_size=20))
def test_no_page_does_anything_else(markup: str, text: str) -> None:
    for html in (
        page(markup, text),
        page(f'<script type="application/ld+json">{markup}</script><audio src="{text}">'),
        page(head=f'<link {RSS} href="{text}{markup}"><meta property="og:audio" content="{text}">'),
        page(f'<audio src="/well.mp3">{markup}', head=f'<base href="http://{text}">'),
    ):
        try:
            found = WebPage().parse_list(response(html, "text/html", URL))
        except ListingError:
            continue
        listing = found if isinstance(found, Listing) else found.otherwise
        addresses = [one.enclosure.url for one in (listing.episodes if listing else []) if one.enclosure]
        addresses += [address for one in (found.podcasts if isinstance(found, Referral) else []) for address in one]
        assert all(address.startswith(("http://", "https://")) for address in addresses)
