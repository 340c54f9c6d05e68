"""Links to feeds in web pages: those that the head declares, and those that only their words or addresses show."""

import re
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

from lxml import etree
from parsel import Selector
from scrapy.http import Response, TextResponse

from podcrawler.addresses import candidates
from podcrawler.exceptions import AddressError
from podcrawler.sites.reading import root_name, web_url

#: Candidates of one page: in all, and of those that only speak of podcasts.
_MAX_LINKS = 12
_MAX_WEAK_LINKS = 3
#: Links that are looked at, of all: a page may be full of them.
_MOST_LINKS = 10_000
#: Characters of the words of a link.
_MOST_WORDS = 2_000
#: The words in a link, compiled because a page has many.
_TEXTS = cast("Callable[[Any], list[str]]", etree.XPath(".//text()", smart_strings=False))
_PICTURES = cast(
    "Callable[[Any], list[str]]",
    etree.XPath(".//img/@alt | .//img/@title | .//img/@src", smart_strings=False),
)
#: Ranks of links; the lowest is asked first.
_IN_HEAD, _SUBSCRIBE, _FEED_BY_BOTH, _FEED_BY_ADDRESS, _FEED_BY_WORDS, _PERHAPS, _WEAK, _OF_COMMENTS = range(0, 80, 10)
_FEED_TYPES = re.compile(
    r"application/(?:rss|atom|rdf|feed)\+(?:xml|json)|application/(?:rss|atom|x-rss)|text/rss(?:\+xml)?"
)
#: Used for feeds, but for other things, too.
_MAYBE_TYPES = re.compile(r"(?:application|text)/(?:xml|json|x-rss\+xml)")
_COMMENTS = re.compile(r"comment|kommentar|comentario|commentaire|replies|/trackback", re.IGNORECASE)
_PODCAST = re.compile(r"podcast|episode|audio|itunes|mp3|hörbar|播客", re.IGNORECASE)
_FEED_SCHEMES = re.compile(r"(?:feed|pcast|itpc|podcast|itms-podcasts?):", re.IGNORECASE)
#: Addresses that look like those of feeds.
_FEED_ADDRESS = re.compile(
    r"//(?:feeds?|rss)\d?\.|\.(?:rss|atom|rdf|xml)(?:$|[?#])|/(?:feed|rss|atom|podcast\.xml)(?:$|[/?#._-])|"
    r"[?&](?:feed|format|type)=(?:rss|atom|podcast)",
    re.IGNORECASE,
)
_WORDS = re.compile(r"(?<![a-z])(?:rss|(?:podcast|news)?feeds?|atom|podcasts?|podcasting)(?![a-z])", re.IGNORECASE)
_RSS_WORDS = re.compile(r"(?<![a-z])(?:rss|(?:podcast)?feed)(?![a-z])", re.IGNORECASE)
#: Elements that a web page, or a piece of one, begins with.
_HTML_NAMES = re.compile(
    "a|article|audio|b|base|body|br|center|div|figure|font|form|h[1-6]|head|header|html|iframe|img|link|main|meta|nav|"
    "noscript|ol|p|script|section|span|style|table|title|ul|video"
)
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML = re.compile(rb"<(?:[\w.-]+:)?(?:rss|feed|rdf|channel|opml)\b", re.IGNORECASE)


def is_web_page(response: Response) -> bool:
    """Whether the document is HTML, by its beginning."""
    root = root_name(response.body).lower()
    if not root:
        # Words, or warnings of a program, in front of the page.
        head = response.body[:4096].lstrip()
        root = "html" if _HTML.search(head) and not _XML.search(head) and head[:1] not in b"{[" else ""
    return bool(_HTML_NAMES.fullmatch(root))


def selector_of(response: TextResponse) -> Selector | None:
    """The page for queries; None if it is no web page."""
    return Selector(text=response.text, type="html", base_url=response.url) if is_web_page(response) else None


