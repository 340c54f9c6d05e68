"""Sites without code: sites that a user describes in a TOML file (docs/toml-sites.md), with selectors for the values.

toml_schema.py reads and checks the file, toml_page.py applies its selectors to a page. This module makes items of what
they find.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

import regex
from lxml import etree
from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.exceptions import EpisodeError, ListingError
from podcrawler.ids import PODCAST_ID
from podcrawler.items import Episode, Podcast
from podcrawler.sites import identity, selectors
from podcrawler.sites.base import LeftOut, Listing, Site
from podcrawler.sites.cause import Cause
from podcrawler.sites.limits import MAX_NAMED
from podcrawler.sites.order import oldest_first
from podcrawler.sites.reading import root_name, web_url
from podcrawler.sites.toml_page import Entry, Page
from podcrawler.sites.toml_schema import PLACE, EpisodeTable, SiteFile, read_site_file

_FEEDS = ("rss", "RDF", "feed")
_NOT_IN_AN_ID = regex.compile("[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a page gives, and what on it could not be understood."""

    listing: Listing
    #: By key of the file: the first text that was found there and is no address, date or duration.
    unread: dict[str, str]


class TomlSite(Site):
    """The site that one file describes."""

    name: ClassVar[str] = "toml"

    def __init__(self, file: SiteFile, source: str) -> None:
        """``source`` is the name of the file, for messages."""
        self._file = file
        self._source = source

    @classmethod
    def read(cls, path: Path) -> "TomlSite":
        """The site that a file describes. Raises SiteFileError."""
        return cls(read_site_file(path), str(path))

    @override
    def matches(self, response: TextResponse) -> bool:
        # A pattern may be so wide that it includes the feed.
        return self.knows(response.url) and root_name(response.body) not in _FEEDS

    def knows(self, url: str) -> bool:
        """Whether an address is that of a list page, or of the page of an episode. Raises ListingError."""
        return self._is_episode(url) or self._match(url, self._file.url) is not None

    @override
    def parse_list(self, response: TextResponse) -> Listing:
        return self.extract(response).listing

    def extract(self, response: TextResponse) -> Extraction:
        """What a list page lists; of the page of an episode, a listing of one. Raises ListingError."""
        page = Page(response, self._source)
        table = self._file.episode
        listing = self._single(page, table) if table and self._is_episode(page.url) else self._list(page)
        return Extraction(listing, page.unread)

    @override
    def parse_episode(self, response: TextResponse, episode: Episode) -> Episode:
        page = Page(response, self._source)
        entry = page.entry("episode", self._file.episode, page.root) if self._file.episode else Entry()
        if entry.audio is None:
            raise EpisodeError("no-audio", self._no_audio(page.url))
        return replace(
            episode,
            enclosure=entry.audio,
            title=episode.title or entry.title,
            published=episode.published or entry.published,
            duration=entry.duration if episode.duration is None else episode.duration,
            description=episode.description or entry.description,
            image=episode.image or entry.image,
        )

    def _list(self, page: Page) -> Listing:
        podcast = self._podcast(page)
        found: list[Episode] = []
        left_out: list[LeftOut] = []
        for element in page.elements("list.each", self._file.entries.each):
            made = self._listed(page, element, podcast.id)
            if isinstance(made, Episode):
                found.append(made)
            else:
                left_out.append(made)
        episodes, duplicates = _distinct(found)
        return Listing(
            podcast,
            oldest_first(episodes),
            self._next_urls(page),
            left_out + duplicates,
            known_as=self._known_as(page.url, podcast),
        )

    def _listed(self, page: Page, element: etree._Element, podcast_id: str) -> Episode | LeftOut:
        """The episode that an element of the list is, or why it is none."""
        table = self._file.entries
        entry = page.entry("list", table, element)
        link = page.link("list.page", table.page, element)
        # A link to a place on the list itself leads to no page of the episode.
        own_page = "" if self._identity(link.url) == self._identity(page.url) else link.url
        unusable = (entry.unusable_audio or link.unusable)[:MAX_NAMED]
        has_media = entry.audio is not None or (own_page and self._file.episode)
        if not has_media and not unusable:
            return LeftOut(Cause.NO_MEDIA, entry.title)
        address = own_page or (entry.audio.url if entry.audio else "")
        guid = page.id("list.id", table.id, element, address) if table.id else ""
        episode = _episode(entry, podcast_id, own_page, guid)
        if not has_media:
            announced = replace(episode, id=episode.id or identity.episode_id(unusable, ""))
            return LeftOut(Cause.BAD_ADDRESS, entry.title, unusable, announced)
        if table.id and not guid:
            return LeftOut(Cause.NO_ID, entry.title, address[:MAX_NAMED])
        return episode

    def _single(self, page: Page, table: EpisodeTable) -> Listing:
        """A listing of one episode, from its own page."""
        entry = page.entry("episode", table, page.root)
        if entry.audio is None:
            raise ListingError("no-audio", self._no_audio(page.url))
        podcast = self._podcast(page, other_than=entry.title)
        known_as = self._known_as(page.url, podcast)
        rule = table.id or self._file.entries.id
        # A selector for the id in an entry of the list says nothing of this page.
        is_for_entries = rule is not None and rule.selector is not None and table.id is None
        guid = page.id("episode.id", rule, page.root, page.url) if rule and not is_for_entries else ""
        if rule and not guid:
            nameless = LeftOut(Cause.NO_ID, entry.title, page.url[:MAX_NAMED])
            return Listing(podcast, left_out=[nameless], known_as=known_as)
        return Listing(podcast, [_episode(entry, podcast.id, page.url, guid)], known_as=known_as)

    def _podcast(self, page: Page, other_than: str = "") -> Podcast:
        """The podcast of a page. On the page of an episode some places may have the episode's title, which is passed
        over."""
        table = self._file.podcast
        title = page.text("podcast.title", table.title, page.root, other_than=other_than)
        address = web_url(page.url, self._filled(table.address, page.url)) or page.url
        guid = identity.podcast_guid(self._filled(table.guid_from, page.url) or address)
        own_id = _NOT_IN_AN_ID.sub("-", self._filled(table.id, page.url).lower()).strip("-")
        return Podcast(
            id=own_id if PODCAST_ID.fullmatch(own_id) else identity.podcast_id(title, guid),
            title=title,
            address=address,
            guid=guid,
            description=page.text("podcast.description", table.description, page.root),
            link=page.link("podcast.link", table.link, page.root).url,
            image=page.link("podcast.image", table.image, page.root).url,
            language=page.text("podcast.language", table.language, page.root),
            author=page.text("podcast.author", table.author, page.root),
        )

    def _known_as(self, url: str, podcast: Podcast) -> str:
        """What the file makes the podcast's identity of; without an id, on the page's host alone."""
        table = self._file.podcast
        made_of = self._filled(table.guid_from, url)
        if self._filled(table.id, url):
            return made_of or f"site:{podcast.id}"
        return urlsplit(made_of or podcast.address)._replace(netloc=urlsplit(url).netloc).geturl()

    def _next_urls(self, page: Page) -> list[str]:
        """The addresses of other pages, without duplicates."""
        others: dict[object, str] = {}
        for url in page.links("list.next", self._file.entries.next):
            others.setdefault(self._identity(url), url)
        others.pop(self._identity(page.url), None)
        return list(others.values())

    def _is_episode(self, url: str) -> bool:
        table = self._file.episode
        return table is not None and self._match(url, table.url) is not None

    def _match(self, url: str, patterns: "Sequence[regex.Pattern[str]]") -> "regex.Match[str] | None":
        """The match of the first pattern that matches a whole address."""
        try:
            matches = (selectors.full_match(pattern, url) for pattern in patterns)
            return next((match for match in matches if match), None)
        except TimeoutError:
            raise ListingError(
                "site-file",
                f"A pattern of `url` in {self._source} takes too long on {url}; write one that does not repeat what "
                "repeats itself.",
            ) from None

    def _filled(self, template: str, url: str) -> str:
        """A template with what the groups matched in an address; empty if one of them matched nothing."""
        patterns = [*(self._file.episode.url if self._file.episode else ()), *self._file.url]
        match = self._match(url, patterns) if template else None
        groups = match.groupdict() if match else {}
        if not all(groups.get(name) for name in PLACE.findall(template)):
            return ""
        return PLACE.sub(lambda place: groups[place[1]], template)

    def _identity(self, url: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What identifies a page: its host and path, and its query, in any order and without what is ignored."""
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        telling = sorted(one for one in query if one[0] not in self._file.ignored_parameters)
        return parts.netloc, parts.path, tuple(telling)

    def _no_audio(self, url: str) -> str:
        return (
            f"The episode's page {url} has no address of a file where `episode.audio` of {self._source} looks for it; "
            "what only a script or a click shows cannot be read."
        )


def _episode(entry: Entry, podcast_id: str, own_page: str, guid: str) -> Episode:
    """The episode of an entry. Without a guid its page identifies it, without a page its file, without both
    nothing: its id is empty."""
    # Without the scheme, which may change some day.
    key = guid or own_page.partition("://")[2]
    audio = entry.audio
    return Episode(
        identity.episode_id(key, audio.url if audio else "") if key or audio else "",
        podcast_id,
        entry.title,
        audio,
        page=own_page,
        guid=key,
        published=entry.published,
        duration=entry.duration,
        description=entry.description,
        image=entry.image,
    )


def _distinct(found: Sequence[Episode]) -> tuple[list[Episode], list[LeftOut]]:
    """The episodes under ids of their own, in their order, and those that are there twice: with one id and one file.

    Of several files with one id the oldest keeps the id."""
    by_id: defaultdict[str, dict[str, Episode]] = defaultdict(dict)
    duplicates: list[LeftOut] = []
    for episode in found:
        files = by_id[episode.id]
        address = episode.enclosure.url if episode.enclosure else ""
        file = identity.media_key(address)
        if file in files:
            duplicates.append(LeftOut(Cause.DUPLICATE, episode.title, (address or episode.page)[:MAX_NAMED]))
        files.setdefault(file, episode)
    for plain_id, files in by_id.items():
        names = {id(episode): file for file, episode in files.items()}
        for twin in oldest_first(list(files.values()))[1:]:
            twin.id = identity.twin_id(plain_id, names[id(twin)])
    kept = {id(episode) for files in by_id.values() for episode in files.values()}
    return [episode for episode in found if id(episode) in kept], duplicates
