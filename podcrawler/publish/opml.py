"""The list of an archive's feeds in OPML 2.0, which podcast apps import."""

from collections.abc import Iterable
from typing import IO, NamedTuple

from lxml import etree

from podcrawler.publish.elements import Element, write


class Outline(NamedTuple):
    """A feed in the list."""

    title: str
    feed: str
    page: str
    language: str


def write_opml(file: IO[bytes], outlines: Iterable[Outline]) -> None:
    """Write the list, by title."""
    with etree.xmlfile(file, encoding="utf-8") as xml:
        xml.write_declaration()
        with xml.element("opml", {"version": "2.0"}):
            write(xml, Element("head", "", {}, [Element("title", "podcrawler: archive")]))
            with xml.element("body"):
                for one in sorted(outlines, key=lambda outline: (outline.title.casefold(), outline.feed)):
                    attributes = {
                        "type": "rss",
                        "text": one.title,
                        "title": one.title,
                        "xmlUrl": one.feed,
                        "htmlUrl": one.page,
                        "language": one.language,
                    }
                    xml.write("\n")
                    write(xml, Element("outline", "", attributes))
                xml.write("\n")
