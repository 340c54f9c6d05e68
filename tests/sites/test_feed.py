"""Feeds in every format and dialect that publishers use."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from podcrawler.items import Enclosure, Episode
from podcrawler.sites.feed import Feed
from tests.sites.pages import SAMPLE, URL, item, listing, response, rss


def episode(more: str) -> Episode:
    (found,) = listing(rss(item(more=more))).episodes
    return found


@pytest.mark.parametrize(
    "prolog",
    [
        "",
        "\n \t",
        "\ufeff",
        "\ufeff\r\n<?xml version='1.0'?>",
        "<?xml version='1.0'?><?xml-stylesheet href='a'?><!-- <html> -->\n",
        "<!DOCTYPE rss [<!ENTITY a 'b>'> <!ELEMENT rss ANY>]>",
        '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://my.netscape.com/rss-0.91.dtd">',
    ],
)
def test_a_feed_is_known_by_its_root_element(prolog: str) -> None:
    body = prolog + rss(item()).partition("?>")[2]
    assert Feed().matches(response(body, "text/plain"))
    assert [one.id for one in listing(body).episodes] == ["g1"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"rss",
        b"<",
        b"<html><rss/></html>",
        b"<!doctype html><html></html>",
        b"<!-- <rss> ",
        b"<rssx/>",
        b"\xff\xfe",
    ],
)
def test_anything_else_is_no_feed(body: bytes) -> None:
    assert not Feed().matches(response(body))


@pytest.mark.parametrize("content_type", ["text/html", "application/octet-stream", "application/json", "text/plain"])
def test_the_content_type_does_not_matter(content_type: str) -> None:
    assert listing(SAMPLE, content_type) == listing(SAMPLE)


def test_rss_1_0_and_atom_in_another_dress_are_read() -> None:
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        f"<channel><title>Old</title></channel>{item(1)}{item(2)}</rdf:RDF>"
    )
    found = listing(rdf)
    assert (found.podcast.title, [one.id for one in found.episodes]) == ("Old", ["g2", "g1"])
    prefixed = (
        '<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:title type="xhtml">A <b>B</b> C</a:title>'
        '<a:entry><a:id>e</a:id><a:link rel="enclosure" href="e.mp3"/><a:link href="e"/></a:entry></a:feed>'
    )
    found = listing(prefixed)
    assert found.podcast.title == "A B C"
    assert [(one.id, one.page) for one in found.episodes] == [("e", "http://feeds.example.com/shows/e")]


def test_a_guid_is_taken_as_it_is() -> None:
    guids = ["  urn:x:1\n", "<![CDATA[ a<b ]]>", "HTTP://X.example//a/../b#c", "x" * 41]
    bodies = "".join(f'<item><guid>{guid}</guid><enclosure url="http://m.example/a"/></item>' for guid in guids)
    found = [one.guid for one in listing(rss(bodies)).episodes]
    assert found == ["x" * 41, "HTTP://X.example//a/../b#c", "a<b", "urn:x:1"]


def test_an_entry_without_guid_title_and_date_is_an_episode_still() -> None:
    (found,) = listing(rss('<item><enclosure url="http://m.example/a.mp3?sig=1"/></item>')).episodes
    (again,) = listing(rss('<item><enclosure url="http://m.example/a.mp3?sig=2"/></item>')).episodes
    assert (found.title, found.guid, found.published, found.duration, found.page) == ("", "", None, None, "")
    assert found.id == again.id


def test_of_two_entries_with_one_id_the_first_is_taken() -> None:
    found = listing(rss(item(1, "<title>A</title>") + item(2) + item(1, "<title>B</title>")))
    assert [(one.id, one.title) for one in found.episodes] == [("g2", ""), ("g1", "A")]


def test_dated_entries_are_sorted_and_equal_dates_keep_newest_first_as_feeds_do() -> None:
    days = {1: 3, 2: 1, 3: 1, 4: 2}
    items = "".join(item(n, f"<pubDate>0{day} Jun 2022 09:00 GMT</pubDate>") for n, day in days.items())
    assert [one.id for one in listing(rss(items)).episodes] == ["g3", "g2", "g4", "g1"]
    assert [one.id for one in listing(rss(items + item(5))).episodes] == ["g3", "g2", "g5", "g4", "g1"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sat, 04 Jun 2022 09:00:00 +0200", datetime(2022, 6, 4, 9, tzinfo=timezone(timedelta(hours=2)))),
        ("Sat, 04 Jun 2022 09:00:00 -0000", datetime(2022, 6, 4, 9, tzinfo=UTC)),
        ("4 Jun 22 09:00 EST", datetime(2022, 6, 4, 9, tzinfo=timezone(timedelta(hours=-5)))),
        ("2022-06-04T09:00:00Z", datetime(2022, 6, 4, 9, tzinfo=UTC)),
        ("2022-06-04T09:00:00", datetime(2022, 6, 4, 9, tzinfo=UTC)),
        ("yesterday", None),
        ("Sat, 99 Jun 2022 99:00:00 GMT", None),
        ("Sat, 04 Jun 2022 09:00:00 +9999", datetime(2022, 6, 4, 9)),
        ("Sat, 04 Jun 99999999999999 09:00:00 GMT", None),
    ],
)
def test_dates(text: str, moment: datetime | None) -> None:
    assert episode(f"<pubDate> {text} </pubDate>").published == moment


@pytest.mark.parametrize(
    ("text", "duration"),
    [("312", 312), ("312.7", 312), ("39:27", 2367), ("1:02:03", 3723), ("00:00:07", 7), ("90:00", 5400)]
    + [("62 min", 3720), ("1h 2m 3s", 3723), ("1 hour, 2 minutes", 3720), ("PT1H2M3S", 3723), ("7 seconds", 7)]
    + [("1：02：03", 3723)]
    + [(text, None) for text in ("min", "PT", "2 months", "h", "1 h 2")]
    + [(text, None) for text in ("", "soon", "-5", "1:2:3:4", ":5", "5:", "9" * 5000, "１２", "1e3")],
)
def test_durations(text: str, duration: int | None) -> None:
    assert episode(f"<itunes:duration> {text}\n</itunes:duration>").duration == duration


@pytest.mark.parametrize(
    ("enclosures", "chosen"),
    [
        (
            '<enclosure url="http://m.example/a" length="12" type=" Audio/MPEG "/>',
            Enclosure("http://m.example/a", "audio/mpeg", 12),
        ),
        ('<enclosure url=" a.mp3\n" length="0"/>', Enclosure("http://feeds.example.com/shows/a.mp3")),
        ('<enclosure url="//m.example/a" length="-1"/>', Enclosure("http://m.example/a")),
        ('<enclosure url="http://m.example/a" length="1,024"/>', Enclosure("http://m.example/a")),
        (f'<enclosure url="http://m.example/a" length="{"9" * 5000}"/>', Enclosure("http://m.example/a")),
        ('<enclosure url="http://m.example/?a=b%2Fc&amp;d=é"/>', Enclosure("http://m.example/?a=b%2Fc&d=é")),
        (
            '<enclosure url="a.pdf" type="application/pdf"/><enclosure url="a.mp4" type="video/mp4"/>'
            '<enclosure url="a.mp3" type="audio/mpeg"/><enclosure url="b.mp3" type="audio/mpeg"/>',
            Enclosure("http://feeds.example.com/shows/a.mp3", "audio/mpeg"),
        ),
        (
            '<enclosure url="a.bin" type="application/octet-stream"/><enclosure url="a.mp4" type="video/mp4"/>',
            Enclosure("http://feeds.example.com/shows/a.mp4", "video/mp4"),
        ),
        (
            '<enclosure url="a.png" type="image/png"/><enclosure url="a.bin" type="x"/><enclosure url="b.bin"/>',
            Enclosure("http://feeds.example.com/shows/a.bin", "x"),
        ),
        ('<enclosure/><enclosure url=""/><enclosure url="ftp://m.example/a.mp3" type="audio/mpeg"/>', None),
        ('<enclosure url="file:///etc/passwd"/><enclosure url="http://"/><enclosure url="http://[::1/"/>', None),
        (
            '<enclosure url="http://m.example:99999/"/><enclosure url="http://:80/"/>'
            '<enclosure url="mailto:a@m.example"/>',
            None,
        ),
        ('<enclosure url="cover.jpg" type="image/jpeg"/>', None),
    ],
)
def test_the_enclosure_is_chosen(enclosures: str, chosen: Enclosure | None) -> None:
    found = listing(rss(f"<item><guid>a</guid>{enclosures}</item>" + item(2))).episodes
    assert [one.enclosure for one in found if one.id == "a"] == ([chosen] if chosen else [])
    assert found[0].id == "g2"


def test_relative_addresses_follow_xml_base() -> None:
    body = (
        '<rss xml:base="http://b.example/x/"><channel><item xml:base="y/"><enclosure url="a"/></item></channel></rss>'
    )
    (found,) = listing(body).episodes
    assert found.enclosure == Enclosure("http://b.example/x/y/a")


def test_texts_of_an_entry() -> None:
    found = episode(
        "<title>\n  A<!-- x -->\n  B　C <![CDATA[& D]]></title>"
        "<link>javascript:alert(1)</link><itunes:image href='i.png'/>"
        "<content:encoded>long</content:encoded><itunes:summary>short</itunes:summary><description> </description>"
    )
    assert (found.title, found.page, found.description) == ("A B　C & D", "", "short")
    assert found.image == "http://feeds.example.com/shows/i.png"


def test_the_podcast() -> None:
    found = listing(
        rss(
            item(),
            "<title>Show\n One</title><podcast:guid> declared </podcast:guid><description>D</description>"
            "<atom:link rel='self' href='http://other.example/'/><link>/home</link><language>zh-HK</language>"
            "<image><url>old.png</url></image><itunes:author>Somebody</itunes:author>",
        )
    ).podcast
    assert (found.id, found.title, found.address, found.guid) == ("show-one-f833228c", "Show One", URL, "declared")
    assert (found.link, found.image) == ("http://feeds.example.com/home", "http://feeds.example.com/shows/old.png")
    assert (found.description, found.language, found.author) == ("D", "zh-HK", "Somebody")


@pytest.mark.parametrize(
    ("namespace", "declared"),
    [
        ("https://podcastindex.org/namespace/1.0", True),
        ("https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md", True),
        ("http://other.example/", False),
    ],
)
def test_a_guid_is_declared_in_the_namespace_of_podcasting_2_0(namespace: str, declared: bool) -> None:
    body = rss(item(), f'<p:guid xmlns:p="{namespace}">declared</p:guid>')
    # Of the address without its scheme (Podcasting 2.0).
    assert listing(body).podcast.guid == ("declared" if declared else "53bcecd5-4aa2-5e79-9454-78aee61b9f16")


@pytest.mark.parametrize(
    ("href", "further"),
    [
        ("?page=2", ["http://feeds.example.com/shows/feed.xml?page=2"]),
        ("http://other.example/2#x", ["http://other.example/2"]),
        (f"{URL}#2", []),
        ("", []),
        ("ftp://feeds.example.com/2", []),
    ],
)
def test_further_pages_of_a_paged_feed(href: str, further: list[str]) -> None:
    link = f'<atom:link rel="first" href="1"/><atom:link rel="next" href="{href}"/>'
    assert listing(rss(item(), link)).next_urls == further
    assert listing(rss(item(), f"{link}<generator>A & B</generator>")).next_urls == further
    assert listing(rss(item()).replace("<channel>", f"{link}<channel>")).next_urls == further


def test_a_page_of_a_paged_feed_may_be_empty() -> None:
    assert listing(rss("", '<atom:link rel="next" href="?page=2"/>')).episodes == []


def test_a_feed_without_anything_to_archive_accounts_for_its_entries() -> None:
    assert listing(rss("")).left_out == []
    blog = listing(rss("<item><title>A</title></item><item><enclosure url='cover.png' type='image/png'/></item>"))
    assert (blog.episodes, [entry.cause for entry in blog.left_out]) == ([], ["no-media", "not-media"])
