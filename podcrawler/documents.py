"""Recognizes files that are no media by their first bytes: web pages, documents, pictures, playlists, programs, ...

Nothing here backtracks over the bytes: what a host sends may be blanks, or ``<!--`` over and over.
"""

import codecs
import html
import re
from functools import lru_cache
from typing import NamedTuple

from podcrawler.document_signatures import INNER_MARKS, SIGNATURES


class Document(NamedTuple):
    """A kind of file that is no media."""

    #: As in a sentence: "the server sent a web page".
    name: str
    #: Those that its files have, the usual one first.
    extensions: tuple[str, ...] = ()
    #: Whether hosts send it in place of a file that they do not have now: pages, messages, zeros.
    stands_in: bool = False


#: How many bytes of a file are enough to recognize it, unless they show nothing; and how many are enough in any case.
HEAD = 4096
MAX_HEAD = 64 * 1024

#: A server calls it a document, and its bytes say nothing.
UNKNOWN = Document("a document", (), stands_in=True)

_PAGE = Document("a web page", ("html", "htm"), stands_in=True)
_XML = Document("an XML document", ("xml",), stands_in=True)
_JSON = Document("a JSON document", ("json",), stands_in=True)
_TEXT = Document("text", ("txt",), stands_in=True)
_BLANK = Document("nothing but blanks", (), stands_in=True)
_ZEROS = Document("nothing but zeros", (), stands_in=True)
_TORRENT = Document("a torrent", ("torrent",))
_M3U = Document("a playlist (M3U)", ("m3u", "m3u8"))
_STREAM = "a stream that is cut into pieces, which podcrawler does not put together"
_HLS = Document(f"an HLS playlist ({_STREAM})", ("m3u8", "m3u"))
_DASH = Document(f"a DASH manifest ({_STREAM})", ("mpd",))
_SUBTITLES = Document("a file of subtitles", ("vtt", "srt", "ass", "ttml", "lrc"))

#: By the name of its root element, in lower case: what an XML document or a page without an XML declaration is.
_ROOTS = {
    **dict.fromkeys(("html", "head", "body", "title", "meta", "script", "div", "p", "h1", "center"), _PAGE),
    "svg": Document("a picture (SVG)", ("svg",)),
    "mpd": _DASH,
    "smoothstreamingmedia": Document(f"a Smooth Streaming manifest ({_STREAM})", ("ism",)),
    "asx": Document("a playlist (ASX)", ("asx", "wax", "wvx")),
    "smil": Document("a playlist (SMIL)", ("smil", "smi", "wpl")),
    "winampxml": Document("a playlist (B4S)", ("b4s",)),
    "metalink": Document("a list of addresses to download from (Metalink)", ("meta4",)),
    "tt": _SUBTITLES,
    "sami": _SUBTITLES,
    "fictionbook": Document("an e-book (FictionBook)", ("fb2",)),
}
_XSPF = Document("a playlist (XSPF)", ("xspf",))
#: What texts begin with; the first match counts.
_TEXTS: tuple[tuple[re.Pattern[str], Document], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), document)
    for pattern, document in (
        (r"#EXTM3U", _M3U),
        (r"\[playlist\]", Document("a playlist (PLS)", ("pls",))),
        # Windows Media's redirectors, and RealPlayer's.
        (r"\[Reference\]\s|ASF\s+https?://", Document("a playlist (ASX)", ("asx", "asf"))),
        (r"(?:RTSP|SMIL)text", Document("a playlist (RealPlayer)", ("ram",))),
        (r"WEBVTT|\[Script Info\]|\d{1,6}\s{1,4}\d{1,2}:\d\d:\d\d[,.]\d{1,3} *-->|\[\d\d:\d\d[.:]\d\d\]", _SUBTITLES),
        (r"\[InternetShortcut\]", Document("a link", ("url",))),
        (r"magnet:\?", Document("a link to a torrent", ("txt",))),
        (r"BEGIN:VC(?:ALENDAR|ARD)", Document("a calendar or an address book", ("ics", "vcf"))),
        (r"#!", Document("a program (script)", ("sh", "py", "pl"))),
        (r"@echo off", Document("a program (script)", ("bat", "cmd"))),
    )
)
_CUE = Document("a cue sheet", ("cue",))

