"""Feeds of any host: RSS, RDF, Atom and JSON Feed, whose entries name their media files.

The readers of the formats return the texts of a feed; here they become episodes, or are left out for a reason.
"""

import re
from collections.abc import Iterator
from typing import ClassVar, TypeAlias
from urllib.parse import urldefrag

from lxml import etree
from scrapy.http import Response, TextResponse
from typing_extensions import override

from podcrawler.exceptions import ListingError
from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.sites import identity
from podcrawler.sites.base import LeftOut, Listing, Site
from podcrawler.sites.cause import Cause
from podcrawler.sites.choice import Kind, is_picture, kind_of, preferred, told_kind
from podcrawler.sites.dates import moment
from podcrawler.sites.feed_document import Document, Entry, MediaFile
from podcrawler.sites.feed_json import is_json_feed, read_json
from podcrawler.sites.feed_xml import beginning, read_xml
from podcrawler.sites.limits import MAX_ADDRESS, MAX_NAMED, bounded_entries
from podcrawler.sites.order import by_age
from podcrawler.sites.packed import Packed
from podcrawler.sites.promise import with_promise
from podcrawler.sites.reading import head_of, one_line, plain_title, seconds, text_of_body, utf_8_of_body, web_url

#: The episodes of a feed, and its other entries.
_Found: TypeAlias = tuple[Packed, list[LeftOut]]
_LENGTH = re.compile(r"[0-9]{1,18}")


class Feed(Site):
    name: ClassVar[str] = "feed"
    generic: ClassVar[bool] = True

    @override
    def matches(self, response: TextResponse) -> bool:
        head = head_of(response)
        return is_json_feed(head) or beginning(head) >= 0

    @override
    def parse_list(self, response: TextResponse) -> Listing:
        url = response.url
        document, (found, left_out) = _read(response)
        podcast = _podcast(document, url)
        _belong_to(podcast, found, left_out)
        unique, duplicates = identity.without_duplicates(found)
        episodes = identity.without_twins(unique)
        episodes = episodes.at(by_age(episodes.times))
        left_out += [LeftOut(Cause.DUPLICATE, episode.title) for episode in duplicates]
        left_out += [LeftOut(Cause.CUT_OFF, "")] if document.breaks_off else []
        here = urldefrag(url).url
        further = [urldefrag(web_url(document.base, address)).url for address in document.further]
        next_urls = [address for address in dict.fromkeys(further) if address not in ("", here)]
        moved_to = web_url(document.base, document.moved_to)
        asked = with_promise(document.asked, podcast)
        return Listing(podcast, episodes, next_urls, left_out, moved_to if moved_to != url else "", asked=asked)


def _read(response: Response) -> tuple[Document, _Found]:
    broken = ListingError(
        "broken-feed",
        f"{response.url} is not well-formed, and nothing could be read from it in spite of that; "
        "tell its publisher, or give another address of the podcast.",
    )
    try:
        if is_json_feed(head_of(response)):
            document, found = read_json(text_of_body(response), response.url, _taken)
        else:
            document, found = read_xml(utf_8_of_body(response), response.url, _taken)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise broken from error
    if not document.is_well_formed and not (document.has_entries or document.further or document.moved_to):
        raise broken
    return document, found


def _taken(entries: Iterator[Entry]) -> _Found:
    return bounded_entries(map(_episode, entries))


def _belong_to(podcast: Podcast, episodes: Packed, left_out: list[LeftOut]) -> None:
    """Note whose they are: the feed may tell that behind its entries."""
    episodes.podcast_id = podcast.id
    for entry in left_out:
        for episode in (entry.episode, entry.unwanted):
            if episode:
                episode.podcast_id = podcast.id


def _podcast(document: Document, url: str) -> Podcast:
    guid = document.guid or identity.podcast_guid(url)
    return Podcast(
        # Of the title as it was read by earlier releases, with references that were escaped twice.
        id=identity.podcast_id(one_line(document.title), guid),
        title=plain_title(document.title),
        address=url,
        guid=guid,
        description=document.description,
        link=web_url(document.base, document.link),
        image=document.image,
        language=document.language,
        author=one_line(document.author),
        **document.details,
    )


def _episode(entry: Entry) -> Episode | LeftOut:
    """The entry as an episode under its plain id, of no podcast yet, or the reason why it is none."""
    title = plain_title(entry.title)
    files = _requestable(entry.base, entry.files)
    wanted = preferred(files) or preferred(_requestable(entry.base, entry.other_files))
    if not wanted and all(is_picture(file.type, file.address) for file in entry.files):
        wanted = preferred(_requestable(entry.base, entry.embedded()))
    if wanted:
        return _made(entry, title, wanted)
    malformed = [file for file in entry.files if not web_url(entry.base, file.address)]
    malformed.sort(key=lambda file: kind_of(file.type, file.address))
    if malformed and (not files or kind_of(malformed[0].type, malformed[0].address) is not Kind.OTHER):
        # With one character too many, it is left out for its length.
        address = malformed[0].address[: MAX_ADDRESS + 1]
        announced = _made(entry, title, [_enclosure(address, malformed[0])])
        return LeftOut(Cause.BAD_ADDRESS, title, address[:MAX_NAMED], announced)
    if files:
        named = told_kind(files[0])[:MAX_NAMED]
        return LeftOut(Cause.NOT_MEDIA, title, named, unwanted=_made(entry, title, files))
    return LeftOut(Cause.NO_MEDIA, title)


def _made(entry: Entry, title: str, enclosures: list[Enclosure]) -> Episode:
    enclosure, *alternates = enclosures
    plain_id = identity.episode_id(entry.guid, enclosure.url)
    return Episode(
        id=plain_id,
        podcast_id="",
        title=title,
        enclosure=enclosure,
        page=web_url(entry.base, entry.link),
        guid=entry.guid,
        published=next((date for text in entry.dates if (date := moment(text))), None),
        duration=seconds(entry.duration),
        description=entry.description,
        image=entry.image,
        twin_id=identity.twin_id(plain_id, identity.media_key(enclosure.url)),
        alternates=alternates,
        **entry.details,
    )


def _requestable(base: str, files: list[MediaFile]) -> list[Enclosure]:
    """The files that have a web address, each once."""
    found: dict[str, Enclosure] = {}
    for file in files:
        if url := web_url(base, file.address):
            found.setdefault(url, _enclosure(url, file))
    return list(found.values())


def _enclosure(url: str, file: MediaFile) -> Enclosure:
    # RSS Advisory Board, Best Practices Profile: an unknown length is given as 0.
    length = int(file.length) or None if _LENGTH.fullmatch(file.length) else None
    return Enclosure(url, file.type, length)
