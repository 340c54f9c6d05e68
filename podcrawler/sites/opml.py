"""Lists of subscriptions in OPML, as podcast apps export them: each outline with the address of a feed is a podcast,
and an outline around others is their group.

An outline that is broken costs that outline alone: what is not well-formed is read outline by outline, without groups.
"""

import html
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple

from lxml import etree
from scrapy.http import TextResponse
from typing_extensions import override

from podcrawler.addresses import candidates, quoted
from podcrawler.exceptions import AddressError, ListingError
from podcrawler.sites.base import Referral, Site
from podcrawler.sites.reading import one_line, root_name, xml_root

#: Attributes of an outline that name a feed, in lower case; ``url`` is only used in outlines of these types.
_ADDRESSES = ("xmlurl", "xml_url", "feedurl", "url", "htmlurl")
#: One that includes another list leads to that.
_FEED_TYPES = ("rss", "rss2", "rss1", "atom", "podcast", "feed", "include")
#: What Overcast and Pocket Casts call the outline around all podcasts, which is no group.
_ALL = "feeds"
#: Groups in each other that are told apart.
_MOST_GROUPS = 10
_OUTLINE = re.compile(
    r"<(?:[\w.-]+:)?outline\b(.*?)(?=</?(?:[\w.-]+:)?(?:outline|body|opml)\b|\Z)", re.DOTALL | re.IGNORECASE
)
#: With its semicolon: an unescaped ``&copy=1`` in an address is none.
_REFERENCE = re.compile(r"&#?\w{1,32};")
_VALUE = r"""\s*+=\s*+(?:"([^"<]*+)"|'([^'<]*+)'|["']?([^\s"'<>]++))"""
#: From the beginning of a name: a long one that is none would be tried from each of its characters.
_ATTRIBUTE = re.compile(rf"(?<![\w.:-])([\w.:-]++){_VALUE}")
_XML_URL = re.compile(rf"\b(xml_?url){_VALUE}", re.IGNORECASE)


class Outlined(NamedTuple):
    """A podcast of a list."""

    #: The addresses that may be its own; the first is the key of all of them.
    addresses: list[str]
    title: str
    #: From the outermost on.
    groups: tuple[str, ...]


class Opml(Site):
    name: ClassVar[str] = "opml"
    generic: ClassVar[bool] = True

    @override
    def matches(self, response: TextResponse) -> bool:
        # Some lists are outlines alone.
        return root_name(response.body).lower() in ("opml", "outline")

    @override
    def parse_list(self, response: TextResponse) -> Referral:
        podcasts, left_out = read_outlines(response)
        return Referral([podcast.addresses for podcast in podcasts], left_out=left_out)


def read_outlines(response: TextResponse) -> tuple[list[Outlined], list[str]]:
    """The podcasts of a list, and sentences on outlines that lead nowhere. Raises ListingError if it has no podcast."""
    podcasts: dict[str, Outlined] = {}
    left_out: list[str] = []
    for outline, element in _outlines(response):
        title = _title(outline)
        address = _address(outline)
        if address and outline.get("subscribed") == "0":
            left_out.append(f"{quoted(title, is_address=False)}: the list says that it is not subscribed to.")
        elif address:
            try:
                found = candidates(address)
                groups = _groups(outline, element)
                podcasts.setdefault(found[0], Outlined(found, title, groups))
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
    return list(podcasts.values()), left_out


def _title(outline: Mapping[str, str]) -> str:
    return one_line(outline.get("title") or outline.get("text") or "")


def _groups(outline: Mapping[str, str], element: etree._Element | None) -> tuple[str, ...]:
    """The groups of a podcast: the outlines around it that are no podcasts, else the first path of its categories."""
    around = [] if element is None else [_attributes(other) for other in element.iterancestors() if _is_outline(other)]
    names = [_title(other) for other in reversed(around) if _address(other) is None]
    if names and names[0].lower() == _ALL:
        del names[0]
    if not names:
        paths = (path.strip() for path in outline.get("category", "").split(","))
        names = list(map(one_line, next((path for path in paths if path.startswith("/")), "").split("/")))
    return tuple(filter(None, names))[:_MOST_GROUPS]


def _address(outline: Mapping[str, str]) -> str | None:
    """The address of the outline's feed; empty if it is, None if the outline has none."""
    is_feed = outline.get("type", "").lower() in _FEED_TYPES
    names = _ADDRESSES if is_feed else _ADDRESSES[:3]
    # Some programs escape addresses twice.
    given = [outline[name].strip().replace("&amp;", "&") for name in names if name in outline]
    return next(filter(None, given), "" if given else None)


def _outlines(response: TextResponse) -> Iterator[tuple[Mapping[str, str], etree._Element | None]]:
    """The attributes of each outline, by their names in lower case; and its element, if the list is well-formed."""
    try:
        root = xml_root(response)
    except etree.XMLSyntaxError:
        for outline in _OUTLINE.finditer(response.text):
            # A quote that is missing takes what follows it along; the address is found all the same.
            found = [*_ATTRIBUTE.findall(outline[1]), *_XML_URL.findall(outline[1])]
            yield {name.lower(): _unescaped(next(filter(None, values), "")) for name, *values in found}, None
        return
    for element in root.iter(etree.Element):
        if _is_outline(element):
            yield _attributes(element), element


def _is_outline(element: etree._Element) -> bool:
    return etree.QName(element).localname.lower() == "outline"


def _attributes(element: etree._Element) -> dict[str, str]:
    return {etree.QName(name).localname.lower(): str(value) for name, value in element.attrib.items()}


def _unescaped(text: str) -> str:
    return _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)
