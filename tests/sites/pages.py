"""What the tests of sites share: small feeds, and a check of the URLs in a listing."""

from urllib.parse import urlsplit

from hypothesis import strategies as st
from scrapy.http import Headers, TextResponse
from scrapy.responsetypes import responsetypes

from podcrawler.sites.base import Listing
from podcrawler.sites.feed import Feed
from podcrawler.sites.known import site_for
from sample.site import answer

URL = "http://feeds.example.com/shows/feed.xml?token=1"
NAMESPACES = (
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:podcast="https://podcastindex.org/namespace/1.0"'
)
SAMPLE = answer("http://feeds.example.com/feed.xml").body
ATOM = answer("http://feeds.example.com/atom.xml").body


def response(body: str | bytes, content_type: str = "text/xml", url: str = URL) -> TextResponse:
    content = body.encode() if isinstance(body, str) else body
    headers = Headers({"Content-Type": content_type})
    made = responsetypes.from_args(headers=headers, url=url, body=content)(url, headers=headers, body=content)
    # Scrapy gives a body that does not look like text to no site; test the site with its bytes all the same.
    return made if isinstance(made, TextResponse) else TextResponse(url, headers=headers, body=content)


def listing(body: str | bytes, content_type: str = "text/xml") -> Listing:
    made = response(body, content_type)
    assert site_for(made).name == "feed"
    return Feed().parse_list(made)


def rss(items: str, channel: str = "<title>Show</title>") -> str:
    return f'<?xml version="1.0"?><rss version="2.0" {NAMESPACES}><channel>{channel}{items}</channel></rss>'


def item(number: int = 1, more: str = "") -> str:
    return (
        f'<item><guid>g{number}</guid><enclosure url="http://m.example/{number}.mp3" type="audio/mpeg"/>{more}</item>'
    )


def web_addresses_only(found: Listing) -> None:
    """Fails if anything in a listing is neither empty nor an absolute address of http or https."""
    addresses = [found.podcast.address, found.podcast.link, found.podcast.image, *found.next_urls]
    for one in found.episodes:
        addresses += [one.page, one.image, one.enclosure.url if one.enclosure else ""]
    for address in filter(None, addresses):
        parts = urlsplit(address)
        assert parts.scheme in ("http", "https"), address
        assert parts.hostname, address


def addresses() -> st.SearchStrategy[str]:
    """Addresses of all kinds, of characters that are legal in XML and HTML."""
    texts = st.text(st.characters(min_codepoint=32, codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]))
    starts = st.sampled_from(["", "http://", "https://", "//", "file://", "ftp://", "javascript:", "data:", "http://["])
    return st.builds(str.__add__, starts, texts)
