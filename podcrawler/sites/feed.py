"""Feeds: RSS 2.0 (and 0.9x, 1.0) and Atom, of any host, whose entries announce their media file as an enclosure.

lxml reads well-formed feeds, fast and without loss. Others go to feedparser, which is slow but reads almost anything.
Both return the same plain texts, of which the same code makes items.
"""

import html
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urldefrag

from lxml import etree
from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.exceptions import ListingError
from podcrawler.items import Enclosure, Episode, Podcast
from podcrawler.sites import identity
from podcrawler.sites.base import Listing, Site
from podcrawler.sites.reading import oldest_first, one_line, root_name, seconds, web_url, with_valid_utf8, xml_root

#: By namespace in lower case, because feeds vary its case: a prefix. RSS has no namespace, but some feeds declare one.
_PREFIXES = {
    "": "",
    "http://purl.org/rss/1.0/": "",
    "http://my.netscape.com/rdf/simple/0.9/": "",
    "http://backend.userland.com/rss2": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://www.w3.org/2005/atom": "atom:",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes:",
    "http://purl.org/rss/1.0/modules/content/": "content:",
    "http://purl.org/dc/elements/1.1/": "dc:",
    "https://podcastindex.org/namespace/1.0": "podcast:",
    "https://github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md": "podcast:",
}
_LENGTH = re.compile(r"[0-9]{1,18}")
_REFERENCE = re.compile(r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class _Entry(NamedTuple):
    """One entry: texts as they are in the feed, empty if missing. Its addresses are relative to ``base``."""

    base: str
    title: str
    guid: str
    link: str
    published: str
    duration: str
    description: str
    image: str
    #: Address, type and length of each enclosure.
    enclosures: list[tuple[str, str, str]]


class _Document(NamedTuple):
    """A whole feed; fields as in ``_Entry``."""

    base: str
    title: str
    guid: str
    description: str
    link: str
    image: str
    language: str
    author: str
    next: str
    moved_to: str
    entries: list[_Entry]


class Feed(Site):
    name: ClassVar[str] = "feed"
    generic: ClassVar[bool] = True

    @override
    def matches(self, response: TextResponse) -> bool:
        return root_name(response.body) in ("rss", "RDF", "feed")

    @override
    def parse_list(self, response: TextResponse) -> Listing:
        url = response.url
        try:
            document = _read_xml(xml_root(response))
        except etree.XMLSyntaxError:
            document = _read_anything(response)
        podcast = _podcast(document, url)
        episodes: dict[str, Episode] = {}
        for entry in document.entries:
            if episode := _episode(entry, podcast.id):
                episodes.setdefault(episode.id, episode)
        further = urldefrag(web_url(document.base, document.next)).url
        next_urls = [further] if further and further != urldefrag(url).url else []
        moved_to = web_url(document.base, document.moved_to)
        if not episodes and not next_urls and not moved_to:
            raise _nothing(url, len(document.entries))
        return Listing(podcast, oldest_first(list(episodes.values())), next_urls, moved_to=moved_to)


def _nothing(url: str, entries: int) -> ListingError:
    if entries == 0:
        return ListingError(
            "no-episodes", f"{url} is a feed without any entry; check the address of the podcast's feed."
        )
    return ListingError(
        "no-enclosures",
        f"{url} is a feed of {entries} entries, none of which has an audio or video file with a web address; "
        "it may be the feed of a blog: give the address of the podcast's own feed.",
    )


def _podcast(document: _Document, url: str) -> Podcast:
    title = one_line(document.title)
    guid = document.guid or identity.podcast_guid(url)
    return Podcast(
        id=identity.podcast_id(title, guid),
        title=title,
        address=url,
        guid=guid,
        description=document.description,
        link=web_url(document.base, document.link),
        image=web_url(document.base, document.image),
        language=document.language,
        author=one_line(document.author),
    )


def _episode(entry: _Entry, podcast_id: str) -> Episode | None:
    """The entry as an episode; None if it has no media file with a web address."""
    enclosure = _enclosure(entry)
    if enclosure is None:
        return None
    return Episode(
        id=identity.episode_id(entry.guid, enclosure.url),
        podcast_id=podcast_id,
        title=one_line(entry.title),
        enclosure=enclosure,
        page=web_url(entry.base, entry.link),
        guid=entry.guid,
        published=_moment(entry.published),
        duration=seconds(entry.duration),
        description=entry.description,
        image=web_url(entry.base, entry.image),
    )


def _enclosure(entry: _Entry) -> Enclosure | None:
    """The first audio file, else the first video file, else the first other file that is not an image."""
    found = [
        # RSS Advisory Board, Best Practices Profile: an unknown length is given as 0.
        Enclosure(url, media_type, int(length) or None if _LENGTH.fullmatch(length) else None)
        for address, media_type, length in entry.enclosures
        if (url := web_url(entry.base, address)) and not media_type.startswith("image/")
    ]
    for kind in ("audio/", "video/", ""):
        for enclosure in found:
            if enclosure.type.startswith(kind):
                return enclosure
    return None


def _moment(text: str) -> datetime | None:
    """A date of RFC 822 (RSS) or RFC 3339 (Atom); None for anything else."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError, OverflowError):
            moment = read(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


class _Fields:
    """The children of an element by their names, such as ``pubDate``, ``itunes:duration`` or ``atom:link``."""

    def __init__(self, element: etree._Element) -> None:
        self._children: dict[str, list[etree._Element]] = {}
        for child in element.iterchildren(etree.Element):
            self._children.setdefault(_name(child.tag), []).append(child)

    def all(self, name: str) -> list[etree._Element]:
        return self._children.get(name, [])

    def text(self, *names: str) -> str:
        """The first non-empty text of the first name that has one; empty if none has."""
        return next((text for name in names for child in self.all(name) if (text := _text(child))), "")

    def attribute(self, name: str, attribute: str) -> str:
        return next((value for child in self.all(name) if (value := child.get(attribute, "").strip())), "")

    def link(self, rel: str) -> str:
        """The address of an ``atom:link`` (RFC 4287 §4.2.7)."""
        links = [link for link in self.all("atom:link") if link.get("rel", "alternate") == rel]
        return links[0].get("href", "") if links else ""


@lru_cache(maxsize=1024)
def _name(tag: str) -> str:
    namespace, _, local = tag.rpartition("}")
    return _PREFIXES.get(namespace[1:].lower(), "?:") + local


def _text(element: etree._Element) -> str:
    return ("".join(_pieces(element)) if len(element) else element.text or "").strip()


def _pieces(element: etree._Element) -> Iterator[str]:
    """The text without XHTML's tags; entities are taken as HTML's, because their DTD is not fetched."""
    yield element.text or ""
    for child in element:
        if child.tag is etree.Entity:
            yield html.unescape(child.text or "")
        else:
            yield from _pieces(child)
        yield child.tail or ""


def _read_xml(root: etree._Element) -> _Document:
    top = _Fields(root)
    # In RSS 2.0 the items are in the channel, in RSS 0.90 and 1.0 next to it; in Atom the root is the channel.
    channel = next(map(_Fields, top.all("channel")), top)
    items = [item for part in top.all("channel") for item in _Fields(part).all("item")]
    items += top.all("item") + top.all("atom:entry")
    image = next(map(_Fields, channel.all("image")), None)
    author = next(map(_Fields, channel.all("atom:author")), None)
    return _Document(
        base=root.base or "",
        title=channel.text("title", "atom:title", "itunes:title"),
        guid=channel.text("podcast:guid"),
        description=channel.text("description", "itunes:summary", "atom:subtitle"),
        link=channel.text("link") or channel.link("alternate"),
        image=channel.attribute("itunes:image", "href")
        or (image.text("url") if image else "")
        or channel.text("atom:logo", "atom:icon"),
        language=channel.text("language", "dc:language") or root.get(_XML_LANG, ""),
        author=channel.text("itunes:author", "dc:creator") or (author.text("atom:name") if author else ""),
        next=channel.link("next"),
        moved_to=channel.text("itunes:new-feed-url"),
        entries=[_read_entry(item) for item in items],
    )


def _read_entry(item: etree._Element) -> _Entry:
    fields = _Fields(item)
    enclosures = [_attributes(enclosure, "url") for enclosure in fields.all("enclosure")]
    enclosures += [_attributes(link, "href") for link in fields.all("atom:link") if link.get("rel") == "enclosure"]
    return _Entry(
        base=item.base or "",
        title=fields.text("title", "atom:title", "itunes:title"),
        guid=fields.text("guid", "atom:id"),
        link=fields.text("link") or fields.link("alternate"),
        published=fields.text("pubDate", "atom:published", "atom:updated", "dc:date"),
        duration=fields.text("itunes:duration"),
        description=fields.text("description", "itunes:summary", "atom:summary", "content:encoded", "atom:content"),
        image=fields.attribute("itunes:image", "href"),
        enclosures=enclosures,
    )


def _attributes(enclosure: etree._Element, address: str) -> tuple[str, str, str]:
    return (
        enclosure.get(address, ""),
        enclosure.get("type", "").strip().lower(),
        enclosure.get("length", "").strip(),
    )


def _read_anything(response: TextResponse) -> _Document:
    """A document that is not well-formed, as feedparser reads it."""
    # Imported here because few feeds need it.
    import feedparser

    broken = ListingError(
        "broken-feed",
        f"{response.url} is not well-formed XML, and nothing could be read from it in spite of that; "
        "tell its publisher, or give another address of the podcast.",
    )
    try:
        # As a stream: feedparser would first try bytes as the name of a file.
        stream = io.BytesIO(with_valid_utf8(response.body))
        found = feedparser.parse(stream, resolve_relative_uris=False, sanitize_html=False)
    except Exception as error:
        # Its fallback parser raises all kinds of exceptions on broken documents.
        raise broken from error
    if not found.entries:
        raise broken
    show = found.feed
    return _Document(
        base=response.url,
        title=_string(show, "title"),
        guid=_resolved(_string(show, "podcast_guid")),
        description=_string(show, "subtitle") or _string(show, "summary"),
        link=_string(show, "link"),
        image=_string(show.get("image"), "href") or _string(show, "logo"),
        language=_string(show, "language"),
        author=_string(show, "author"),
        next=next((_string(link, "href") for link in _links(show, "next")), ""),
        moved_to=_string(show, "itunes_new-feed-url") or _string(show, "new-feed-url"),
        entries=[
            _Entry(
                base=response.url,
                title=_string(entry, "title"),
                guid=_resolved(_string(entry, "id")),
                link=_string(entry, "link"),
                published=_string(entry, "published") or _string(entry, "updated"),
                duration=_string(entry, "itunes_duration"),
                description=_string(entry, "summary"),
                image=_string(entry.get("image"), "href"),
                enclosures=[
                    (
                        _resolved(_string(enclosure, "href")),
                        _string(enclosure, "type").lower(),
                        _string(enclosure, "length"),
                    )
                    for enclosure in _links(entry, "enclosure")
                ],
            )
            for entry in found.entries
        ],
    )


def _string(found: Any, key: str) -> str:
    """A text in feedparser's result; empty if it is missing or, for an odd document, not a text."""
    value = found.get(key) if isinstance(found, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _links(found: Any, rel: str) -> list[Any]:
    links = found.get("links")
    return [link for link in links if _string(link, "rel") == rel] if isinstance(links, list) else []


def _resolved(text: str) -> str:
    """The text without the references that feedparser leaves in ids and attributes, so that ids do not change when a
    feed stops being well-formed."""
    return _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)
