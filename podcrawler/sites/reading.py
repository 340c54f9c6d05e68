"""What sites have in common: how to read XML, titles, addresses and durations."""

import html
import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree
from scrapy.http import Response, TextResponse
from scrapy.utils.response import get_base_url
from w3lib.url import safe_url_string

from podcrawler.addresses import mended_scheme
from podcrawler.sites.encodings import decoded, decoded_twice, in_utf_8, unpacked
from podcrawler.sites.limits import MAX_ADDRESS, MAX_TITLE

#: For lxml's parsers. The document may be hostile: entities are not resolved, nothing is fetched, and libxml2 limits
#: nesting and sizes.
XML_OPTIONS: dict[str, Any] = {
    # The text was decoded: whatever the document declares is not true any more.
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
    "collect_ids": False,
}
#: How much of a document is read to find out what it is.
_HEAD = 64 * 1024
_SPACES = "\ufeff \t\r\n"
_SPACE = re.compile(f"[{_SPACES}]*")
_END_OF_SUBSET = re.compile(r"\]\s*>")
_ROOT = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)")
_XML_SPACE = re.compile(r"[ \t\r\n]+")
#: Characters of a title that are read, of which markup and white space may be the most.
_TITLE_LENGTH = 2 * MAX_TITLE
_TAGS = "a|abbr|b|big|center|cite|code|em|font|i|img|mark|s|small|span|strike|strong|sub|sup|tt|u"
_HTML_BREAK = re.compile(r"</?(?:br|div|h[1-6]|hr|li|ol|p|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_HTML_TAG = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_HTML_PAIR = re.compile(rf"<({_TAGS})(?:\s[^<>]*)?>([^<>]*)</\1>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_MARKUP = re.compile(r"[<>&]")
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
_LINE_BREAKS = re.compile(r"[\t\r\n]+")
_AMPERSAND = re.compile(r"(?:&(?:amp|#0{0,4}38|#[xX]0{0,4}26);)(?:(?:amp|#0{0,4}38|#[xX]0{0,4}26);)*")
_PATH = re.compile(r"[^?#]*")
_TO_MEND = re.compile(r"[\t\r\n\\]|&(?:amp|#)|^https?:(?!//[^/])", re.IGNORECASE)
#: Characters that are not seen, and others around an address.
_UNSEEN = "\u00a0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_AROUND = _UNSEEN + " \t\r\n\"'<>\u201c\u201d\u2018\u2019"
_ODD_BEGINNING = re.compile(rf"[{_AROUND}]|https?//|www\.|https?:/*https?:", re.IGNORECASE)
_LINK = re.compile(r"""<a\s[^<>]*?href\s*=\s*["']?([^"'<>\s]+)""", re.IGNORECASE)
#: Not a name of a file.
_WWW = re.compile(r"^(?=www\.(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,18}[:/?#])", re.IGNORECASE)
_SCHEME = re.compile(r"^(https?):(?:/(?!/)|/{3,})(?=[^/]*\.[^/]*/)", re.IGNORECASE)
#: Addresses that are returned as they are: nearly all. The rest of ``web_url`` takes a third of the time of a feed.
_PLAIN = re.compile(
    r"https?://[a-z0-9][a-z0-9.-]*(?::[1-9][0-9]{0,3})?(?:/[A-Za-z0-9._~/!$&()*+,;=:@-]*)?(?:\?[A-Za-z0-9._~/?!$&()*+,;=:@-]*)?"
)
_DURATION_IN_WORDS = re.compile(
    r"(?:PT)?(?:([0-9]{1,4})\s?h(?:(?:ou)?rs?)?(?![a-z])[.,]?\s?)?(?:([0-9]{1,5})\s?m(?:in(?:ute)?s?)?(?![a-z])[.,]?\s?)?"
    r"(?:([0-9]{1,7})(?:\.[0-9]*)?\s?s(?:ec(?:ond)?s?)?\.?)?",
    re.IGNORECASE,
)
_LONGEST_DURATION = 40
_DURATION = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,4}):)?([0-9]{1,7})(?:\.[0-9]*)?")


def root_name(body: bytes) -> str:
    """The name of an XML document's root element without its prefix; empty if the bytes do not begin like XML.

    Reads no further than that element, and skips anything that may precede it, well-formed or not.
    """
    text = decoded(unpacked(body, _HEAD)[:_HEAD])
    root = _ROOT.match(text, behind_prolog(text))
    return root[1] if root else ""


def behind_prolog(text: str) -> int:
    """Where a document's root element begins: behind byte order marks, white space, comments, processing instructions
    and the DOCTYPE; or where the first thing begins that is none of these."""
    at = _behind_space(text, 0)
    while text.startswith(("<?", "<!"), at):
        end = _end_of_declaration(text, at)
        if end < 0:
            break
        at = _behind_space(text, end)
    return at


def _behind_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _end_of_declaration(text: str, start: int) -> int:
    """The end of the comment, processing instruction or DOCTYPE at ``start``; -1 if it has none."""
    for begin, end in (("<?", "?>"), ("<!--", "-->")):
        if text.startswith(begin, start):
            found = text.find(end, start + len(begin))
            return found + len(end) if found >= 0 else -1
    close, subset = text.find(">", start), text.find("[", start)
    if 0 <= subset < close:
        inner = _END_OF_SUBSET.search(text, subset)
        return inner.end() if inner else -1
    return close + 1 or -1


