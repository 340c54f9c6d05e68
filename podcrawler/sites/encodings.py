"""The text of a feed or page, whatever encoding it is in and says that it is in.

Labels and tables are those of browsers (WHATWG, Encoding Standard): ISO-8859-1 means Windows-1252, Shift_JIS means
Windows-31J, and so on. webencodings knows the labels, w3lib which of Python's tables they mean. A byte that stands for
nothing costs one replacement character, no more.
"""

import codecs
import io
import re
import zlib
from collections.abc import Iterator

import webencodings
from scrapy.http import TextResponse
from w3lib.encoding import read_bom, resolve_encoding

_GZIP = b"\x1f\x8b\x08"
#: A document that expands to more is cut off, and read as far as it goes: as many bytes as are downloaded by default.
_MAX_EXPANDED = 64 * 1024 * 1024
#: Members of a gzip file that are unpacked, and the bytes of one that are unpacked at once, at first and at last.
_MOST_MEMBERS = 100_000
_FIRST_PIECE, _LAST_PIECE = 1024, 1024 * 1024
#: Bytes of a document that are decoded at once: the text of a large one may take four times as much.
_PIECE = 256 * 1024
#: How far into a document its XML declaration is looked for: junk may precede it.
_HEAD = 4096
_DECLARED = re.compile(rb"""<\?xml\s[^<>]*?encoding\s*=\s*["']?\s*([\w.:-]{1,40})""")
_CHARSET = re.compile(rb"""(?i)charset\s*=\s*["']?\s*([\w.:-]{1,40})""")
_THREE_BYTES = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}")
_MULTIBYTE = frozenset({"big5hkscs", "cp932", "cp949", "euc_jp", "gb18030", "iso2022_jp"})
_NON_ASCII = bytes(range(0x80, 0x100))
_NO_SHIFT_JIS = re.compile("[\uf8f0-\uf8f3]")
#: How many times more bytes must be UTF-8 than not, if they may be of the encoding that was told.
_LARGE_MAJORITY = 8
#: Python's codecs for parts of texts, which take the square of the length, or are none of the web's.
_NO_ENCODINGS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf_7", "utf-7"})
#: Encodings in which a mark in ASCII begins what is none.
_SEVEN_BIT = {"iso2022_jp": b"\x1b", "iso2022_kr": b"\x1b", "hz": b"~{"}
#: Labels that browsers know, and read nothing of.
_NOT_OF_BROWSERS = {"hz-gb-2312": "hz", "hz": "hz", "iso-2022-kr": "iso2022_kr"}
_LANGUAGE = re.compile(rb"(?i)<(?:dc:)?language>\s*(?:<!\[CDATA\[)?\s*([a-z]{2,3}(?:[-_][a-z]{2,4})?)\b")
#: What feeds in these languages are in if nothing else tells; as browsers have it (WHATWG, HTML Standard, encoding
#: sniffing algorithm). Of several, the first that fits.
_BY_LANGUAGE = {
    "zh-tw zh-hk zh-mo zh-hant": ("big5hkscs",),
    "zh zh-cn zh-sg zh-hans": ("gb18030",),
    "ja ja-jp": ("euc_jp", "cp932"),
    "ko ko-kr": ("cp949",),
    "ru ru-ru uk uk-ua be be-by bg bg-bg sr sr-rs mk mk-mk kk kk-kz": ("cp1251",),
    "el el-gr": ("iso8859-7",),
    "he he-il": ("cp1255",),
    "ar ar-sa ar-eg fa fa-ir": ("cp1256",),
    "tr tr-tr": ("cp1254",),
    "th th-th": ("cp874",),
    "cs cs-cz sk sk-sk hr hr-hr": ("cp1250",),
    "pl pl-pl hu hu-hu sl sl-si": ("iso8859-2",),
    "lt lt-lt lv lv-lv et et-ee": ("cp1257",),
    "vi vi-vn": ("cp1258",),
}
_CODECS = {language: codecs for languages, codecs in _BY_LANGUAGE.items() for language in languages.split()}
#: Windows-1252 as bytes of Latin-1, with the five characters that it lacks.
_AS_LATIN_1 = {ord(bytes([code]).decode("cp1252", "ignore") or chr(code)): code for code in range(0x80, 0xA0)}
#: A letter that stands for the first byte of two or more in UTF-8, and what may stand for the second. Among letters
#: with accents, quotes and dots that happens once by chance; but these are an accent, a quote or dash, and an emoji.
_ENCODED_TWICE = re.compile(f"[\xc2-\xf4][\x80-\xbf{''.join(map(chr, _AS_LATIN_1))}]")
_BY_CHANCE = 2
_SURELY_ENCODED_TWICE = re.compile(
    "[\xc2\xc3][\xa0-\xbf\u20ac\u0192\u201e\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u02dc\u0161\u0153\u017e\u0178]|"
    "\xe2[\x80\u20ac]|\xf0[\x9f\u0178]"
)