_GRAPHIC = range(0x21, 0x7F)
_BLANKS = b"\0 \t\r\n\f\v"
_TEXT_BLANKS = "\ufeff" + _BLANKS.decode("ascii")
_BLANK_RUN = re.compile(f"[{_TEXT_BLANKS}]*")
#: Shorter bytes that are not UTF-8 may be without control characters by chance. They are text only if they are at least
#: a message, and most of them are ASCII.
_MIN_TEXT, _MIN_MESSAGE = 128, 12
#: This many zeros, at every other byte, are the upper halves of ASCII characters in UTF-16.
_MIN_ZEROS = 8
#: Control characters that no text has. ESC is not among them: it switches character sets in Japanese texts.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
#: What only a page or an XML document begins with, whatever bytes follow.
_MARKUP = re.compile(
    r"<(?:!--|(?:!doctype|\?xml|\?wpl|html|head|body|title|meta|script|rss|feed|error|svg|smil|asx)\b)", re.IGNORECASE
)
_DOCTYPE = re.compile(r"<!doctype\s{1,9}([\w.-]{1,60})", re.IGNORECASE)
_ELEMENT = re.compile(r"<(?:[\w.-]{1,60}:)?([\w.-]{1,60})")
_HTML = re.compile(r"<(?:!doctype\s{1,9}html|html|head|body|title|meta|script|div|p|h1|center)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^<>]{0,200}>([^<]{1,400})", re.IGNORECASE)
#: The lines of a playlist without a header: an address, or a name of a file.
_ADDRESS = re.compile(r"(?:https?|ftp|rtspu?|rtmpe?|mms[htu]?|pnm|icyx?)://\S+", re.IGNORECASE)
_FILE = re.compile(r"[^<>|?*\0]{1,400}\.(?:mp[234]|m4[ab]|aac|og[ga]|opus|flac|wav|wma|m3u8?|ts)", re.IGNORECASE)
#: The keys that a torrent may begin with (BEP 3, 5, 12, 17, 19, 52). They are sorted, but not by all programs.
_TORRENT_KEYS = re.compile(
    rb"d(?:8:announce|13:announce-list|7:comment|10:created by|13:creation date|8:encoding|9:httpseeds|4:infod|"
    rb"5:nodesl|12:piece layersd|8:url-list|18:azureus_properties|9:publisher)"
)
_BENCODED = re.compile(rb"d\d{1,3}:[\x20-\x7e]")

_KINDS = tuple(Document(name, tuple(extensions.split())) for _, name, extensions in SIGNATURES)
#: What a reader may read: a feed, a compressed one, a page, or what stands in their place.
READABLE = frozenset({_PAGE, _XML, _JSON, _TEXT, _BLANK, *(kind for kind in _KINDS if "gz" in kind.extensions)})
#: All of them at once, because every file is asked for all: one group for each, empty and behind it, so that the first
#: byte excludes most.
_ANY_SIGNATURE = re.compile(b"|".join(b"(?:%b)()" % pattern for pattern, _, _ in SIGNATURES), re.DOTALL)
_INNER = tuple((place, mark, Document(name, tuple(ends.split()))) for place, mark, name, ends in INNER_MARKS)


def recognize(head: bytes) -> Document | None:
    """The kind of document that begins with these bytes; None if they may be media.

    They are the whole file, or at least as many of its bytes as are ``needed``: more make no difference."""
    return _recognized(head[: needed(head)])


# The beginning of a small file is looked at as it comes, and once more when all of it is there.
@lru_cache(maxsize=32)
def _recognized(head: bytes) -> Document | None:
    if found := _by_signature(head):
        return found
    rest = head.lstrip(_BLANKS)
    if not rest:
        return (_BLANK if any(head) else _ZEROS) if head else None
    if len(rest) > 1 and _is_one_byte(rest) and rest[0] not in _GRAPHIC:
        return Document(f"nothing but bytes 0x{rest[0]:02X}", (), stands_in=True)
    if len(rest) < len(head) and (found := _by_signature(rest)):
        return found
    if rest.startswith(b"#!AMR") or (text := _text(head)) is None:
        return None
    beginning = text[_skip_comments(text) :]
    if not beginning:
        return _BLANK
    if not _MARKUP.match(beginning) and _CONTROLS.search(text):
        return None
    return _by_markup(beginning) if beginning.startswith("<") else _by_words(beginning)


def needed(head: bytes) -> int:
    """How many bytes of a file that begins with these tell what it is, as far as these show: HEAD, unless they show
    nothing yet, and MAX_HEAD at most."""
    size = HEAD
    while size < MAX_HEAD and size <= len(head) and _shows_nothing(head[:size]):
        size *= 2
    return size


def title_of(head: bytes) -> str:
    """The title of the web page that begins with these bytes, in one line of at most 80 characters; empty if it has
    none."""
    text = _text(head)
    found = _TITLE.search(text) if text else None
    words = " ".join(html.unescape(found[1]).split()) if found else ""
    return "".join(character for character in words if character.isprintable())[:80]


