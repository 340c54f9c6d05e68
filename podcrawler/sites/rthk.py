"""RTHK, the broadcaster of Hong Kong: the pages of its podcast site, whatever host serves them.

There are lists of episodes in HTML (by year), the episodes' own pages, the programme page of the newer site (which only
lists the years), and lists in XML, the only ones with the URLs of the audio files.
"""

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import ClassVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

from lxml import etree
from parsel import Selector
from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.exceptions import EpisodeError, ListingError
from podcrawler.ids import EPISODE_ID
from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.sites import identity
from podcrawler.sites.base import Listing, Site
from podcrawler.sites.order import oldest_first
from podcrawler.sites.reading import one_line, page_base, root_name, seconds, web_url, xml_root

_OWN_HOST = re.compile(r"(?:.+\.)?rthk(?:\.org)?\.hk\.?")
_OWN_PAGE = "https://podcast.rthk.hk/podcast/item.php?pid={pid}"
#: Not eight digits: `rthk-12345678` could be the id of another podcast with the title RTHK.
_PID = re.compile(r"[0-9]{1,7}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_HONG_KONG = timezone(timedelta(hours=8))
_HTML_PAGES = ("item.php", "item_all.php", "item_epi.php")
_XML_LIST = "episodeList.php"
_MARKS_OF_A_LIST = ("epiItem", "yearBox", "switch-years")
_MARKS_OF_AN_EPISODE = ("audioplayer", "controlBar", "epi-description")


class Rthk(Site):
    name: ClassVar[str] = "rthk"

    @override
    def matches(self, response: TextResponse) -> bool:
        page = urlsplit(response.url).path.rpartition("/")[2]
        if not _PID.fullmatch(_query(response.url, "pid")):
            return False
        if page == _XML_LIST:
            return root_name(response.body) == "episodeList"
        eid = _query(response.url, "eid")
        marks = _MARKS_OF_AN_EPISODE if EPISODE_ID.fullmatch(eid) else _MARKS_OF_A_LIST
        return page in _HTML_PAGES and any(mark in response.text for mark in marks)

    @override
    def parse_list(self, response: TextResponse) -> Listing:
        if urlsplit(response.url).path.endswith(_XML_LIST):
            return _xml_list(response)
        if _query(response.url, "eid"):
            return _single_episode(response)
        return _html_list(response)

    @override
    def parse_episode(self, response: TextResponse, episode: Episode) -> Episode:
        page = _html(response)
        enclosure = _audio(response, page)
        if enclosure is None:
            raise EpisodeError("no-audio", _no_audio(response.url))
        return replace(
            episode,
            enclosure=enclosure,
            title=episode.title or _episode_title(page),
            description=episode.description or _description(page),
        )


def _html_list(response: TextResponse) -> Listing:
    page = _html(response)
    base = page_base(response)
    podcast = _podcast(response.url, _show_title(page))
    episodes: dict[str, Episode] = {}
    for item in page.css("div.epiItem.video"):
        address = web_url(base, item.css("a[href]::attr(href)").get(""))
        eid = _query(address, "eid")
        if EPISODE_ID.fullmatch(eid):
            title = _line(item, "span.title")
            published = _midnight(_line(item, "span.date"))
            episodes.setdefault(eid, Episode(eid, podcast.id, title, page=address, published=published))
    links = page.css("a.yearBox::attr(href)").getall() + _xml_lists(response.url, page)
    next_urls = _others(response.url, [web_url(base, link) for link in links])
    return Listing(podcast, oldest_first(list(episodes.values())), next_urls, known_as=_known_as(response.url))


def _xml_lists(url: str, page: Selector) -> list[str]:
    """The lists of the years that the newer programme page names; it lists no episodes itself."""
    years = [year for year in page.css("#switch-years option::attr(value)").getall() if _YEAR.fullmatch(year)]
    pid = _query(url, "pid")
    return [f"{_XML_LIST}?pid={pid}&display=all&year={year}" for year in sorted(years)]


def _single_episode(response: TextResponse) -> Listing:
    page = _html(response)
    title = _episode_title(page)
    podcast = _podcast(response.url, _show_title(page, other_than=title))
    enclosure = _audio(response, page)
    if enclosure is None:
        raise ListingError("no-audio", _no_audio(response.url))
    episode = Episode(
        _query(response.url, "eid"),
        podcast.id,
        title,
        enclosure,
        page=response.url,
        description=_description(page),
    )
    return Listing(podcast, [episode], known_as=_known_as(response.url))


def _xml_list(response: TextResponse) -> Listing:
    try:
        root = xml_root(response)
    except etree.XMLSyntaxError as error:
        raise ListingError(
            "broken-xml", f"{response.url} is not well-formed XML ({error.msg}); try again later.", "passing"
        ) from error
    podcast = _podcast(response.url, "")
    episodes: dict[str, Episode] = {}
    for item in root.iterchildren("episode"):
        eid = item.findtext("eid", "").strip()
        media = web_url(response.url, item.findtext("mediafile", ""))
        if EPISODE_ID.fullmatch(eid) and media:
            episode = Episode(
                eid,
                podcast.id,
                one_line(item.findtext("episodeTitle", "")),
                Enclosure(media),
                published=_midnight(item.findtext("episodeDate", "").strip()),
                duration=seconds(item.findtext("duration", "")),
                image=web_url(response.url, item.findtext("cover", "")),
            )
            episodes.setdefault(eid, episode)
    next_urls = []
    # A page without episodes is the last one, whatever it says, or a broken list would never end.
    if episodes and _number(root.findtext("remainder", "0")):
        page = _number(root.findtext("page", "1"))
        next_urls = _others(response.url, [_with_page(response.url, page + 1)])
    return Listing(podcast, oldest_first(list(episodes.values())), next_urls, known_as=_known_as(response.url))


def _with_page(url: str, page: int) -> str:
    """The same address with another ``page``; the rest of its query is unchanged."""
    parts = urlsplit(url)
    query, found = re.subn(r"(?<![^&])page=[^&]*", f"page={page}", parts.query, count=1)
    return parts._replace(query=query if found else f"{query}&page={page}").geturl()


def _podcast(url: str, title: str) -> Podcast:
    """The podcast of a page. Its guid depends on its pid alone, so that it is the same on mirrors."""
    parts = urlsplit(url)
    pid = _query(url, "pid")
    guid = identity.podcast_guid(_OWN_PAGE.format(pid=pid))
    return Podcast(
        id=f"rthk-{pid}" if _is_own(url) else identity.podcast_id(title, guid),
        title=title,
        address=parts._replace(
            path=parts.path.replace("item_epi.php", "item_all.php"), query=f"pid={pid}", fragment=""
        ).geturl(),
        guid=guid,
    )


def _is_own(url: str) -> bool:
    return bool(_OWN_HOST.fullmatch(urlsplit(url).hostname or ""))


def _known_as(url: str) -> str:
    """The podcast of a page by its pid, on all of RTHK's own hosts, or on one that has copies of its pages."""
    pid = _query(url, "pid")
    own_page = _OWN_PAGE.format(pid=pid)
    return own_page if _is_own(url) else urlsplit(own_page)._replace(netloc=urlsplit(url).netloc).geturl()


def _show_title(page: Selector, other_than: str = "") -> str:
    """The title of the show, which is in one of several places; on an episode's page, some have the episode's title."""
    titles = [page.css('meta[property="og:title"]::attr(content)').get("")]
    titles += [_line(page, place) for place in (".prog-title", "h1", "title")]
    return next((title for title in map(one_line, titles) if title and title != other_than), "")


def _episode_title(page: Selector) -> str:
    return _line(page, ".controlBar .epi-title")


def _description(page: Selector) -> str:
    return _line(page, ".epi-description")


def _audio(response: TextResponse, page: Selector) -> Enclosure | None:
    for audio in page.css(".audioplayer audio[src], .audioplayer audio source[src]"):
        # Not attrib, which raises ValueError if any other attribute has an odd name.
        if url := web_url(page_base(response), audio.xpath("@src").get("")):
            return Enclosure(url, audio.xpath("@type").get("").strip())
    return None


def _no_audio(url: str) -> str:
    return (
        f"The episode's page {url} has no audio player with a web address; "
        "open it in a browser, and retry if it plays there."
    )


def _html(response: TextResponse) -> Selector:
    # Not response.selector, which would believe a wrong Content-Type of XML or JSON.
    return Selector(response.text or " ", type="html")


def _line(selector: Selector, query: str) -> str:
    """The text of the first element that a CSS query finds, on one line."""
    return one_line(selector.css(query).xpath("string()").get(""))


def _midnight(text: str) -> datetime | None:
    """The start, in Hong Kong, of a day in the form 2013-12-31; None for any other text."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), _HONG_KONG)
    except ValueError:
        return None


def _number(text: str) -> int:
    return int(text) if _NUMBER.fullmatch(text.strip()) else 0


def _query(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query).get(name, [""])[0]


def _others(url: str, links: list[str]) -> list[str]:
    """Links to pages other than ``url``, without duplicates."""
    known = {_page(url)}
    others = []
    for link in filter(None, links):
        if _page(link) not in known:
            known.add(_page(link))
            others.append(link)
    return others


def _page(url: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """What identifies a page: its path and its query, in any order and without the language."""
    parts = urlsplit(url)
    return parts.path, frozenset((name, value) for name, value in parse_qsl(parts.query) if name != "lang")