def unpacked(body: bytes, at_most: int = _MAX_EXPANDED) -> bytes:
    """The first ``at_most`` bytes of a gzip file that was sent as it is, as far as it is whole; other bytes as they
    are."""
    # A file may have been packed twice: once by its publisher, once by the server.
    for _ in range(2):
        if body.startswith(_GZIP):
            body = _inflated(body, at_most) or body
    return body


def _inflated(packed: bytes, at_most: int) -> bytes:
    found = bytearray()
    at = 0
    # A gzip file may have several members (RFC 1952 §2.2).
    for _ in range(_MOST_MEMBERS):
        if not packed.startswith(_GZIP, at):
            break
        inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        size = _FIRST_PIECE
        # In pieces, because what is left of one is copied: members may be many, and small.
        while not inflater.eof and at < len(packed):
            piece = packed[at : at + size]
            try:
                found += inflater.decompress(piece, at_most - len(found))
            except zlib.error:
                return bytes(found)
            at += len(piece) - len(inflater.unused_data)
            size = min(2 * size, _LAST_PIECE)
            if len(found) >= at_most:
                return bytes(found)
    return bytes(found)


def decoded(body: bytes, content_type: str = "") -> str:
    """The text of a document: by its byte order mark, else as UTF-8 if it is that, else as its XML declaration says,
    else as the Content-Type says, else as is usual in its language, else as Windows-1252."""
    return "".join(_texts(body, *_encoding(body, content_type)))


def in_utf_8(body: bytes, content_type: str = "") -> bytes:
    """The text of a document, as ``decoded``, in UTF-8: the same bytes if they are that."""
    start, codec = _encoding(body, content_type)
    if codec == "utf-8" and _fits(body, codec):
        return body
    # It grows in place, and is not copied at its end.
    written = io.BytesIO()
    written.writelines(text.encode("utf-8", "replace") for text in _texts(body, start, codec))
    return written.getvalue()


def _texts(body: bytes, start: int, codec: str) -> Iterator[str]:
    """The text of the bytes from ``start`` on, in pieces."""
    for text in _pieces(body, start, codec, "replace"):
        # Python's table has characters for private use in place of bytes that stand for nothing.
        yield text if codec.startswith("utf") else _NO_SHIFT_JIS.sub("\ufffd", text)


def _pieces(body: bytes, start: int, codec: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)(errors)
    for at in range(start, len(body), _PIECE):
        yield decoder.decode(body[at : at + _PIECE], at + _PIECE >= len(body))


def _encoding(body: bytes, content_type: str) -> tuple[int, str]:
    """Where the text of a document begins, and the name of Python's codec for it."""
    encoding, mark = read_bom(body)
    if encoding is not None and mark is not None:
        # A program may have put the mark of UTF-16 in front of another text.
        is_wide = not encoding.startswith("utf-16") or b"\0" in body[:_HEAD]
        return len(mark), encoding if is_wide else "utf-8"
    if wide := _wide(body):
        return 0, wide
    declarations = [_DECLARED.search(body, 0, _HEAD), _CHARSET.search(content_type.encode("utf-8", "replace"))]
    told = [codec for found in declarations if found and (codec := _codec(found[1].decode("ascii")))]
    if told and told[0] in _SEVEN_BIT and _SEVEN_BIT[told[0]] in body:
        return 0, told[0]
    if body.isascii():
        return 0, "utf-8"
    is_another = bool(told) and told[0] != "utf-8"
    if not is_another and _is_utf_8(body, ""):
        return 0, "utf-8"
    others = [name for name in told if name != "utf-8"] or [*_of_language(body), "cp1252"]
    fitting = next((name for name in others if _fits(body, name)), "")
    if is_another and _is_utf_8(body, fitting):
        return 0, "utf-8"
    return 0, fitting or others[0]


