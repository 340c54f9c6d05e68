"""XML as it is written: elements as values, and a writer that needs memory for one of them at a time.

Texts come from publishers. lxml escapes what has a meaning in XML; what XML does not allow is left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from podcrawler.plain_text import legal_in_xml

#: The namespaces of feeds, by their usual prefixes.
NAMESPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "psc": "http://podlove.org/simple-chapters",
}


class Element(NamedTuple):
    """An element, whose name may have one of the prefixes above. Attributes without a value are not written."""

    name: str
    text: str = ""
    attributes: Mapping[str, str] = {}
    children: Iterable["Element"] = ()


def texts(**by_name: str) -> Iterator[Element]:
    """Elements that have text; the empty ones are left out. ``__`` in a name is a colon."""
    yield from (Element(name.replace("__", ":"), text) for name, text in by_name.items() if text)


def write(xml: Any, element: Element) -> None:
    """Write an element to an ``lxml.etree.xmlfile``, in which the namespaces are declared."""
    attributes = {name: legal_in_xml(value) for name, value in element.attributes.items() if value}
    with xml.element(qualified(element.name), attributes):
        if element.text:
            xml.write(legal_in_xml(element.text))
        for child in element.children:
            write(xml, child)


def qualified(name: str) -> str:
    """A name with a prefix as lxml has it."""
    prefix, colon, local = name.rpartition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}" if colon else name
