"""What sites have in common: how to read XML, titles, addresses and durations, and how to sort episodes."""

import re
from collections.abc import Sequence
from contextlib import suppress
from operator import itemgetter
from urllib.parse import urljoin, urlsplit

from lxml import etree
from scrapy.http import TextResponse
from scrapy.utils.response import get_base_url
from w3lib.encoding import http_content_type_encoding
from w3lib.url import safe_url_string

from podcrawler.items import Episode

_BOMS_AND_SPACE = b"\xef\xbb\xbf \t\r\n"
_PROLOG = re.compile(rb"(?s)<\?.*?\?>|<!--.*?-->|<![^>\[]*(?:\[.*?\]\s*)?>|\s+")
_ROOT = re.compile(rb"<(?:[\w.-]+:)?([\w.-]+)")
_XML_SPACE = re.compile(r"[ \t\r\n]+")
_DURATION = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,4}):)?([0-9]{1,7})(?:\.[0-9]*)?")


def root_name(body: bytes) -> str:
    """The name of an XML document's root element without its prefix; empty if the bytes do not begin like XML.

    Reads no further than that element, and skips anything that may precede it, well-formed or not.
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        body = body[:4096].decode("utf-16", "ignore").encode()
    at = len(body) - len(body.lstrip(_BOMS_AND_SPACE))
    while prolog := _PROLOG.match(body, at):
        at = prolog.end()
    root = _ROOT.match(body, at)
    return root[1].decode("ascii", "replace") if root else ""


def xml_root(response: TextResponse) -> etree._Element:
    """The root element of a well-formed document; raises ``lxml.etree.XMLSyntaxError`` otherwise.

    The encoding is the declared one, else UTF-8, else that of the Content-Type. The document may be hostile: entities
    are not resolved, nothing is fetched, and libxml2 limits nesting and sizes.
    """
    body = response.body.lstrip(_BOMS_AND_SPACE)
    try:
        return _parse(body, response.url)
    except etree.XMLSyntaxError:
        with suppress(etree.XMLSyntaxError):
            return _parse(with_valid_utf8(body), response.url, "utf-8")
        charset = http_content_type_encoding((response.headers.get("Content-Type") or b"").decode("latin-1"))
        # LookupError: the charset is unknown, or one of Python's codecs that are not for text.
        with suppress(etree.XMLSyntaxError, UnicodeDecodeError, LookupError):
            return _parse(body.decode(charset or "ascii").encode(), response.url, "utf-8")
        raise


def with_valid_utf8(body: bytes) -> bytes:
    """The bytes with replacement characters in place of invalid ones, if they are UTF-8 for the most part; else as they
    are, in some other encoding."""
    text = body.decode("utf-8", "replace")
    invalid = text.count("\ufffd")
    valid = len(text) - len(text.encode("ascii", "ignore")) - invalid
    return text.encode() if 0 < invalid < valid else body


def _parse(body: bytes, url: str, encoding: str | None = None) -> etree._Element:
    parser = etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    return etree.fromstring(body, parser, base_url=url)


def one_line(text: str) -> str:
    """A title as one line: runs of XML's white space become single spaces; other white space stays."""
    return _XML_SPACE.sub(" ", text).strip()


def page_base(response: TextResponse) -> str:
    """The URL that the links of a page of HTML are relative to."""
    try:
        return get_base_url(response)
    except ValueError:
        # The page has an invalid <base>.
        return response.url


def web_url(base: str, address: str) -> str:
    """The absolute URL of ``address`` on the page ``base``; empty if it is not one of http or https."""
    address = address.strip()
    try:
        given = urlsplit(address)
        url = urljoin(base, address)
        # As Scrapy will request it: Scrapy rejects more than urlsplit does.
        parts = urlsplit(safe_url_string(url))
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return ""
    # urljoin resolves "http:" and "http://" to the page itself.
    return url if address and usable and (given.netloc or not given.scheme) else ""


def seconds(text: str) -> int | None:
    """A duration given as seconds, M:S or H:M:S (``itunes:duration``); None for any other text."""
    duration = _DURATION.fullmatch(text.strip())
    if duration is None:
        return None
    hours, minutes, rest = (int(part or 0) for part in duration.groups())
    return hours * 3600 + minutes * 60 + rest


def oldest_first(episodes: Sequence[Episode]) -> list[Episode]:
    """Episodes sorted by date if all have one, else reversed, because pages and feeds list the newest first."""
    backwards = list(reversed(episodes))
    dates = [episode.published for episode in backwards if episode.published]
    if len(dates) < len(backwards):
        return backwards
    return [episode for _, episode in sorted(zip(dates, backwards, strict=True), key=itemgetter(0))]
