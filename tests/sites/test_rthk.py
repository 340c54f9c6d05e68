"""RTHK's pages where they are odd or hostile."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from scrapy.http import HtmlResponse, TextResponse, XmlResponse

from podcrawler.exceptions import EpisodeError, ListingError
from podcrawler.items import Enclosure, Episode
from podcrawler.sites.base import Listing
from podcrawler.sites.known import site_for
from podcrawler.sites.rthk import Rthk
from tests.sites.pages import addresses, web_addresses_only

LIST = "http://podcast.rthk.hk/podcast/item_all.php?pid=287&current_year=2013"
EPISODE = "http://podcast.rthk.hk/podcast/item_epi.php?pid=287&eid=20001"
XML = "http://podcast.rthk.hk/podcast/episodeList.php?pid=447&year=2020"
HONG_KONG = timezone(timedelta(hours=8))


def page(body: str, url: str = LIST) -> HtmlResponse:
    return HtmlResponse(url, body=f"<html><body>{body}</body></html>", encoding="utf-8")


def item(href: str, title: str = "T", date: str = "2013-12-31") -> str:
    return (
        f'<div class="epiItem video"><a href="{href}"><span class="title">{title}</span>'
        f'<span class="date">{date}</span></a></div>'
    )


def xml(episodes: str, *, remainder: str = "0", number: str = "1", url: str = XML) -> XmlResponse:
    head = f"<remainder>{remainder}</remainder><page>{number}</page>"
    return XmlResponse(url, body=f"<episodeList>{head}{episodes}</episodeList>", encoding="utf-8")


def xml_item(eid: str = "1", media: str = "http://m.example/1.mp3", date: str = "2020-01-01", more: str = "") -> str:
    return (
        f"<episode><eid>{eid}</eid><episodeTitle><![CDATA[ T{eid} ]]></episodeTitle><episodeDate>{date}</episodeDate>"
        f"<mediafile><![CDATA[{media}]]></mediafile>{more}</episode>"
    )


def listing(response: TextResponse) -> Listing:
    site = site_for(response)
    assert site.name == "rthk"
    found = site.parse_list(response)
    assert isinstance(found, Listing)
    return found


def test_episodes_come_oldest_first_with_days_of_hong_kong() -> None:
    found = listing(page(item("e.php?eid=3", date="2013-12-31") + item("e.php?eid=1", date=" 2013-01-02\n")))
    assert [episode.id for episode in found.episodes] == ["1", "3"]
    assert found.episodes[0].published == datetime(2013, 1, 2, tzinfo=HONG_KONG)
    assert found.episodes[0].page == "http://podcast.rthk.hk/podcast/e.php?eid=1"


def test_episodes_without_dates_come_in_the_order_of_the_page_turned_round() -> None:
    found = listing(page(item("?eid=3", date="soon") + item("?eid=2", date="2013-12-31") + item("?eid=1", date="")))
    assert [episode.id for episode in found.episodes] == ["1", "2", "3"]
    assert [episode.published is None for episode in found.episodes] == [True, False, True]


def test_entries_without_title_stay_and_those_without_address_or_eid_go() -> None:
    no_title = '<div class="epiItem video"><a href="?eid=1">x</a></div>'
    no_link = '<div class="epiItem video"><span class="title">No link</span></div>'
    bad = [item("?lang=zh"), item("?eid="), item("?eid=a.b"), item("?eid=../../x"), item(f"?eid={'9' * 41}")]
    found = listing(page(no_title + no_link + "".join(bad)))
    assert [(episode.id, episode.title) for episode in found.episodes] == [("1", "")]


def test_an_episode_that_is_listed_twice_is_found_once() -> None:
    found = listing(page(item("?eid=1", "First") + item("?eid=1", "Second")))
    assert [episode.title for episode in found.episodes] == ["First"]


def test_further_years_are_found_but_not_the_page_itself() -> None:
    years = "".join(
        f'<a class="yearBox {state}" href="item_all.php?current_year={year}&amp;pid=287&amp;lang=zh-CN">{year}</a>'
        for year, state in [(2013, "open"), (2012, "close"), (2012, "close"), (2011, "close")]
    )
    found = listing(page(item("?eid=1") + years))
    base = "http://podcast.rthk.hk/podcast/item_all.php?current_year="
    assert found.next_urls == [f"{base}2012&pid=287&lang=zh-CN", f"{base}2011&pid=287&lang=zh-CN"]


def test_the_years_of_a_programme_page_lead_to_the_xml_lists() -> None:
    options = "".join(f'<option value="{year}">' for year in ("0000", "2021", "2020", "2021&pid=1"))
    found = listing(page(f"<select id=switch-years>{options}</select>", "http://x.example/p/item.php?pid=447"))
    base = "http://x.example/p/episodeList.php?pid=447&display=all&year="
    assert (found.episodes, found.next_urls) == ([], [f"{base}2020", f"{base}2021"])


@pytest.mark.parametrize(
    ("base", "found_at"),
    [
        ("/other/", "http://podcast.rthk.hk/other/e.php?eid=1"),
        ("http://[", "http://podcast.rthk.hk/podcast/e.php?eid=1"),
        ("http://m.example:99999/", "http://podcast.rthk.hk/podcast/e.php?eid=1"),
    ],
)
def test_links_are_relative_to_the_base_of_the_page_if_it_has_a_sane_one(base: str, found_at: str) -> None:
    (found,) = listing(page(f'<base href="{base}">' + item("e.php?eid=1"))).episodes
    assert found.page == found_at
    player = '<p class="audioplayer"><audio src="e.php?eid=1">'
    (found,) = listing(page(f'<base href="{base}">{player}', EPISODE)).episodes
    assert found.enclosure == Enclosure(found_at)


def test_a_list_may_be_empty() -> None:
    assert listing(page('<div class="epiItem"></div>')).episodes == []
    assert listing(xml("")).episodes == []


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ('<meta property="og:title" content=" A\nB "><title>C</title><h1>D</h1>', "A B"),
        ('<title>C</title><h1>D</h1><div class="prog-title"><h2>E</h2></div>', "E"),
        ("<title>C</title><h1>D</h1>", "D"),
        ("<title>C</title><h1> </h1>", "C"),
        ("", ""),
    ],
)
def test_the_title_of_the_show_is_found_where_the_page_has_it(head: str, title: str) -> None:
    assert listing(page(head + item("?eid=1"))).podcast.title == title


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("podcast.rthk.hk", True),
        ("RTHK.hk", True),
        ("app3.rthk.org.hk:8080", True),
        ("evilrthk.hk", False),
        ("rthk.hk.example.com", False),
        ("rthk.hk@mirror.example.org", False),
        ("127.0.0.1:8000", False),
    ],
)
def test_only_pages_of_rthk_itself_get_its_ids(host: str, own: bool) -> None:
    found = listing(page("<h1>Nights</h1>" + item("?eid=1"), f"http://{host}/item_all.php?pid=287"))
    assert found.podcast.id == ("rthk-287" if own else "nights-636d6843")
    assert found.episodes[0].podcast_id == found.podcast.id


def test_all_pages_of_a_mirror_are_of_one_podcast() -> None:
    show = "<h1>Nights</h1>"
    audio = '<div class="controlBar"><b class="epi-title">Title</b></div><p class="audioplayer"><audio src="a.mp3">'
    pages = [
        page(show + item("?eid=1"), "http://m.example:1/item_all.php?pid=287"),
        page(show + item("?eid=1"), "http://m.example:2/item_all.php?pid=287&current_year=2012&lang=zh-CN"),
        page(
            '<meta property="og:title" content="Title">' + show + audio, "http://m.example:3/item_epi.php?pid=287&eid=1"
        ),
    ]
    podcasts = [listing(response).podcast for response in pages]
    assert {(podcast.id, podcast.title) for podcast in podcasts} == {("nights-636d6843", "Nights")}
    assert [podcast.address for podcast in podcasts] == [
        f"http://m.example:{port}/item_all.php?pid=287" for port in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://podcast.rthk.hk/podcast/item_all.php",
        "http://podcast.rthk.hk/podcast/item_all.php?pid=",
        "http://podcast.rthk.hk/podcast/item_all.php?pid=28%2F7",
        "http://podcast.rthk.hk/podcast/item_all.php?pid=12345678901",
        "http://podcast.rthk.hk/podcast/item_all.php?pid=２８７",
        "http://podcast.rthk.hk/podcast/index.php?pid=287",
        "http://podcast.rthk.hk/podcast/item_epi.php?pid=287&eid=1",
    ],
)
def test_a_page_of_another_address_is_not_taken(url: str) -> None:
    assert not Rthk().matches(page(item("?eid=1"), url))


def test_a_page_of_the_right_address_with_other_content_is_not_taken() -> None:
    assert not Rthk().matches(page("<h1>Not found</h1>"))
    assert not Rthk().matches(page("<h1>Not found</h1>", EPISODE))
    assert not Rthk().matches(page("<h1>Not found</h1>", XML))


@pytest.mark.parametrize(
    ("player", "url"),
    [
        ('<audio src="../media/a.mp3">', "http://podcast.rthk.hk/media/a.mp3"),
        ('<audio src="https://m.example/a.mp3?k=a%2Fb&amp;e=1">', "https://m.example/a.mp3?k=a%2Fb&e=1"),
        ('<audio><source src="/a.mp3"></audio>', "http://podcast.rthk.hk/a.mp3"),
        ('<audio src="/a.mp3" {b}="1">', "http://podcast.rthk.hk/a.mp3"),
        ('<audio src=""><source src="javascript:x"><source src="//m.example/a.mp3">', "http://m.example/a.mp3"),
    ],
)
def test_an_episode_is_completed_from_its_page(player: str, url: str) -> None:
    response = page(
        f'<div class="controlBar"><span class="epi-title"> A\n B </span></div><div class="audioplayer">{player}</div>'
        '<div class="epi-description"><p>One.</p> <p>Two.</p></div>',
        EPISODE,
    )
    listed = Episode("20001", "rthk-287", "Listed", page=EPISODE)
    completed = Rthk().parse_episode(response, listed)
    assert completed == Episode("20001", "rthk-287", "Listed", Enclosure(url), page=EPISODE, description="One. Two.")
    assert listed.enclosure is None
    assert Rthk().parse_episode(response, Episode("20001", "rthk-287", "")).title == "A B"
    assert listing(response).episodes[0].enclosure == Enclosure(url)


@pytest.mark.parametrize("player", ["", "<audio>", '<audio src="">', '<audio src="file:///etc/passwd">'])
def test_an_episode_without_audio_is_refused_with_a_remedy(player: str) -> None:
    response = page(f'<div class="audioplayer">{player}</div>', EPISODE)
    with pytest.raises(EpisodeError, match=r"item_epi\.php.* has no audio .*open it in a browser") as refused:
        Rthk().parse_episode(response, Episode("20001", "rthk-287", ""))
    assert refused.value.kind == "no-audio"
    with pytest.raises(ListingError, match="has no audio"):
        listing(response)


def test_an_xml_list_has_every_field() -> None:
    more = "<duration>00:25:37</duration><cover>c.jpg</cover>"
    found = listing(
        xml(xml_item("2") + xml_item("1", "../m/1.mp3", "2019-12-31", more) + xml_item("2", "http://b.example/"))
    )
    first, second = found.episodes
    assert (second.id, second.enclosure) == ("2", Enclosure("http://m.example/1.mp3"))
    assert first == Episode(
        "1",
        "rthk-447",
        "T1",
        Enclosure("http://podcast.rthk.hk/m/1.mp3"),
        published=datetime(2019, 12, 31, tzinfo=HONG_KONG),
        duration=1537,
        image="http://podcast.rthk.hk/podcast/c.jpg",
    )


def test_an_xml_entry_without_eid_or_media_is_left_out() -> None:
    found = listing(xml("<episode/>" + xml_item("") + xml_item("a/b") + xml_item("1", "") + xml_item("2")))
    assert [episode.id for episode in found.episodes] == ["2"]


@pytest.mark.parametrize(
    ("query", "number", "further"),
    [
        ("pid=447&year=2020", "1", "pid=447&year=2020&page=2"),
        ("pid=447&page=9&year=2020&q=a%2Fb", "9", "pid=447&page=10&year=2020&q=a%2Fb"),
        ("pid=447&homepage=1&page=1", "1", "pid=447&homepage=1&page=2"),
        ("pid=447&display=all", "0", "pid=447&display=all&page=1"),
    ],
)
def test_the_next_page_of_an_xml_list_is_the_same_address_with_the_next_number(
    query: str, number: str, further: str
) -> None:
    base = "http://podcast.rthk.hk/podcast/episodeList.php?"
    found = listing(xml(xml_item(), remainder=" 12\n", number=number, url=base + query))
    assert found.next_urls == [base + further]


@pytest.mark.parametrize(("remainder", "number"), [("0", "1"), (" 0 ", "1"), ("", "1"), ("-3", "1"), ("12", "0")])
def test_an_xml_list_ends(remainder: str, number: str) -> None:
    response = xml(xml_item(), remainder=remainder, number=number, url=f"{XML}&page=1")
    assert listing(response).next_urls == []


def test_an_empty_page_ends_a_list_whatever_it_says_remains() -> None:
    assert listing(xml("", remainder="12", number="5", url=f"{XML}&page=5")) == Listing(
        listing(xml(xml_item())).podcast, known_as="https://podcast.rthk.hk/podcast/item.php?pid=447"
    )


def test_a_broken_xml_list_is_refused_and_worth_another_try() -> None:
    with pytest.raises(ListingError, match="is not well-formed") as broken:
        listing(xml("<episode>"))
    assert (broken.value.kind, broken.value.failure_class) == ("broken-xml", "passing")


@given(addresses())
def test_no_page_leads_anywhere_but_to_the_web(address: str) -> None:
    href = address.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    link = f'<a class="yearBox close" href="{href}">'
    web_addresses_only(listing(page(item("?eid=1") + item(f"{href}?eid=2") + link)))
    web_addresses_only(listing(xml(xml_item() + xml_item("2", address.replace("]]>", "")))))
    player = page(f'<p class="audioplayer"><audio src="{href}"><source src="/a.mp3"></p>', EPISODE)
    web_addresses_only(listing(player))
