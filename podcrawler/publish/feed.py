"""A feed as a document: RSS 2.0, whole, or in pages that together are whole (RFC 5005).

Pages but the first are archives: each has 500 episodes, counted from the oldest, so that a new episode changes the
first page alone. That one has up to 1,000, so that players that read no further have enough.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import IO, Any

from lxml import etree

from podcrawler.items import Podcast
from podcrawler.publish.channel import channel
from podcrawler.publish.elements import NAMESPACES, Element, write

_MOST = 1000
_ARCHIVED = 500
FIRST = "feed.xml"


@dataclass(frozen=True, slots=True)
class PageOf:
    """One page of a feed, and which episodes are in it."""

    #: 0 for the first, which players subscribe to; archives are numbered from the oldest, from 1.
    number: int
    #: How many archives there are.
    archives: int
    #: Of the episodes, the oldest of which is 0.
    start: int
    stop: int

    @property
    def name(self) -> str:
        return page_name(self.number)

    def links(self, address: Callable[[str], str]) -> list[tuple[str, str]]:
        """The addresses of other pages by their relation to this one."""
        newest = self.number == 0
        before = self.archives if newest else self.number - 1
        found = [("self", self.name)]
        if not newest:
            found.append(("current", FIRST))
        if before:
            found.append(("prev-archive", page_name(before)))
        if not newest and self.number < self.archives:
            found.append(("next-archive", page_name(self.number + 1)))
        return [(relation, address(name)) for relation, name in found]


def page_name(number: int) -> str:
    return f"feed-{number}.xml" if number else FIRST


def pages(episodes: int) -> list[PageOf]:
    """The pages of a feed with so many episodes, the oldest one first."""
    archives = max(0, -(-(episodes - _MOST) // _ARCHIVED))
    found = [PageOf(at + 1, archives, at * _ARCHIVED, (at + 1) * _ARCHIVED) for at in range(archives)]
    return [*found, PageOf(0, archives, archives * _ARCHIVED, episodes)]


def write_page(
    file: IO[bytes],
    podcast: Podcast,
    page: PageOf,
    address: Callable[[str], str],
    items: Iterable[Element],
    changed: datetime | None,
    cover: str,
) -> None:
    """Write a page. ``address`` gives that of a page by its name, ``changed`` is when its newest file came; ``cover``
    as ``channel`` has it."""
    with etree.xmlfile(file, encoding="utf-8") as xml:
        xml.write_declaration()
        with xml.element("rss", {"version": "2.0"}, nsmap=NAMESPACES), xml.element("channel"):
            for element in (*channel(podcast, address(FIRST), cover), *_about(page, address, changed)):
                _write_line(xml, element)
            for element in items:
                _write_line(xml, element)
            xml.write("\n")


def _about(page: PageOf, address: Callable[[str], str], changed: datetime | None) -> Sequence[Element]:
    found = [Element("atom:link", "", {"rel": relation, "href": to}) for relation, to in page.links(address)]
    if page.number:
        found.append(Element("fh:archive"))
    elif not page.archives:
        found.append(Element("fh:complete"))
    if changed:
        found.append(Element("lastBuildDate", format_datetime(changed)))
    return found


def _write_line(xml: Any, element: Element) -> None:
    xml.write("\n")
    write(xml, element)
