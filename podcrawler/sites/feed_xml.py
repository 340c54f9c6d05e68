"""Reads feeds that are XML: RSS of all versions, RDF, Atom, Media RSS, and what publishers make of them.

Of a document that is well-formed, each entry is freed as soon as it has been read: all of them are the most of a large
feed. One that is not is repaired first, so that its texts and ids are the same.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from lxml import etree

from podcrawler.sites.asked_xml import asked_by
from podcrawler.sites.elements import Fields, attribute_of, name_of
from podcrawler.sites.extensions import episode_extensions, picture, podcast_extensions
from podcrawler.sites.feed_document import Document, Entry, T, Take
from podcrawler.sites.feed_files import alternate_files, embedded_files, named_files
from podcrawler.sites.limits import MAX_TEXT
from podcrawler.sites.reading import XML_OPTIONS, behind_prolog, parsed, web_url
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
#: Behind the name of a root: a feed that a program has put into a page of its own.
_CHANNEL = re.compile(r"[^<>]{0,4000}>\s*<(?:[A-Za-z][\w.-]{0,20}:)?channel[\s>]", re.IGNORECASE)
#: Elements of a page whose content is no markup, or none of the page.
_OF_TEXTS = re.compile(r"<(/?)(?:script|style|textarea|template|xmp)\b", re.IGNORECASE)
#: What may precede the document, and is none of it.
_BLANK = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n])*")
#: Bytes that are parsed at once.
_PIECE = 64 * 1024
#: Places that are looked at: a page may be full of them.
_MOST_BEGINNINGS = 20


def beginning(text: str) -> int:
    """Where the root element of a feed begins in a document, or in the first part of one; -1 if it is no feed."""
    first = behind_prolog(text)
    for number, found in enumerate(_BEGINNING.finditer(text, first)):
        before = text[first : found.start()]
        if number == _MOST_BEGINNINGS:
            return -1
        if _is_in_page(before) and (_is_in_script(before) or not _CHANNEL.match(text, found.end())):
            return -1
        # Other formats have channels, too.
        is_feed = found[1].lower() != "channel" or _BEGINNING_OF_ITEM.search(text, found.end())
        if is_feed and before.rfind("<!--") <= before.rfind("-->"):
            return found.start()
    return -1


def _is_in_page(before: str) -> bool:
    """Whether what precedes the name of a root is the beginning of a web page."""
    return bool(_WEB_PAGE.search(before)) and "</html" not in before.lower()


def _is_in_script(before: str) -> bool:
    """Whether what precedes the name of a root in a web page makes that a text of the page."""
    tags = _OF_TEXTS.findall(before)
    return bool(tags) and not tags[-1]


def read_xml(body: bytes, url: str, take: Take[T]) -> tuple[Document, T]:
    """What a document in UTF-8 says, and what is made of its entries. Raises ``lxml.etree.XMLSyntaxError`` or
    ValueError if nothing can be made of it."""
    # A CDATA section that is not closed may swallow the entries up to the next one, and still be legal.
    if body.count(b"<![CDATA[") == body.count(b"]]>"):
        with suppress(etree.XMLSyntaxError):
            stream = _Stream(body, url)
            taken = take(stream.entries())
            return _document(stream.root, stream.parent, url, is_well_formed=True), taken
    text = body.decode()
    mended, breaks_off = repaired(text[max(beginning(text), 0) :])
    root = parsed(mended, url, recover=True)
    items = list(_entries(root))
    taken = take(_each(items, url))
    document = _document(root, items[0].getparent() if items else None, url, is_well_formed=False)
    return document._replace(breaks_off=breaks_off), taken


class _Stream:
    """A document that is parsed while its entries are taken."""

    #: The root element. To be asked for behind the last entry.
    root: etree._Element

    def __init__(self, body: bytes, url: str) -> None:
        self._body = body
        self._url = url
        # Of any namespace. Other spellings are so rare that these entries may stay in the tree until its end.
        names = [f"{{*}}{name}" for name in _ENTRIES]
        self._parser = etree.XMLPullParser(["end"], tag=names, base_url=url, **XML_OPTIONS)
        #: What the first entry is in; None if there is none.
        self.parent: etree._Element | None = None

    def entries(self) -> Iterator[Entry]:
        """The entries. Raises ``lxml.etree.XMLSyntaxError`` if the document is not well-formed."""
        last: etree._Element | None = None
        for item in self._items():
            if self.parent is None:
                self.parent = item.getparent()
            yield _entry(item, self._url)
            # One late: libxml2 may not be done with the text behind an element yet.
            if last is not None and (parent := last.getparent()) is not None:
                parent.remove(last)
            last = item

    def _items(self) -> Iterator[etree._Element]:
        blank = _BLANK.match(self._body)
        for at in range(blank.end() if blank else 0, len(self._body), _PIECE):
            self._parser.feed(self._body[at : at + _PIECE])
            yield from self._ended()
        self.root = self._parser.close()
        yield from self._ended()
        yield from (item for item in _entries(self.root) if etree.QName(item).localname not in _ENTRIES)

    def _ended(self) -> Iterator[etree._Element]:
        """The entries whose ends have been parsed. Empty ones in others are none."""
        events: Any = self._parser.read_events()
        for _, item in events:
            outer = list(item.iterancestors())
            # The root, the last of them, is no entry, whatever its name.
            if outer and _is_entry(item) and (len(item) or not any(map(_is_entry, outer[:-1]))):
                yield item


def _is_entry(element: etree._Element) -> bool:
    return name_of(element) in _ENTRIES


def _document(root: etree._Element, parent: etree._Element | None, url: str, *, is_well_formed: bool) -> Document:
    """What a feed says of itself. ``parent``: what its first entry is in; None if it has none."""
    channel = _channel(root, parent)
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
        further=[link for link in map(_links(channel, root), ("next", "prev-archive")) if link],
        moved_to=channel.text("itunes:new-feed-url"),
        has_entries=parent is not None,
        is_well_formed=is_well_formed,
        asked=asked_by(channel),
    )


def _each(items: list[etree._Element], url: str) -> Iterator[Entry]:
    """The entries, each of whose elements is freed when it has been read."""
    for item in items:
        yield _entry(item, url)
        item.clear()


def _entries(element: etree._Element) -> Iterator[etree._Element]:
    """All entries in the element, wherever they are: in RSS 2.0 in the channel, in RSS 1.0 next to it, in Atom in the
    root."""
    for child in element.iterchildren(etree.Element):
        if _is_entry(child):
            yield child
        else:
            yield from _entries(child)


def _channel(root: etree._Element, parent: etree._Element | None) -> Fields:
    """The element that describes the podcast: the channel, else what the entries are in."""
    if name_of(root) != "channel":
        for child in root.iterchildren(etree.Element):
            if name_of(child) == "channel":
                return Fields(child)
        if parent is not None:
            return Fields(parent)
    return Fields(root)


def _links(channel: Fields, root: etree._Element) -> Callable[[str], str]:
    """By relation: the address of a link of the channel, else of one beside it."""
    beside = channel if channel.element is root else Fields(root)
    return lambda relation: channel.link(relation) or beside.link(relation)


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
        files=named_files(fields),
        other_files=alternate_files(fields),
        embedded=partial(embedded_files, fields),
    )
