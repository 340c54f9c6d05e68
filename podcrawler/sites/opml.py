"""Lists of subscriptions in OPML, as podcast apps export them: each outline with the address of a feed is a podcast.

An outline that is broken costs that outline alone: what is not well-formed is read outline by outline.
"""

import html
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from lxml import etree
from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.addresses import candidates, quoted
from podcrawler.exceptions import AddressError, ListingError
from podcrawler.sites.base import Referral, Site
from podcrawler.sites.reading import one_line, root_name, xml_root

#: Attributes of an outline that name a feed, in lower case; ``url`` is only used in outlines of these types.
_ADDRESSES = ("xmlurl", "xml_url", "feedurl", "url", "htmlurl")
_FEED_TYPES = ("rss", "rss2", "rss1", "atom", "podcast", "feed")
_OUTLINE = re.compile(
    r"<(?:[\w.-]+:)?outline\b(.*?)(?=</?(?:[\w.-]+:)?(?:outline|body|opml)\b|\Z)", re.DOTALL | re.IGNORECASE
)
#: With its semicolon: an unescaped ``&copy=1`` in an address is none.
_REFERENCE = re.compile(r"&#?\w{1,32};")
_VALUE = r"""\s*+=\s*+(?:"([^"<]*+)"|'([^'<]*+)'|["']?([^\s"'<>]++))"""
#: From the beginning of a name: a long one that is none would be tried from each of its characters.
_ATTRIBUTE = re.compile(rf"(?<![\w.:-])([\w.:-]++){_VALUE}")
_XML_URL = re.compile(rf"\b(xml_?url){_VALUE}", re.IGNORECASE)


class Opml(Site):
    name: ClassVar[str] = "opml"
    generic: ClassVar[bool] = True

    @override
    def matches(self, response: TextResponse) -> bool:
        return root_name(response.body).lower() == "opml"

    @override
    def parse_list(self, response: TextResponse) -> Referral:
        podcasts: dict[str, list[str]] = {}
        left_out: list[str] = []
        for outline in _outlines(response):
            title = one_line(outline.get("title") or outline.get("text") or "")
            address = _address(outline)
            if address:
                try:
                    found = candidates(address)
                    podcasts.setdefault(found[0], found)
                except AddressError as error:
                    left_out.append(f"{quoted(title, is_address=False)}: {error}")
            elif outline.get("type", "").lower() in _FEED_TYPES or address is not None:
                left_out.append(f"{quoted(title, is_address=False)}: the outline names no address of a feed.")
        if not podcasts:
            raise ListingError(
                "no-feed",
                f"{response.url} is a list of subscriptions (OPML) without the address of a feed; "
                + (f"its first outline, {left_out[0]}" if left_out else "export it again from the app that made it."),
            )
        return Referral(list(podcasts.values()), left_out=left_out)


def _address(outline: Mapping[str, str]) -> str | None:
    """The address of the outline's feed; empty if it is, None if the outline has none."""
    is_feed = outline.get("type", "").lower() in _FEED_TYPES
    names = _ADDRESSES if is_feed else _ADDRESSES[:3]
    given = [outline[name].strip() for name in names if name in outline]
    return next(filter(None, given), "" if given else None)


def _outlines(response: TextResponse) -> Iterator[dict[str, str]]:
    """The attributes of each outline, by their names in lower case."""
    try:
        root = xml_root(response)
    except etree.XMLSyntaxError:
        for outline in _OUTLINE.finditer(response.text):
            # A quote that is missing takes what follows it along; the address is found all the same.
            found = [*_ATTRIBUTE.findall(outline[1]), *_XML_URL.findall(outline[1])]
            yield {name.lower(): _unescaped(next(filter(None, values), "")) for name, *values in found}
        return
    for element in root.iter(etree.Element):
        if etree.QName(element).localname.lower() == "outline":
            yield {etree.QName(name).localname.lower(): str(value) for name, value in element.attrib.items()}


def _unescaped(text: str) -> str:
    return _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)