def _shows_nothing(head: bytes) -> bool:
    """Whether a file that begins with these bytes may be anything yet: they are blanks, zeros, one byte over and over,
    an XML declaration, or a comment without its end."""
    rest = head.lstrip(_BLANKS)
    if not rest or _is_one_byte(rest):
        return True
    if not rest.startswith((b"<", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    text = _text(head)
    if text is None:
        return False
    beginning = text[_skip_comments(text) :]
    return not beginning or (beginning.startswith(("<!--", "<?")) and _root(beginning) == "")


def _by_signature(head: bytes) -> Document | None:
    if (found := _ANY_SIGNATURE.match(head)) and found.lastindex:
        return _KINDS[found.lastindex - 1]
    if _TORRENT_KEYS.match(head) or (_BENCODED.match(head) and b"4:infod" in head):
        return _TORRENT
    for place, mark, document in _INNER:
        if head.startswith(mark, place):
            return document
    return None


def _is_one_byte(data: bytes) -> bool:
    return data[0] == data[-1] and data.count(data[0]) == len(data)


def _by_markup(beginning: str) -> Document:
    root = _root(beginning)
    if root == "playlist":
        return _XSPF if "xspf" in beginning[:2000] else _XML
    if found := _ROOTS.get(root):
        return found
    if beginning[:5].lower() == "<?xml":
        return _XML
    return _PAGE if not root or _HTML.search(beginning) else _XML


def _by_words(beginning: str) -> Document:
    for pattern, document in _TEXTS:
        if pattern.match(beginning):
            # RFC 8216 §4.3: these tags are those of HLS alone.
            return _HLS if document is _M3U and "#EXT-X-" in beginning else document
    if _is_list(beginning):
        return _M3U
    if beginning.startswith(("REM ", "PERFORMER ", "TITLE ", "FILE ")) and "TRACK 01 AUDIO" in beginning:
        return _CUE
    return _JSON if beginning.startswith(("{", "[")) else _TEXT


def _is_list(text: str) -> bool:
    """Whether each line is an address or the name of a media file. One that speaks of a file is a message."""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    # The last one may be cut.
    told = [line for line in (lines[:-1] if len(lines) > 1 else lines) if line and not line.startswith("#")]
    if not told:
        return False
    alone = len(told) == 1
    return all(_ADDRESS.fullmatch(line) or (_FILE.fullmatch(line) and not (alone and " " in line)) for line in told)


def _skip_comments(text: str, place: int = 0) -> int:
    """Where the text goes on behind blanks, byte order marks and comments; at the last comment if that has no end."""
    while True:
        place = _blank_end(text, place)
        if not text.startswith("<!--", place):
            return place
        # A comment may be "<!-->" (HTML §13.2.5.43).
        end = text.find("-->", place + 2)
        if end < 0:
            return place
        place = end + 3


def _root(text: str) -> str:
    """The name of the first element in lower case, without its prefix, or that of the document type if it is told.
    Empty if the text ends before, or is none."""
    place = 0
    while True:
        place = _skip_comments(text, place)
        if text.startswith("<?", place):
            end = text.find("?>", place)
        elif text.startswith("<!", place) and not text.startswith("<!--", place):
            if declared := _DOCTYPE.match(text, place):
                return declared[1].lower()
            end = text.find(">", place)
        else:
            found = _ELEMENT.match(text, place)
            return found[1].lower() if found else ""
        if end < 0:
            return ""
        place = text.index(">", end) + 1


def _blank_end(text: str, place: int) -> int:
    found = _BLANK_RUN.match(text, place)
    return found.end() if found else place


def _text(head: bytes) -> str | None:
    """The bytes as text in their most likely encoding; None if they are not text."""
    try:
        # Incremental: the last character may be cut.
        return codecs.getincrementaldecoder(_encoding(head))().decode(head)
    except UnicodeDecodeError:
        # Some encoding of one or two bytes per character: all of them have ASCII's control characters.
        text = head.removeprefix(codecs.BOM_UTF8).decode("latin-1")
        is_text = len(head) >= _MIN_TEXT or _is_message(head) or _MARKUP.match(text.lstrip(_TEXT_BLANKS))
        return text if is_text else None


def _is_message(head: bytes) -> bool:
    others = sum(byte not in _GRAPHIC and byte not in b" \t\r\n" for byte in head)
    return len(head) >= _MIN_MESSAGE and others <= len(head) // 8


def _encoding(head: bytes) -> str:
    for mark, encoding, other in (
        (codecs.BOM_UTF16_LE, "utf-16-le", head[1::2]),
        (codecs.BOM_UTF16_BE, "utf-16-be", head[::2]),
    ):
        if head.startswith(mark) or (len(other) >= _MIN_ZEROS and not any(other)):
            return encoding
    return "utf-8"
