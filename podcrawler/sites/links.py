"""Links to feeds in web pages: in the head, and those that only their words tell."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from parsel import Selector
from scrapy.http import TextResponse

from podcrawler.addresses import candidates
from podcrawler.exceptions import AddressError
from podcrawler.sites.reading import root_name, web_url

#: Candidates of one page.
_MAX_LINKS = 12
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
    r"//(?:feeds?|rss)\d?\.|\.(?:rss|atom|rdf|xml)(?:$|[?#])|/(?:feed|rss|atom|podcast\.xml)(?:$|[/?#._-])|[?&](?:feed|format|type)=(?:rss|atom|podcast)",
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


def selector_of(response: TextResponse) -> Selector | None:
    """The page for queries; None if it is no web page."""
    root = root_name(response.body).lower()
    if not root:
        # Words, or warnings of a program, in front of the page.
        head = response.body[:4096]
        root = "html" if _HTML.search(head) and not _XML.search(head) else ""
    return Selector(text=response.text, type="html", base_url=response.url) if _HTML_NAMES.fullmatch(root) else None


def feed_links(page: Selector, base: str, *, plain: bool = True) -> list[str]:
    """The addresses of a page that may be those of its feeds, the most likely first; feeds of comments come last.

    ``plain``: also the links that only their words tell.
    """
    found = list(_head_links(page, base)) + list(_body_links(page, base, plain))
    return list(dict.fromkeys(url for _, url in sorted(found, key=lambda link: link[0])))[:_MAX_LINKS]


def _head_links(page: Selector, base: str) -> Iterator[tuple[int, str]]:
    """The links of the head, each with its rank."""
    for link in page.css("link[href]"):
        relations = link.attrib.get("rel", "").lower().split()
        kind = link.attrib.get("type", "").partition(";")[0].strip().lower()
        is_feed = _FEED_TYPES.fullmatch(kind)
        if "feed" not in relations and not ("alternate" in relations and (is_feed or _MAYBE_TYPES.fullmatch(kind))):
            continue
        for url in _addresses(base, link.attrib["href"]):
            words = f"{link.attrib.get('title', '')} {url}"
            if not is_feed and "feed" not in relations:
                yield 50, url
            else:
                yield _rank(words, 10), url


def _body_links(page: Selector, base: str, plain: bool) -> Iterator[tuple[int, str]]:
    """The links of the body that look like links to feeds, each with its rank."""
    for link in page.css("a[href], area[href]"):
        address = link.attrib["href"].strip()
        if _FEED_SCHEMES.match(address):
            yield from ((20, url) for url in _addresses(base, address))
            continue
        attributes = [link.attrib.get(name, "") for name in ("title", "class", "rel", "aria-label", "type", "id")]
        words = " ".join(
            [
                *attributes,
                *link.xpath(".//text()").getall(),
                *link.css("img::attr(alt), img::attr(title), img::attr(src)").getall(),
            ]
        )
        url = next(_addresses(base, address), "")
        looks_like = bool(_FEED_ADDRESS.search(url)) or bool(_FEED_TYPES.search(link.attrib.get("type", "")))
        says = bool(_RSS_WORDS.search(words))
        if not url or not (looks_like or says or (plain and _WORDS.search(f"{words} {urlsplit(url).path}"))):
            continue
        yield _rank(f"{words} {url}", 30 if looks_like and says else 32 if looks_like else 34 if says else 60), url


def _rank(words: str, rank: int) -> int:
    """The rank of a link by its words: those of podcasts come first, those of comments last."""
    if _COMMENTS.search(words):
        return 90
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
