"""Reads feeds that are XML: RSS of all versions, RDF, Atom, Media RSS, and what publishers make of them.

A document that is not well-formed is repaired first, so that its texts and ids are the same.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

from lxml import etree

from podcrawler.sites.elements import Fields, attribute_of, name_of, relation_of
from podcrawler.sites.extensions import episode_extensions, picture, podcast_extensions
from podcrawler.sites.feed_document import Document, Entry, MediaFile
from podcrawler.sites.limits import MAX_TEXT
from podcrawler.sites.reading import behind_prolog, parsed, web_url
from podcrawler.sites.repair import repaired

_ENTRIES = ("item", "entry")
_DATES = (
    "pubdate",
    "published",
    "issued",
    "dcterms:issued",
    "dcterms:available",
    "dcterms:created",
    "created",
    "dc:date",
    "dcterms:date",
    "date",
    "updated",
    "modified",
    "dcterms:modified",
)
#: Where a feed begins. Words, warnings of PHP, or headers of HTTP may precede it.
_BEGINNING = re.compile(r"<(?:[A-Za-z][\w.-]{0,20}:)?(rss|rdf|feed|channel)(?=[\s>/]|\Z)", re.IGNORECASE)
_BEGINNING_OF_ITEM = re.compile(r"<item[\s>]", re.IGNORECASE)
_WEB_PAGE = re.compile(r"<html[\s>]|<!doctype html|<body[\s>]", re.IGNORECASE)
#: Places that are looked at: a page may be full of them.
_MOST_BEGINNINGS = 20


def beginning(text: str) -> int:
    """Where the root element of a feed begins in a document, or in the first part of one; -1 if it is no feed."""
    first = behind_prolog(text)
    for number, found in enumerate(_BEGINNING.finditer(text, first)):
        before = text[first : found.start()]
        if number == _MOST_BEGINNINGS or (_WEB_PAGE.search(before) and "</html" not in before.lower()):
            return -1
        # Other formats have channels, too.
        is_feed = found[1].lower() != "channel" or _BEGINNING_OF_ITEM.search(text, found.end())
        if is_feed and before.rfind("<!--") <= before.rfind("-->"):
            return found.start()
    return -1


def read_xml(text: str, url: str) -> tuple[Document, bool]:
    """What a document says, and whether it is well-formed. Raises ``lxml.etree.XMLSyntaxError`` or ValueError if
    nothing can be made of it."""
    # A CDATA section that is not closed may swallow the entries up to the next one, and still be legal.
    if text.count("<![CDATA[") == text.count("]]>"):
        with suppress(etree.XMLSyntaxError):
            return _read(parsed(text, url), url), True
    root = parsed(repaired(text[max(beginning(text), 0) :]), url, recover=True)
    return _read(root, url), False


def _read(root: etree._Element, url: str) -> Document:
    items = list(_entries(root))
    channel = _channel(root, items)
    author = channel.first("author")
    base = _base(channel.element, url)
    description = channel.text("description", "itunes:summary", "subtitle", "tagline", "dc:description")[:MAX_TEXT]
    return Document(
        base=base,
        title=channel.text("title", "itunes:title", "dc:title", "dcterms:title"),
        guid=channel.text("podcast:guid"),
        description=description,
        link=channel.text("link") or channel.link("alternate"),
        image=picture(channel, base),
        language=channel.text("language", "dc:language") or attribute_of(root, "lang"),
        author=channel.text("itunes:author", "dc:creator") or (author.text("name") if author else ""),
        details=podcast_extensions(channel, base, description),
        further=[link for link in (channel.link("next"), channel.link("prev-archive")) if link],
        moved_to=channel.text("itunes:new-feed-url"),
        has_entries=bool(items),
        entries=_each(items, url),
    )


def _each(items: list[etree._Element], url: str) -> Iterator[Entry]:
    """The entries, each of whose elements is freed when it has been read: all of them are the most of a large feed."""
    for item in items:
        yield _entry(item, url)
        item.clear()


def _entries(element: etree._Element) -> Iterator[etree._Element]:
    """All entries in the element, wherever they are: in RSS 2.0 in the channel, in RSS 1.0 next to it, in Atom in the
    root."""
    for child in element.iterchildren(etree.Element):
        if name_of(child) in _ENTRIES:
            yield child
        else:
            yield from _entries(child)


def _channel(root: etree._Element, items: list[etree._Element]) -> Fields:
    """The element that describes the podcast: the channel, else what the entries are in."""
    if name_of(root) != "channel":
        for child in root.iterchildren(etree.Element):
            if name_of(child) == "channel":
                return Fields(child)
        parent = items[0].getparent() if items else None
        if parent is not None:
            return Fields(parent)
    return Fields(root)


def _base(element: etree._Element, url: str) -> str:
    """What the addresses in the element are relative to: its xml:base, if that is an address."""
    base = element.base or url
    return base if base == url else web_url(url, base) or url


def _entry(item: etree._Element, url: str) -> Entry:
    fields = Fields(item)
    base = _base(item, url)
    description = fields.text(
        "description", "itunes:summary", "summary", "content:encoded", "content", "media:description"
    )[:MAX_TEXT]
    return Entry(
        base=base,
        title=fields.text("title", "itunes:title", "dc:title", "dcterms:title", "media:title"),
        # RDF Site Summary 1.0 identifies an item by its rdf:about.
        guid=fields.text("guid", "id") or attribute_of(item, "about"),
        link=fields.text("link") or fields.link("alternate"),
        dates=fields.texts(*_DATES),
        duration=fields.text("itunes:duration"),
        description=description,
        image=picture(fields, base),
        details=episode_extensions(fields, base, description),
        files=_files(fields),
        other_files=_alternate_enclosures(fields),
    )


def _files(fields: Fields) -> list[MediaFile]:
    elements = fields.all("enclosure")
    elements += [link for link in fields.all("link") if relation_of(link) == "enclosure"]
    elements += [content for content in fields.all("content") if attribute_of(content, "src")]
    media = fields.all("media:content")
    for group in fields.all("media:group"):
        media += Fields(group).all("media:content")
    # Media RSS, isDefault: the one of its group that is to be taken.
    elements += sorted(media, key=lambda content: attribute_of(content, "isdefault").lower() != "true")
    return [file for element in elements if (file := _file(element)).address]


def _file(element: etree._Element) -> MediaFile:
    address = next((value for name in ("url", "href", "src") if (value := attribute_of(element, name))), "")
    media_type = attribute_of(element, "type") or attribute_of(element, "medium")
    length = attribute_of(element, "length") or attribute_of(element, "filesize")
    return MediaFile(address or (element.text or "").strip(), media_type.lower(), length)


def _alternate_enclosures(fields: Fields) -> list[MediaFile]:
    """Podcasting 2.0, ``podcast:alternateEnclosure``: each has one or more sources."""
    return [
        MediaFile(address, attribute_of(enclosure, "type").lower(), attribute_of(enclosure, "length"))
        for enclosure in fields.all("podcast:alternateenclosure")
        for source in Fields(enclosure).all("podcast:source")
        if (address := attribute_of(source, "uri"))
    ]