def head_of(response: Response) -> str:
    """The first part of a document's text, enough to find out what it is."""
    return decoded(unpacked(response.body, _HEAD)[:_HEAD])


def text_of_body(response: Response) -> str:
    """The text of a document, whatever encoding it is in, packed or not."""
    return decoded(unpacked(response.body), _content_type(response))


def utf_8_of_body(response: Response) -> bytes:
    """As ``text_of_body``, in UTF-8: in a fourth of the memory, for most documents."""
    return in_utf_8(unpacked(response.body), _content_type(response))


def _content_type(response: Response) -> str:
    return (response.headers.get("Content-Type") or b"").decode("latin-1")


def xml_root(response: Response) -> etree._Element:
    """The root element of a well-formed document; raises ``lxml.etree.XMLSyntaxError`` otherwise."""
    return parsed(text_of_body(response), response.url)


def parsed(text: str, url: str, *, recover: bool = False) -> etree._Element:
    """As ``xml_root``, of a text. With ``recover``, as much of it as is well-formed; ValueError if nothing is."""
    parser = etree.XMLParser(recover=recover, **XML_OPTIONS)
    root = etree.fromstring(text.lstrip(_SPACES).encode("utf-8", "replace"), parser, base_url=url)
    if root is None:
        raise ValueError("the document has no element")
    return root


def one_line(text: str) -> str:
    """A title as one line, of at most MAX_TITLE characters: runs of XML's white space become single spaces; other white
    space stays."""
    return _XML_SPACE.sub(" ", text[:_TITLE_LENGTH]).strip()[:MAX_TITLE]


def plain_title(text: str) -> str:
    """A title as one line of text, without HTML's tags and references, which publishers escape once too often, as they
    encode it."""
    text = decoded_twice(text[:_TITLE_LENGTH])
    if not _MARKUP.search(text):
        return one_line(text)
    text = one_line(_CDATA.sub("", _HTML_TAG.sub("", _HTML_BREAK.sub(" ", text))))
    for _ in range(2):
        if "&" not in text:
            break
        text = _REFERENCE.sub(lambda found: html.unescape(found[0]), text)
        text = _CDATA.sub("", _HTML_PAIR.sub(r"\2", text))
    return one_line(text)


def page_base(response: TextResponse) -> str:
    """The URL that the links of a page of HTML are relative to."""
    try:
        return get_base_url(response)
    except ValueError:
        # The page has an invalid <base>.
        return response.url


def web_url(base: str, address: str) -> str:
    """The absolute URL of ``address`` on the page ``base``; empty if it is not one of http or https.

    What browsers mend is mended: backslashes, white space inside, a wrong number of slashes; and so are references of
    HTML that were escaped twice, and what copying leaves: quotes and markup around the address, a scheme twice, none in
    front of ``www.``. Escapes and other characters stay as they are. One that is longer than any that a server takes is
    none: to look at the host in it takes the square of its length.
    """
    address = address.strip()
    if len(address) > MAX_ADDRESS:
        return ""
    if not address or (_PLAIN.fullmatch(address) and "/." not in address and "&amp" not in address):
        return address
    if _ODD_BEGINNING.match(address) or address[-1] in _UNSEEN:
        address = _as_copied(address)
        if not address:
            return ""
    if _TO_MEND.search(address):
        address = _AMPERSAND.sub("&", _LINE_BREAKS.sub("", address))
        path = _PATH.match(address)
        address = _SCHEME.sub(r"\1://", path[0].replace("\\", "/") + address[path.end() :]) if path else address
    try:
        given = urlsplit(address)
        url = urljoin(base, address)
    except ValueError:
        return ""
    # urljoin resolves "http:" and "http://" to the page itself.
    return url if is_web_url(url) and (given.netloc or not given.scheme) else ""


def is_web_url(url: str) -> bool:
    """Whether a URL can be requested: an absolute one of http or https with a host, and a port if it names one."""
    if _PLAIN.fullmatch(url):
        return True
    try:
        # As Scrapy will request it: Scrapy rejects more than urlsplit does.
        parts = urlsplit(safe_url_string(url))
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _as_copied(address: str) -> str:
    """The address in what somebody copied, which is bounded."""
    address = _CDATA.sub("", address)
    if link := _LINK.match(address):
        address = link[1]
    return _WWW.sub("http://", mended_scheme(address.strip(_AROUND)))


def seconds(text: str) -> int | None:
    """A duration given as seconds, M:S or H:M:S (``itunes:duration``), in words (``1 hour 2 min``) or as in ISO 8601
    (``PT1H2M``); None for any other text."""
    text = text.strip().replace("\uff1a", ":")
    duration = _DURATION.fullmatch(text) or _DURATION_IN_WORDS.fullmatch(text[:_LONGEST_DURATION])
    if duration is None or not any(duration.groups()):
        return None
    hours, minutes, rest = (int(part or 0) for part in duration.groups())
    return hours * 3600 + minutes * 60 + rest
