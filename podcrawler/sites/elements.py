"""Elements of a feed by their names, whatever namespaces, prefixes and case the publisher gave them.

A name is written ``prefix:local`` in lower case: ``pubdate``, ``itunes:duration``, ``podcast:chapters``. The elements
of RSS and Atom themselves have no prefix, because feeds of both leave their namespace out or declare one of their own.
"""

import html
import re
from collections.abc import Iterator, KeysView
from functools import lru_cache

from lxml import etree

#: By namespace, as ``_namespace_key`` writes it: the prefix of its elements' names.
_PREFIXES = {
    "": "",
    "purl.org/rss/1.0": "",
    "my.netscape.com/rdf/simple/0.9": "",
    "backend.userland.com/rss2": "",
    "blogs.law.harvard.edu/tech/rss": "",
    "w3.org/2005/atom": "",
    "purl.org/atom/ns": "",
    "itunes.com/dtds/podcast-1.0.dtd": "itunes:",
    "google.com/schemas/play-podcasts/1.0": "googleplay:",
    "search.yahoo.com/mrss": "media:",
    "purl.org/rss/1.0/modules/content": "content:",
    "purl.org/dc/elements/1.1": "dc:",
    "purl.org/dc/terms": "dcterms:",
    "podcastindex.org/namespace/1.0": "podcast:",
    "github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md": "podcast:",
    "podlove.org/simple-chapters": "psc:",
    "rawvoice.com/rawvoicerssmodule": "rawvoice:",
    "spotify.com/ns/rss": "spotify:",
    "creativecommons.org/ns": "cc:",
    "web.resource.org/cc": "cc:",
    "backend.userland.com/creativecommonsrssmodule": "creativecommons:",
    "w3.org/1999/02/22-rdf-syntax-ns": "rdf:",
    "w3.org/1999/xhtml": "xhtml:",
    "w3.org/xml/1998/namespace": "xml:",
    "purl.org/syndication/history/1.0": "fh:",
}
#: Without a prefix these are RSS's, even where a publisher made another namespace the default.
_CORE = frozenset(
    ("rss", "channel", "item", "entry", "feed", "enclosure", "pubdate", "guid", "link", "title", "description")
)
#: ``podcast:guid`` is that of the show.
_NOT_CORE = frozenset(("podcast:guid", "xhtml:link", "xhtml:title"))
#: Prefixes that are believed without their namespace: many feeds forget to declare it, or misspell it.
KNOWN_PREFIXES = frozenset(prefix.removesuffix(":") for prefix in _PREFIXES.values() if prefix)
#: What HTML makes of the code points that XML has for the control characters C1: the characters of Windows-1252.
_WINDOWS_1252 = {code: bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(0x80, 0xA0)}
_C1 = re.compile("[\x80-\x9f]")


class Fields:
    """The children of an element by their names."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element
        self._children: dict[str, list[etree._Element]] = {}
        for child in element.iterchildren(etree.Element):
            self._children.setdefault(name_of(child), []).append(child)

    def names(self) -> KeysView[str]:
        return self._children.keys()

    def all(self, *names: str) -> list[etree._Element]:
        """The children of the first name, then those of the second, and so on, each in the document's order."""
        return [child for name in names for child in self._children.get(name, [])]

    def first(self, *names: str) -> "Fields | None":
        """The children of the first child of these names; None if there is none."""
        return next(map(Fields, self.all(*names)), None)

    def text(self, *names: str) -> str:
        """The first text of these names, in their order, that is not empty; empty if none is."""
        for name in names:
            for child in self._children.get(name, ()):
                if text := text_of(child):
                    return text
        return ""

    def texts(self, *names: str) -> list[str]:
        """For each of these names that has one, in their order, the first text that is not empty."""
        return [text for name in names if name in self._children and (text := self.text(name))]

    def attribute(self, name: str, attribute: str) -> str:
        """The first value of ``attribute`` that is not empty among the children of this name; empty if none is."""
        return next((value for child in self.all(name) if (value := attribute_of(child, attribute))), "")

    def link(self, rel: str) -> str:
        """The address of the first ``link`` of this relation (RFC 4287 §4.2.7); empty if there is none."""
        links = (link for link in self.all("link") if relation_of(link) == rel)
        return next((href for link in links if (href := attribute_of(link, "href"))), "")


def name_of(element: etree._Element) -> str:
    """The name of an element: ``prefix:local`` in lower case, ``?:local`` if its namespace is foreign."""
    return _name(element.tag, element.prefix)


def text_of(element: etree._Element) -> str:
    """The text of an element and of those in it, without space at both ends."""
    text = "".join(_pieces(element)) if len(element) else element.text or ""
    return _without_c1(text).strip()


def attribute_of(element: etree._Element, name: str) -> str:
    """The value of an attribute, whatever its namespace and case, without space at both ends; empty if missing."""
    value = element.get(name)
    if value is None:
        value = next((str(value) for key, value in element.items() if _local(str(key)) == name), "")
    return _without_c1(value).strip()


def relation_of(link: etree._Element) -> str:
    """What a ``link`` leads to: ``alternate`` unless it says otherwise. The registered relations may be written as
    addresses (RFC 4287 §4.2.7.2)."""
    relation = attribute_of(link, "rel").lower().rstrip("/")
    return relation.rpartition("/")[2] or "alternate"


def _without_c1(text: str) -> str:
    return text.translate(_WINDOWS_1252) if not text.isascii() and _C1.search(text) else text


@lru_cache(maxsize=4096)
def _name(tag: str, prefix: str | None) -> str:
    namespace, _, local = tag.rpartition("}")
    # Of an undeclared prefix, libxml2 makes a part of the local name.
    undeclared, _, local = local.lower().rpartition(":")
    given = (prefix or undeclared).lower()
    known = None if undeclared else _PREFIXES.get(_namespace_key(namespace[1:]))
    if known is None:
        # "Any or no default namespace": what has no prefix is an element of the feed's own format.
        known = "" if given in ("", "atom", "rss", "a10") else f"{given}:" if given in KNOWN_PREFIXES else "?:"
    if not given and local in _CORE and known + local not in _NOT_CORE:
        return local
    return known + local


def _namespace_key(namespace: str) -> str:
    """A namespace without what publishers vary: case, scheme, ``www.``, and the slash or hash at its end."""
    return namespace.strip().lower().rpartition("://")[2].removeprefix("www.").rstrip("/#")


@lru_cache(maxsize=1024)
def _local(key: str) -> str:
    return key.rpartition("}")[2].rpartition(":")[2].lower()


def _pieces(element: etree._Element) -> Iterator[str]:
    """The text without XHTML's tags; entities are taken as HTML's, because their DTD is not fetched."""
    yield element.text or ""
    for child in element:
        if child.tag is etree.Entity:
            yield html.unescape(child.text or "")
        else:
            yield from _pieces(child)
        yield child.tail or ""