def _of_language(body: bytes) -> tuple[str, ...]:
    """Encodings of the language that a feed says it is in."""
    found = _LANGUAGE.search(body, 0, _HEAD)
    return _CODECS.get(found[1].decode("ascii").lower().replace("_", "-"), ()) if found else ()


def decoded_twice(text: str) -> str:
    """A text in UTF-8 that was taken for Windows-1252, and written in UTF-8 again, as it was at first; any other text
    as it is."""
    if not _SURELY_ENCODED_TWICE.search(text) and len(_ENCODED_TWICE.findall(text)) < _BY_CHANCE:
        return text
    try:
        return text.translate(_AS_LATIN_1).encode("latin-1").decode()
    except UnicodeError:
        return text


def readable(response: TextResponse) -> TextResponse:
    """The response, for which Scrapy knows an encoding that its bytes can be in. Of a page, Scrapy believes any label
    of one of Python's codecs."""
    body = response.body
    if read_bom(body)[0] is not None:
        return response
    if wide := _wide(body):
        return response.replace(encoding=wide)
    if _codec(response.encoding):
        return response
    return response.replace(encoding="utf-8" if _is_utf_8(body, "") else "cp1252")


def _wide(body: bytes) -> str:
    """UTF-16 or UTF-32 without a byte order mark, told by the zeros of its first characters; empty if it is neither."""
    # Latin letters and white space, of which every feed has the most, have one zero byte in UTF-16, and no letter two.
    head = body[:200]
    zeros = [2 * head[place::4].count(0) > len(head) // 4 for place in range(4)]
    if zeros in ([True, True, True, False], [False, True, True, True]):
        return "utf-32-be" if zeros[0] else "utf-32-le"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 3 < len(head) or min(even, odd) * 8 > len(head):
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_utf_8(body: bytes, told: str) -> bool:
    """Whether bytes that are not all ASCII are UTF-8 for the most part. ``told`` is another encoding that fits."""
    if _fits(body, "utf-8"):
        # A few Chinese or Korean characters may happen to be pairs of bytes that are legal in UTF-8, too.
        return told not in _MULTIBYTE or bool(_THREE_BYTES.search(body))
    ascii_bytes = sum(len(body[at : at + _PIECE].translate(None, _NON_ASCII)) for at in range(0, len(body), _PIECE))
    valid = sum(len(text.encode()) for text in _pieces(body, 0, "utf-8", "ignore")) - ascii_bytes
    invalid = len(body) - ascii_bytes - valid
    return valid > invalid * (_LARGE_MAJORITY if told else 1)


def _fits(body: bytes, encoding: str) -> bool:
    try:
        return all(True for _ in _pieces(body, 0, encoding, "strict"))
    except UnicodeDecodeError:
        return False


def _codec(label: str) -> str:
    """The name of Python's codec for a label; empty if it has none, or none that the bytes can be in."""
    if codec := _NOT_OF_BROWSERS.get(label.lower()):
        return codec
    known = webencodings.lookup(label)
    codec = resolve_encoding(known.codec_info.name if known else label) or ""
    try:
        # Some of Python's codecs are not for text, such as rot13.
        b"a".decode(codec, "replace")
    except (LookupError, UnicodeError):
        return ""
    # What was read as ASCII is not UTF-16.
    return "" if codec.startswith(("utf-16", "utf-32")) or codec.replace("-", "_") in _NO_ENCODINGS else codec
