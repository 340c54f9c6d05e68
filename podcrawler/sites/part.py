"""A channel or an entry of a feed as the readers of extensions see it."""

from typing import NamedTuple

from lxml import etree

from podcrawler.sites.elements import Fields, attribute_of, relation_of
from podcrawler.sites.lenient import address, bounded


class Part(NamedTuple):
    """A channel or an entry, and what its relative addresses are relative to."""

    fields: Fields
    base: str

    def all(self, *names: str) -> list[etree._Element]:
        """As ``Fields.all``, at most MAX_ELEMENTS; elements of Media RSS are also found in ``media:group`` and
        ``media:content``."""
        found = bounded(self.fields.all(*names))
        media = [name for name in names if name.startswith("media:")]
        for holder in bounded(self.fields.all("media:group", "media:content")) if media else []:
            inner = Fields(holder)
            found += inner.all(*media)
            found += [element for content in inner.all("media:content") for element in Fields(content).all(*media)]
        return bounded(found)

    def links(self, relation: str) -> list[etree._Element]:
        return bounded(link for link in self.fields.all("link") if relation_of(link) == relation)

    def address(self, element: etree._Element, name: str) -> str:
        return address(self.base, attribute_of(element, name))
