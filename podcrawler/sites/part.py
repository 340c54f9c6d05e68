"""A channel or an entry of a feed as the readers of extensions see it."""

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from podcrawler.sites.elements import Fields, attribute_of, relation_of
from podcrawler.sites.lenient import address


class Part(NamedTuple):
    """A channel or an entry, and what its relative addresses are relative to."""

    fields: Fields
    base: str

    def all(self, *names: str) -> list[etree._Element]:
        """As ``Fields.all``; elements of Media RSS are also found in ``media:group`` and ``media:content``."""
        found = self.fields.all(*names)
        for holder in self.fields.all("media:group", "media:content"):
            media = [name for name in names if name.startswith("media:")]
            inner = Fields(holder)
            found += inner.all(*media)
            found += [element for content in inner.all("media:content") for element in Fields(content).all(*media)]
        return found

    def links(self, relation: str) -> Iterator[etree._Element]:
        return (link for link in self.fields.all("link") if relation_of(link) == relation)

    def address(self, element: etree._Element, name: str) -> str:
        return address(self.base, attribute_of(element, name))
