"""Recognizes files that are no media by their first bytes: web pages, documents, pictures, playlists, archives.

The table of signatures is our own, like that of store/sniff.py, because both must agree on every file.
"""

import codecs
import re
from typing import NamedTuple


class Document(NamedTuple):
    """A kind of file that is no media."""

    extension: str
    #: As in a sentence: "the server sent a web page".
    name: str


#: A server calls it a document, and its bytes say nothing.
UNKNOWN = Document("", "a document")

_PAGE = Document("html", "a web page")
_XML = Document("xml", "an XML document")
_JSON = Document("json", "a JSON document")
_TEXT = Document("txt", "text")
_M3U = Document("m3u", "a playlist")
_PLS = Document("pls", "a playlist")
_SUBTITLES = Document("vtt", "a file of subtitles")
#: What a reader may read: a feed, a page, or what stands in their place.
READABLE = frozenset({_PAGE, _XML, _JSON, _TEXT})

#: Shorter bytes are text only if they are UTF-8: others may be without control characters by chance.
_MIN_TEXT = 128
#: This many zeros, at every other byte, are the upper halves of ASCII characters in UTF-16.
_MIN_ZEROS = 8
#: Control characters that no text has. ESC is not among them: it switches character sets in Japanese texts.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
#: What only a page or an XML document begins with, whatever bytes follow.
_MARKUP = re.compile(r"<(?:!--|(?:!doctype|\?xml|html|head|body|title|meta|script|rss|feed|error)\b)", re.IGNORECASE)
_PLAYLIST = re.compile(r"(?:<\?xml[^>]*\?>\s*)?<(?:playlist\b[^>]*xspf|asx\b|smil\b)", re.IGNORECASE)
#: A playlist without a header: addresses, each in a line.
_ADDRESSES = re.compile(r"(?:https?://\S+\s+)*https?://\S+\s*")
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|title|meta|script|div|p|h1|center)\b", re.IGNORECASE)

#: What files that are not text begin with; the first match counts.
_SIGNATURES: tuple[tuple[bytes, Document], ...] = tuple(
    (pattern, Document(extension, name))
    for pattern, extension, name in (
        (rb"%PDF-", "pdf", "a PDF document"),
        # EPUB 3.3 (OCF) §4.2: the first file in the archive is "mimetype", stored as it is.
        (rb"PK\x03\x04.{26}mimetypeapplication/epub\+zip", "epub", "an e-book"),
        (rb"PK\x03\x04", "zip", "a ZIP archive"),
        (rb"\x89PNG\r\n\x1a\n", "png", "a picture"),
        (rb"\xff\xd8\xff", "jpg", "a picture"),
        (rb"GIF8[79]a", "gif", "a picture"),
        (rb"RIFF.{4}WEBP", "webp", "a picture"),
        (rb".{4}ftyp(?:avif|heic|mif1)", "heic", "a picture"),
        (rb"7z\xbc\xaf\x27\x1c", "7z", "an archive of files"),
        (rb"Rar!\x1a\x07", "rar", "an archive of files"),
        # BEP 3: a bencoded dictionary, whose keys are sorted.
        (rb"d\d+:(?:announce|created by|info)", "torrent", "a torrent"),
    )
)
#: All of them at once, because every file is asked for all: one group for each.
_ANY_SIGNATURE = re.compile(b"|".join(b"(%b)" % pattern for pattern, _ in _SIGNATURES), re.DOTALL)


def recognize(head: bytes) -> Document | None:
    """The kind of document that begins with these bytes; None if they may be media."""
    if (found := _ANY_SIGNATURE.match(head)) and found.lastindex:
        return _SIGNATURES[found.lastindex - 1][1]
    text = _text(head)
    if text is None:
        return None
    beginning = text.lstrip("\ufeff\0 \t\r\n\f\v")
    if not _MARKUP.match(beginning) and (_CONTROLS.search(text) or not beginning):
        return None
    if _PLAYLIST.match(beginning):
        return Document("xspf", "a playlist")
    if beginning.startswith("<"):
        return _PAGE if _HTML.search(beginning) else _XML
    if beginning.startswith("WEBVTT"):
        return _SUBTITLES
    if beginning.startswith("#EXTM3U") or _ADDRESSES.fullmatch(beginning):
        return _M3U
    if beginning.lower().startswith("[playlist]"):
        return _PLS
    return _JSON if beginning.startswith(("{", "[")) else _TEXT


def _text(head: bytes) -> str | None:
    """The bytes as text in their most likely encoding; None if they are not text."""
    try:
        # Incremental: the last character may be cut.
        return codecs.getincrementaldecoder(_encoding(head))().decode(head)
    except UnicodeDecodeError:
        # Some encoding of one or two bytes per character: all of them have ASCII's control characters.
        text = head.removeprefix(codecs.BOM_UTF8).decode("latin-1")
        return text if len(head) >= _MIN_TEXT or _MARKUP.match(text.lstrip()) else None


def _encoding(head: bytes) -> str:
    for mark, encoding, other in (
        (codecs.BOM_UTF16_LE, "utf-16-le", head[1::2]),
        (codecs.BOM_UTF16_BE, "utf-16-be", head[::2]),
    ):
        if head.startswith(mark) or (len(other) >= _MIN_ZEROS and not any(other)):
            return encoding
    return "utf-8"
