"""Sites without code: what a file may say, what its selectors find, and what becomes of hostile pages."""

import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parsel import Selector
from scrapy.http import HtmlResponse, TextResponse

from podcrawler.exceptions import EpisodeError, ListingError, SettingError, SiteFileError
from podcrawler.ids import PODCAST_ID
from podcrawler.items import Enclosure, Episode
from podcrawler.sites.base import LeftOut
from podcrawler.sites.cause import Cause
from podcrawler.sites.known import read_sites, site_for, use_sites
from podcrawler.sites.toml import TomlSite
from podcrawler.sites.toml_schema import KEYS
from tests.sites.pages import rss, web_addresses_only

URL = "http://radio.example/shows/harbour"
MINIMAL = """
    url = 'http://radio\\.example/shows/(?P<show>[a-z]+)(\\?.*)?'
    [list]
    each = 'li'
    audio = 'a'
"""
PAGED = """
    url = 'http://radio\\.example/shows/(?P<show>[a-z]+)(\\?.*)?'
    [list]
    each = 'li'
    page = 'a'
    audio = 'audio'
    title = 'b'
    [episode]
    url = 'http://radio\\.example/e/.*'
    audio = 'audio'
    title = 'h1'
    date = 'time'
    duration = '.length'
    description = 'p'
    image = 'img'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def described(folder: Path, text: str) -> TomlSite:
    """The site that a file of this text describes."""
    file = folder / "radio.toml"
    file.write_text(dedent(text), encoding="utf-8")
    return TomlSite.read(file)


def page(body: str, url: str = URL) -> HtmlResponse:
    return HtmlResponse(url, body=body.encode("utf-8", "surrogatepass"), encoding="utf-8")


def with_list(keys: str, rest: str = "") -> str:
    """A file whose table of the list has these keys beside those of MINIMAL."""
    return dedent(MINIMAL) + dedent(keys) + dedent(rest)


def only(site: TomlSite, body: str) -> Episode:
    (episode,) = site.parse_list(page(body)).episodes
    return episode


# Files

GOOD = dedent(PAGED)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("each = 'li'", "each = 'li", r"is not TOML: .*at line 4.*; selectors and patterns stand in 'single quotes'\."),
        ("each = 'li'", 'each = "\\d"', r"is not TOML: .*; selectors and patterns stand in 'single quotes'\."),
        ("each = 'li'", "", r": list\.each is missing; add it, docs/toml-sites\.md describes the keys\."),
        (
            "each = 'li'",
            "each = 'li >'",
            r": list\.each: 'li >' is not a CSS selector \(.*\); correct it, or use xpath\.",
        ),
        ("each = 'li'", "each = 3", r": list\.each cannot be 3; docs/toml-sites\.md describes the keys\."),
        (
            "title = 'b'",
            "titel = 'b'",
            r": there is no key list\.titel; did you mean title\? docs/.* describes the keys\.",
        ),
        ("[list]", "[list]\nq = 1", r": there is no key list\.q; docs/toml-sites\.md describes the keys\."),
        ("title = 'b'", "title = {css = 'b', x = 1}", r": there is no key list\.title\.x; "),
        ("title = 'b'", "title = {}", r": list\.title: needs either css or xpath; write one of them\."),
        ("title = 'b'", "title = {css = 'b', xpath = 'b'}", r": list\.title: needs either css or xpath; "),
        ("title = 'b'", "title = ['b', ':q(']", r": list\.title: ':q\(' is not a CSS selector"),
        ("title = 'b'", "title = {xpath = './/b['}", r": list\.title\.xpath: '\.//b\[' is not an XPath 1\.0 \(.*\); "),
        (
            "title = 'b'",
            "title = {xpath = 'nope()'}",
            r": list\.title\.xpath: 'nope\(\)' is not an XPath 1\.0 \(.*\); ",
        ),
        (
            "title = 'b'",
            "title = {xpath = 'count(b)'}",
            r": list\.title\.xpath: 'count\(b\)' gives a number or a truth",
        ),
        (
            "title = 'b'",
            "title = {xpath = '//b'}",
            r": list: title: '//b' searches the whole page; begin it with \.//\.",
        ),
        (
            "title = 'b'",
            "title = {css = 'b', pattern = '('}",
            r": list\.title\.pattern: '\(' is not a regular expression",
        ),
        ("title = 'b'", "date = {css = 'b', format = '%Q'}", r": list\.date\.format: '%Q' is no format of strptime"),
        ("title = 'b'", "date = {css = 'b', format = '%d %B'}", r": list\.date\.format: '%d %B' has no year; add %Y"),
        (
            "title = 'b'",
            "date = {css = 'b', zone = 'Mars'}",
            r": list\.date\.zone: 'Mars' is no time zone; write a name",
        ),
        ("title = 'b'", "date = {css = 'b', zone = '+25:00'}", r": list\.date\.zone: '\+25:00' is no time zone"),
        ("title = 'b'", "date = {css = 'b', zone = '../x'}", r": list\.date\.zone: '\.\./x' is no time zone"),
        ("title = 'b'", "id = {}", r": list\.id: needs css, xpath, parameter or pattern; write one of them\."),
        ("url = 'http://radio\\.example/e/.*'", "", r": episode\.url is missing; add it"),
        ("url = 'http://radio\\.example/e/.*'", "url = []", r": episode\.url is empty; name at least one\."),
        ("url = 'http://radio\\.example/e/.*'", "url = '['", r": episode\.url: '\[' is not a regular expression"),
        ("[episode]", "[episodes]", r": there is no key episodes; did you mean episode\?"),
        (
            "[list]",
            "[podcast]\nid = 'radio-{number}'\n[list]",
            r": podcast\.id: no url has a group 'number'; write \(\?P<",
        ),
        ("page = 'a'\naudio = 'audio'", "", r": list: page is missing; write where the link to the page"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_the_key_and_the_remedy(
    folder: Path, old: str, new: str, sentence: str
) -> None:
    assert old in GOOD
    with pytest.raises(SiteFileError, match=r"^\S*radio\.toml" + " ?" + sentence) as refused:
        described(folder, GOOD.replace(old, new, 1))
    assert "\n" not in str(refused.value)
    described(folder, GOOD)


def test_a_file_without_any_audio_is_refused(folder: Path) -> None:
    with pytest.raises(
        SiteFileError, match=r"list: audio is missing; write it, or describe the pages .* in \[episode\]"
    ):
        described(folder, MINIMAL.replace("audio = 'a'", ""))


def test_a_file_that_cannot_be_read_is_refused(folder: Path) -> None:
    with pytest.raises(SiteFileError, match=r"none\.toml cannot be read: No such file or directory; name a file"):
        TomlSite.read(folder / "none.toml")
    (folder / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(SiteFileError, match=r"latin\.toml is not UTF-8; save it in that encoding"):
        TomlSite.read(folder / "latin.toml")


def test_a_folder_gives_its_sites_by_name_and_an_empty_one_is_a_mistake(folder: Path) -> None:
    with pytest.raises(SettingError, match=r"PODCRAWLER_SITES cannot be .*: there is no file \*\.toml in that folder"):
        read_sites(str(folder))
    for name in ("b", "a"):
        (folder / f"{name}.toml").write_text(GOOD, encoding="utf-8")
    assert len(read_sites(str(folder))) == 2
    assert read_sites("") == ()
    (folder / "c.toml").write_text("x = 1", encoding="utf-8")
    with pytest.raises(SiteFileError, match=r"c\.toml"):
        read_sites(str(folder))


def test_the_sites_of_files_are_asked_before_all_others(folder: Path) -> None:
    site = described(folder, MINIMAL.replace("radio\\.example/shows/(?P<show>[a-z]+)(\\?.*)?", ".*item_all.php.*"))
    response = page('<div class="epiItem"></div><li>', "http://podcast.rthk.hk/podcast/item_all.php?pid=287")
    assert site_for(response).name == "rthk"
    use_sites((site,))
    try:
        assert site_for(response) is site
    finally:
        use_sites(())


def test_a_feed_is_a_feed_whatever_a_pattern_says(folder: Path) -> None:
    site = described(folder, MINIMAL)
    assert site.matches(page("<li>"))
    assert not site.matches(TextResponse(URL, body=rss("").encode()))


def test_a_pattern_matches_the_whole_address(folder: Path) -> None:
    site = described(folder, MINIMAL)
    for address in (f"{URL}/x", f"http://evil.example/?{URL}", f"{URL}\nx"):
        assert not site.knows(address)


# Values


@pytest.mark.parametrize(
    ("title", "body", "found"),
    [
        ("'b'", "<b> One\n <i>two</i> </b>", "One two"),
        ("'b'", "<b> </b><b>Second</b>", "Second"),
        ("['b', 'i']", "<i>I</i>", "I"),
        ("'i::attr(title)'", "<i title=' T '>", "T"),
        ("'div ::text'", "<div>direct</div>", "direct"),
        ("'div > b + i'", "<div><b>x</b><i>y</i></div><i>z</i>", "y"),
        ("'b ~ i'", "<b></b><u></u><i>y</i>", "y"),
        ("{ xpath = './/i/@title' }", "<i title=T>", "T"),
        ("{ xpath = 'concat(.//b, \"-\", .//i)' }", "<b>1</b><i>2</i>", "1-2"),
        ("{ css = 'b', pattern = 'No\\. (\\d+)' }", "<b>see No. 12</b>", "12"),
        ("{ css = 'b', pattern = '\\d+' }", "<b>see No. 12</b>", "12"),
        ("{ css = 'b', pattern = '(x)?(\\d+)' }", "<b>see No. 12</b>", "12"),
        ("[{ css = 'b', pattern = '\\d+' }, 'b']", "<b>none</b>", "none"),
        ("'b'", "<!-- <b>x</b> --><b>a<!-- c -->b</b>", "ab"),
        ("'b'", "", ""),
    ],
)
def test_texts(folder: Path, title: str, body: str, found: str) -> None:
    assert only(described(folder, with_list(f"title = {title}")), f"<li><a href=/1.mp3>{body}</a>").title == found


@pytest.mark.parametrize(
    ("audio", "body", "enclosure"),
    [
        ("'a'", "<a href='../1.mp3'>", Enclosure("http://radio.example/1.mp3")),
        ("'a'", "<a href='javascript:x'></a><a href=/2.mp3>", Enclosure("http://radio.example/2.mp3")),
        (
            "'source'",
            "<audio><source src=/1.ogg type=' audio/ogg '>",
            Enclosure("http://radio.example/1.ogg", "audio/ogg"),
        ),
        ("'button'", "<button type=button value=/1.mp3>", Enclosure("http://radio.example/1.mp3")),
        ("'b'", "<b>http://m.example/1.mp3</b>", Enclosure("http://m.example/1.mp3")),
        (
            '{ css = \'div::attr(data-p)\', pattern = \'"mp3":"([^"]+)"\' }',
            '<div data-p=\'{"mp3":"http://m.example/1.mp3"}\'>',
            Enclosure("http://m.example/1.mp3"),
        ),
    ],
)
def test_addresses(folder: Path, audio: str, body: str, enclosure: Enclosure) -> None:
    site = described(folder, MINIMAL.replace("audio = 'a'", f"audio = {audio}"))
    assert only(site, f"<li>{body}").enclosure == enclosure


HONG_KONG = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("date", "text", "found"),
    [
        ("'b'", "2024-03-09", datetime(2024, 3, 9, tzinfo=UTC)),
        ("'b'", "2024-03-09T20:00:00+08:00", datetime(2024, 3, 9, 12, tzinfo=UTC)),
        ("{ css = 'b', zone = 'Asia/Hong_Kong' }", "2024-03-09 20:00", datetime(2024, 3, 9, 20, tzinfo=HONG_KONG)),
        ("{ css = 'b', zone = '-03:30' }", "2024-03-09", datetime(2024, 3, 9, 3, 30, tzinfo=UTC)),
        ("{ css = 'b', format = '%d.%m.%Y' }", " 9.3.2024 ", datetime(2024, 3, 9, tzinfo=UTC)),
        ("{ css = 'b', format = ['%d.%m.%Y', '%B %d, %Y'] }", "March  9, 2024", datetime(2024, 3, 9, tzinfo=UTC)),
        ("{ css = 'b', format = '%Y-%m-%d %z' }", "2024-03-09 +0800", datetime(2024, 3, 9, tzinfo=HONG_KONG)),
        ("{ css = 'b', pattern = 'on (.*) at' }", "on 2024-03-09 at", datetime(2024, 3, 9, tzinfo=UTC)),
        ("{ css = 'b', format = '%d.%m.%Y' }", "2024-03-09", None),
        ("{ css = 'b', zone = '+08:00' }", "0001-01-01", None),
        ("'b'", "soon", None),
    ],
)
def test_dates(folder: Path, date: str, text: str, found: datetime | None) -> None:
    site = described(folder, with_list(f"date = {date}"))
    assert only(site, f"<li><a href=/1.mp3></a><b>{text}</b>").published == found
    unread = site.extract(page(f"<li><a href=/1.mp3></a><b>{text}</b>")).unread
    assert unread == ({} if found else {"list.date": text})


@pytest.mark.parametrize(
    ("duration", "text", "found"),
    [
        ("'b'", "1:02:03", 3723),
        ("'b'", "90", 90),
        ("'b'", "long", None),
        ("{ css = 'b', pattern = '(?P<minutes>\\d+) min' }", "about 42 min", 2520),
        ("{ css = 'b', pattern = '((?P<hours>\\d+) h )?(?P<minutes>\\d+) min' }", "1 h 5 min", 3900),
        ("{ css = 'b', pattern = '((?P<hours>\\d+) h )?(?P<minutes>\\d+) min' }", "5 min", 300),
        ("{ css = 'b', pattern = '(?P<minutes>.+) min' }", "five min", None),
        ("{ css = 'b', pattern = '\\[(.*)\\]' }", "x [1:30]", 90),
    ],
)
def test_durations(folder: Path, duration: str, text: str, found: int | None) -> None:
    site = described(folder, with_list(f"duration = {duration}"))
    assert only(site, f"<li><a href=/1.mp3></a><b>{text}</b>").duration == found


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("'b'", "B12"),
        ("'::attr(data-id)'", "d-7"),
        ("{ parameter = 'eid' }", "34"),
        ("{ pattern = '/e/(\\d+)' }", "56"),
        ("{ css = 'i a', parameter = 'x' }", "78"),
        ("{ css = 'b', pattern = '\\d+' }", "12"),
        ("'u'", sha256("Ü 1".encode()).hexdigest()[:16]),
    ],
)
def test_ids(folder: Path, rule: str, found: str) -> None:
    site = described(folder, PAGED.replace("title = 'b'", f"id = {rule}", 1))
    body = '<li data-id=d-7><a href="/e/56?eid=34"></a><b>B12</b><i><a href="?x=78"></a></i><u>Ü 1</u>'
    assert only(site, body).id == found


def test_without_an_id_the_page_is_the_identity_and_without_a_page_the_file(folder: Path) -> None:
    site = described(folder, PAGED)
    with_page = only(site, "<li><a href='/e/1?a=2'></a><audio src=/1.mp3>")
    assert with_page.id == only(site, "<li><a href='/e/1?a=2'></a><audio src=/2.mp3>").id
    assert with_page.id == site.parse_list(page("<audio src=/1.mp3>", "http://radio.example/e/1?a=2")).episodes[0].id
    assert with_page.guid == "radio.example/e/1?a=2"
    assert with_page.id != only(site, "<li><a href='/e/1?a=3'></a><audio src=/1.mp3>").id
    without = only(site, "<li><a href='#1'></a><audio src='/1.mp3?token=1'>")
    assert without.id == only(site, "<li><audio src='/1.mp3?token=2'>").id
    assert without.page == ""


# Lists


def test_every_entry_is_an_episode_or_left_out_with_its_reason(folder: Path) -> None:
    site = described(folder, MINIMAL + "    title = 'b'\n    id = '::attr(id)'\n")
    listing = site.parse_list(
        page(
            "<li id=1><b>One</b><a href=/1.mp3></a>"
            "<li id=2><b>No media</b>"
            "<li id=3><b>Bad</b><a href='htp://m.example/3.mp3'></a>"
            "<li><b>No id</b><a href=/4.mp3></a>"
            "<li id=1><b>Again</b><a href=/1.mp3></a>"
        )
    )
    assert [episode.title for episode in listing.episodes] == ["One"]
    announced = listing.left_out[1].episode
    assert announced
    assert (announced.id, announced.title, announced.podcast_id) == ("3", "Bad", listing.podcast.id)
    assert listing.left_out == [
        LeftOut(Cause.NO_MEDIA, "No media"),
        LeftOut(Cause.BAD_ADDRESS, "Bad", "htp://m.example/3.mp3", announced),
        LeftOut(Cause.NO_ID, "No id", "http://radio.example/4.mp3"),
        LeftOut(Cause.DUPLICATE, "Again", "http://radio.example/1.mp3"),
    ]


def test_two_files_with_one_id_are_two_episodes_of_which_the_oldest_keeps_the_id(folder: Path) -> None:
    site = described(folder, MINIMAL + "    id = '::attr(id)'\n    date = 'time'\n")
    new, old = (f"<li id=1><a href=/{n}.mp3></a><time>2024-01-0{n}</time>" for n in (2, 1))
    twins = site.parse_list(page(new + old)).episodes
    assert twins[0].id == "1"
    assert [episode.enclosure and episode.enclosure.url[-5:] for episode in twins] == ["1.mp3", "2.mp3"]
    assert {episode.id for episode in twins} == {episode.id for episode in site.parse_list(page(old + new)).episodes}


def test_episodes_come_oldest_first_and_entries_are_read_within_themselves(folder: Path) -> None:
    site = described(folder, MINIMAL + "    title = 'b'\n    date = 'time'\n")
    items = "".join(f"<li><a href=/{n}.mp3></a><b>{n}</b><time>2024-01-0{n}</time>" for n in (1, 3, 2))
    assert [episode.title for episode in site.parse_list(page(items)).episodes] == ["1", "2", "3"]


def test_next_pages_are_others_and_named_once(folder: Path) -> None:
    site = described(folder, "    ignored_parameters = ['lang']\n" + MINIMAL + "    next = ['.n', 'option']\n")
    links = "<a class=n href='?page=2'></a><a class=n href='?page=2&lang=de'></a><a class=n href='?lang=de'></a>"
    options = "<option value='?page=3'><option value='#x'><option value='javascript:1'>"
    assert site.parse_list(page(links + options)).next_urls == [f"{URL}?page=2", f"{URL}?page=3"]


def test_the_podcast_is_read(folder: Path) -> None:
    text = """
        [podcast]
        id = 'Radio-{show}'
        address = '/shows/{show}'
        title = 'h1'
        description = 'p'
        link = 'a.home'
        image = 'img'
        language = 'html::attr(lang)'
        author = '.by'
    """
    body = "<html lang=pt><h1>Show</h1><p>About</p><a class=home href=/></a><img src=/c.jpg><i class=by>Ann</i>"
    podcast = described(folder, MINIMAL + text).parse_list(page(body, f"{URL}?page=2")).podcast
    assert (podcast.id, podcast.title, podcast.address) == ("radio-harbour", "Show", URL)
    assert (podcast.description, podcast.link, podcast.image) == (
        "About",
        "http://radio.example/",
        "http://radio.example/c.jpg",
    )
    assert (podcast.language, podcast.author) == ("pt", "Ann")
    without = described(folder, MINIMAL + "[podcast]\ntitle = 'h1'").parse_list(page(body)).podcast
    assert without.id.startswith("show-")


def test_a_template_whose_group_matched_nothing_counts_as_none(folder: Path) -> None:
    text = MINIMAL.replace("(\\?.*)?", "(/(?P<own>x))?") + "[podcast]\nid = 'radio-{own}'\ntitle = 'h1'"
    site = described(folder, text)
    assert site.parse_list(page("<h1>Show</h1>", f"{URL}/x")).podcast.id == "radio-x"
    assert site.parse_list(page("<h1>Show</h1>")).podcast.id.startswith("show-")


# Pages of episodes

EPISODE = "http://radio.example/e/1"
BODY = (
    "<h1>One</h1><audio src=/1.mp3></audio><time>2024-01-02</time><i class=length>1:30</i><p>Text</p><img src=/1.jpg>"
)


def test_an_episode_is_completed_and_keeps_what_the_list_told(folder: Path) -> None:
    site = described(folder, PAGED)
    (listed,) = site.parse_list(page("<li><a href=/e/1></a><b>Listed</b>")).episodes
    completed = site.parse_episode(page(BODY, EPISODE), listed)
    assert completed == Episode(
        listed.id,
        listed.podcast_id,
        "Listed",
        Enclosure("http://radio.example/1.mp3"),
        page=EPISODE,
        guid="radio.example/e/1",
        published=datetime(2024, 1, 2, tzinfo=UTC),
        duration=90,
        description="Text",
        image="http://radio.example/1.jpg",
    )
    assert site.parse_episode(page(BODY, EPISODE), Episode("1", "p", "")).title == "One"


def test_the_page_of_an_episode_is_a_listing_of_one(folder: Path) -> None:
    listing = described(folder, PAGED + "[podcast]\ntitle = ['h1', 'h2']").parse_list(
        page(BODY + "<h2>Show</h2>", EPISODE)
    )
    assert [(episode.title, episode.page) for episode in listing.episodes] == [("One", EPISODE)]
    assert listing.podcast.title == "Show"


def test_a_page_without_the_audio_is_refused_with_a_remedy(folder: Path) -> None:
    site = described(folder, PAGED)
    sentence = r"e/1 has no address of a file where `episode\.audio` of .* looks for it; what only a script or a click"
    with pytest.raises(EpisodeError, match=sentence) as refused:
        site.parse_episode(page("<audio>", EPISODE), Episode("1", "p", ""))
    assert refused.value.kind == "no-audio"
    with pytest.raises(ListingError, match=sentence):
        site.parse_list(page("<audio>", EPISODE))


def test_an_id_for_entries_says_nothing_of_the_page_of_an_episode(folder: Path) -> None:
    text = PAGED.replace("title = 'b'", "id = '::attr(id)'", 1)
    listing = described(folder, text).parse_list(page(BODY, EPISODE))
    assert (listing.episodes, [one.cause for one in listing.left_out]) == ([], [Cause.NO_ID])
    listing = described(folder, text + "    id = { pattern = '/e/(\\d+)' }\n").parse_list(page(BODY, EPISODE))
    assert [episode.id for episode in listing.episodes] == ["1"]


# Hostile pages

_BIG = 2_000_000


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("<div>" * (_BIG // 5), "too-large"),
        ("<div>" * 240 + "x" * _BIG, "read"),
        ("<div>" * 240 + "<a></a>" * 8_000, "read"),
        ("<div>" * 200 + "<a></a>" * (_BIG // 7), "too-large"),
        ("<div></div>" * (_BIG // 11), "too-large"),
        ("<p title='" + "a" * 10_000 + "!" * _BIG + "'><div>", "site-file"),
        ("<div><a href='" + "/" * _BIG + "'>", "read"),
        ("<" * _BIG, "read"),
        ("&" * _BIG, "read"),
    ],
    ids=["nested", "one text", "wide and deep", "too wide and deep", "entries", "pattern", "address", "<", "&"],
)
def test_a_hostile_page_is_read_in_time(folder: Path, body: str, outcome: str) -> None:
    """A second or so of CPU time on a usual machine; without limits, minutes."""
    text = """
        url = 'http://radio.example/shows/.*'
        [podcast]
        title = { css = 'p::attr(title)', pattern = '(a|aa)+$' }
        description = 'div'
        [list]
        each = 'div'
        page = 'div div a'
        title = 'div > a ~ a'
        date = 'div a::attr(title)'
        audio = ['div a', 'div div div a']
        [episode]
        url = 'http://radio.example/e/.*'
        audio = 'a'
    """
    site = described(folder, text)
    response = page(body)
    started = time.process_time()
    try:
        site.parse_list(response)
        ended = "read"
    except ListingError as error:
        ended = error.kind
    assert ended == outcome
    assert time.process_time() - started < 10


def test_a_pattern_of_addresses_that_takes_too_long_is_told(folder: Path) -> None:
    site = described(folder, MINIMAL.replace("[a-z]+", "([a-z]|[a-z][a-z])+"))
    with pytest.raises(ListingError, match=r"A pattern of `url` in .*radio\.toml takes too long on http") as refused:
        site.matches(page("", URL + "a" * 5_000 + "!"))
    assert refused.value.kind == "site-file"


def test_an_xpath_that_fails_on_a_page_is_told(folder: Path) -> None:
    site = described(folder, with_list("title = { xpath = './/b[count(@x + 1) > 0]' }"))
    with pytest.raises(ListingError, match=r"The xpath of `list\.title` in .* cannot be used on http.*; correct it"):
        site.parse_list(page("<li><a href=/1.mp3></a><b x=1>"))


_TAGS = st.sampled_from(["li", "a", "b", "audio", "time", "base", "div", "p", "h1", "html", "template", "svg", "!--"])
_TEXTS = st.text(max_size=20)
_ADDRESSES = st.sampled_from(["/1.mp3", "http://[", "//", "javascript:x", "#", "?a=%zz", "http://a:99999/", "\ud800"])


@st.composite
def _html(draw: st.DrawFn) -> str:
    """Tags, opened and closed as it comes, and texts with odd characters."""
    parts = draw(
        st.lists(
            st.one_of(
                _TEXTS,
                st.builds("<{}>".format, _TAGS),
                st.builds("</{}>".format, _TAGS),
                st.builds("<{} href='{}' id='{}' title='{}'>".format, _TAGS, _ADDRESSES | _TEXTS, _TEXTS, _TEXTS),
            ),
            max_size=40,
        )
    )
    return "".join(parts)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_html(), st.sampled_from([URL, EPISODE]))
def test_whatever_a_page_is_its_entries_are_accounted_for(folder: Path, body: str, url: str) -> None:
    text = PAGED.replace("audio = 'audio'", "audio = 'audio'\n    next = '*'\n    id = '*::attr(id)'", 1)
    site = described(folder, text + "[podcast]\ntitle = 'h1'\nimage = 'b'\nlink = 'a'\nid = '{show}'")
    response = page(body, url)
    try:
        listing = site.parse_list(response)
    except ListingError:
        assert url == EPISODE
        return
    web_addresses_only(listing)
    assert PODCAST_ID.fullmatch(listing.podcast.id)
    ids = [episode.id for episode in listing.episodes]
    assert len(ids) == len(set(ids))
    if url == URL:
        entries = len(Selector(response.text, type="html").css("li"))
        assert len(listing.episodes) + len(listing.left_out) == entries
    with suppress(EpisodeError):
        site.parse_episode(response, Episode("1", "p", ""))


# The docs

DOCS = Path(__file__).parent.parent.parent / "docs" / "toml-sites.md"


def _block(language: str, number: int = 0) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(blocks[number])


def test_the_example_of_the_docs_finds_what_its_pages_have(folder: Path) -> None:
    site = described(folder, _block("toml"))
    listing = site.parse_list(page(_block("html"), "https://radio.example/shows/harbour?page=2"))
    podcast = listing.podcast
    assert (podcast.id, podcast.title, podcast.language) == ("radio-harbour", "Harbour Nights", "en")
    assert podcast.address == "https://radio.example/shows/harbour"
    assert listing.next_urls == ["https://radio.example/shows/harbour?page=3"]
    assert listing.left_out == []
    first, second = listing.episodes
    assert (first.id, first.title, first.duration) == ("11", "A letter from the ferry", 3900)
    assert (second.id, second.title, second.duration) == ("12", "The lighthouse", 2520)
    assert second.description == "What the keeper heard."
    assert second.published == datetime(2024, 3, 9, 20, tzinfo=UTC)
    assert second.page == "https://radio.example/episodes/12-lighthouse"
    own_page = page(_block("html", 1), second.page)
    enclosure = Enclosure("https://media.radio.example/harbour-12.mp3", "audio/mpeg")
    assert site.parse_episode(own_page, second).enclosure == enclosure
    assert [episode.id for episode in site.parse_list(own_page).episodes] == ["12"]


def test_the_docs_name_every_key() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert sorted(name for name in KEYS if f"`{name}`" not in text and f"`[{name}]`" not in text) == []