def attribute(element: Selector, name: str) -> str:
    """The value of an attribute; empty if there is none. Parsel raises ValueError for odd names of others."""
    return str(element.root.get(name) or "")


def feed_links(page: Selector, base: str) -> list[str]:
    """The addresses of a page that may be those of its feeds, the most likely first; feeds of comments come last."""
    found = sorted([*_head_links(page, base), *_body_links(page, base)], key=lambda link: link[0])
    return list(dict.fromkeys(url for rank, url in found if rank != _WEAK))[:_MAX_LINKS]


def weak_links(page: Selector, base: str) -> list[str]:
    """The first addresses of a page whose links only speak of podcasts: many lead to other podcasts, or to none."""
    return list(dict.fromkeys(url for rank, url in _body_links(page, base) if rank == _WEAK))[:_MAX_WEAK_LINKS]


def next_page(page: Selector, base: str) -> str:
    """The address of the page that a list goes on with (HTML, link type ``next``); empty if there is none."""
    for link in page.css("link[rel][href], a[rel][href]")[:_MOST_LINKS]:
        if "next" in attribute(link, "rel").lower().split() and (
            url := next(_addresses(base, attribute(link, "href")), "")
        ):
            return url
    return ""


def _head_links(page: Selector, base: str) -> Iterator[tuple[int, str]]:
    """The links of the head, each with its rank."""
    for link in page.css("link[href]")[:_MOST_LINKS]:
        relations = attribute(link, "rel").lower().split()
        kind = attribute(link, "type").partition(";")[0].strip().lower()
        is_feed = _FEED_TYPES.fullmatch(kind)
        if "feed" not in relations and not ("alternate" in relations and (is_feed or _MAYBE_TYPES.fullmatch(kind))):
            continue
        for url in _addresses(base, attribute(link, "href")):
            words = f"{attribute(link, 'title')} {url}"
            if not is_feed and "feed" not in relations:
                yield _PERHAPS, url
            else:
                yield _rank(words, _IN_HEAD), url


def _body_links(page: Selector, base: str) -> Iterator[tuple[int, str]]:
    """The links of the body that look like links to feeds, each with its rank."""
    for link in page.css("a[href], area[href]")[:_MOST_LINKS]:
        address = attribute(link, "href").strip()
        if _FEED_SCHEMES.match(address):
            yield from ((_SUBSCRIBE, url) for url in _addresses(base, address))
            continue
        url = next(_addresses(base, address), "")
        if not url:
            continue
        attributes = [attribute(link, name) for name in ("title", "class", "rel", "aria-label", "type", "id")]
        words = " ".join([*attributes, *_TEXTS(link.root), *_PICTURES(link.root)])[:_MOST_WORDS]
        looks_like = bool(_FEED_ADDRESS.search(url)) or bool(_FEED_TYPES.search(attribute(link, "type")))
        says = bool(_RSS_WORDS.search(words))
        if looks_like or says:
            rank = _FEED_BY_BOTH if looks_like and says else _FEED_BY_ADDRESS if looks_like else _FEED_BY_WORDS
            yield _rank(f"{words} {url}", rank), url
        elif _WORDS.search(f"{words} {urlsplit(url).path}"):
            yield _WEAK, url


def _rank(words: str, rank: int) -> int:
    """The rank of a link by its words: those of podcasts come first, those of comments last."""
    if _COMMENTS.search(words):
        return _OF_COMMENTS
    return rank - 1 if _PODCAST.search(words) else rank


def _addresses(base: str, address: str) -> Iterator[str]:
    """The absolute addresses that a link can mean; none if it leads to the page itself, or cannot be fetched."""
    address = address.strip()
    if _FEED_SCHEMES.match(address):
        try:
            yield from candidates(address)
        except AddressError:
            return
    elif (url := web_url(base, address)) and url.partition("#")[0] != base.partition("#")[0]:
        yield url.partition("#")[0]
