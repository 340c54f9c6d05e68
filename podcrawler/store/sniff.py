"""Sniffs what a file is from its bytes: whether it is media, in which container, and whether it is complete.

Servers label everything ``audio/mpeg``, error pages included. So a document that people or browsers read is refused
whatever its label, and a container's signature is accepted whatever its label. Only for bytes that show nothing does
the label decide. The table of signatures is our own: puremagic 1.30 does not know an MPEG stream without a tag, and
filetype 1.2 (2022) neither Opus nor audio books nor most brands of MP4.
"""

import os
import re
from collections.abc import Callable, Container
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

from podcrawler.documents import UNKNOWN, recognize
from podcrawler.exceptions import MediaError
from podcrawler.items import Enclosure
from podcrawler.store import names

#: Bytes that are read. A container's signature needs a few; to distinguish text from media takes more.
HEAD = 4096
#: The top-level boxes of an MP4, and how many of them are visited at most.
_BOXES = frozenset(b"ftyp styp pdin moov moof mfra mdat free skip wide udta meta uuid sidx ssix prft emsg".split())
_MAX_BOXES = 10_000
#: The longest page of an Ogg stream (RFC 3533 §6).
_OGG_PAGE = 65_307

#: Media types that servers use for documents, and never for media.
_DOCUMENT_TYPES = re.compile(r"text/html|application/xhtml\+xml|(?:application|text)/(?:[\w.-]+\+)?(?:json|xml)")
_MEDIA_TYPE = re.compile(r"(?:audio|video)/(?!(?:x-)?(?:mpegurl|scpls|vnd\.apple\.mpegurl))", re.IGNORECASE)
#: Compressed files, which may hold anything.
_PACKED = re.compile(rb"\x1f\x8b|BZh|7z\xbc\xaf|Rar!|\xfd7zXZ|\x28\xb5\x2f\xfd")

#: What the files of a container begin with, and the most specific extension; the first match counts.
_SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), extension)
    for pattern, extension in (
        # RFC 3533 §6: the first page holds the first header of the codec and nothing else.
        (rb"OggS.{22}\x01.OpusHead", "opus"),
        (rb"OggS.{22}\x01.Speex   ", "spx"),
        (rb"OggS.{22}\x01.\x80theora", "ogv"),
        (rb"OggS", "ogg"),
        (rb"fLaC", "flac"),
        (rb"(?:RIFF|RF64).{4}WAVE", "wav"),
        (rb"RIFF.{4}AVI ", "avi"),
        (rb"FORM.{4}AIF[FC]", "aiff"),
        # ISO/IEC 14496-12 §4.3, with the brands of the MP4 registration authority.
        (rb".{4}ftypM4[AP] ", "m4a"),
        (rb".{4}ftypM4B ", "m4b"),
        (rb".{4}ftypM4V", "m4v"),
        (rb".{4}ftypqt  ", "mov"),
        (rb".{4}ftyp3g[gprse]", "3gp"),
        (rb".{4}ftyp3g2", "3g2"),
        (rb".{4}ftyp", "mp4"),
        # RFC 8794 §11: the doctype is in the header, which is the first element.
        (rb"\x1aE\xdf\xa3.{,64}?B\x82.webm", "webm"),
        (rb"\x1aE\xdf\xa3.{,64}?B\x82.matroska", "mkv"),
        (rb"#!AMR", "amr"),
        (rb"caff\x00\x01", "caf"),
        (rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", "wma"),
        (rb"FLV\x01", "flv"),
        (rb"\x00\x00\x01\xba", "mpg"),
        (rb"G.{187}G.{187}G", "ts"),
        # ISO/IEC 11172-3 §2.4.1.3 and 13818-7 §6.2: a frame begins with eleven ones, or with twelve where it is ADTS.
        (rb"\xff[\xf0\xf1\xf8\xf9][\x00-\xf3]", "aac"),
        (rb"ADIF", "aac"),
        (rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x00-\xef]", "mp3"),
        (rb"\xff[\xe4\xe5\xf4\xf5\xfc\xfd][\x00-\xef]", "mp2"),
    )
)
#: The other extensions of a container, which its first bytes do not distinguish.
_OTHER_NAMES = {
    "m4a": {"m4b"},
    "mp4": {"m4a", "m4b", "m4v"},
    "mov": {"m4a", "m4b", "m4v", "mp4"},
    "ogg": {"oga", "ogv", "spx"},
    "mkv": {"mka"},
    "wma": {"wmv", "asf"},
    "ts": {"m2ts"},
    "mpg": {"mpeg"},
    "mp3": {"mpga"},
}


class Examined(NamedTuple):
    """What is known of a file that may be archived."""

    extension: str
    #: Whether it is known to be complete. False if nothing shows it.
    verified: bool


def examine(
    file: BinaryIO,
    *,
    url: str,
    content_type: str,
    enclosure: Enclosure,
    counted: bool,
    wanted: Container[str] = (),
) -> Examined:
    """Check the body of a response from ``url``, the last one after redirects. Blocking.

    ``counted``: it has as many bytes as the server announced. ``wanted``: extensions of documents that are archived.
    Raises MediaError (``not-media`` for any other document, ``incomplete`` if its container shows that it is cut off)
    and OSError.
    """
    head = file.read(HEAD)
    document = recognize(head)
    if document and document.extension in wanted:
        return Examined(document.extension, counted)
    container = None if document else _container(file, head)
    if container is None and not document and _DOCUMENT_TYPES.match(content_type.strip().lower()):
        document = UNKNOWN
    whole = True if counted else _whole(file, container)
    host = urlsplit(url).hostname
    if document:
        raise MediaError(
            "not-media",
            f"{host} sent {document.name} instead of audio; open the address in a browser to see what it is. "
            "It is not tried again by itself: once the file is there, `podcrawler retry` does it.",
        )
    if whole is False:
        raise MediaError("incomplete", f"{host} sent a file that breaks off in the middle; try again later.", "passing")
    urls, types = (url, enclosure.url), (content_type, enclosure.type)
    if container is None:
        return Examined(names.extension(types, urls), bool(whole))
    others = _OTHER_NAMES.get(container, ())
    endings = (*map(names.extension_of_url, urls), *map(names.extension_of_type, types))
    return Examined(next((ending for ending in endings if ending in others), container), bool(whole))


def is_sound(path: Path) -> bool:
    """Whether a file in the store can be what its name says: not empty, no document, and not known to be cut off.
    Blocking. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        document = recognize(head)
        if document:
            return document.extension == path.suffix[1:]
        return bool(head) and _whole(file, _container(file, head)) is not False


def is_media(head: bytes, content_type: str) -> bool:
    """Whether a file that begins with these bytes is media: by its container, and only if the bytes show nothing by its
    media type."""
    if recognize(head) or _PACKED.match(head):
        return False
    return bool(_signature(head)) or head.startswith(b"ID3") or bool(_MEDIA_TYPE.match(content_type.strip()))


def _container(file: BinaryIO, head: bytes) -> str | None:
    """The extension by the first bytes, those after an ID3 tag if there is one; None if they match no signature."""
    extension = _signature(head)
    if extension or not (tag := re.match(rb"ID3[\x02-\x04].(.)([\x00-\x7f]{4})", head, re.DOTALL)):
        return extension
    # ID3v2.4 §3.1: the size has seven bits a byte, and counts neither the header nor the footer.
    size = sum(byte << shift for byte, shift in zip(tag[2], (21, 14, 7, 0), strict=True))
    file.seek(size + (20 if tag[1][0] & 0x10 else 10))
    return _signature(file.read(16)) or "mp3"


def _signature(head: bytes) -> str | None:
    return next((extension for pattern, extension in _SIGNATURES if pattern.match(head)), None)


def _whole(file: BinaryIO, extension: str | None) -> bool | None:
    """Whether the file ends where its container says; None if that does not say."""
    check = _CHECKS.get(extension or "")
    return check(file, file.seek(0, os.SEEK_END)) if check else None


def _whole_riff(file: BinaryIO, size: int) -> bool | None:
    file.seek(0)
    head = file.read(8)
    announced = int.from_bytes(head[4:], "little")
    # A recorder that could not go back leaves 0, or the most it can write; RF64 has its size elsewhere.
    if head[:4] != b"RIFF" or not 0 < announced < 0x7FFF0000:
        return None
    return announced + 8 <= size


def _whole_mp4(file: BinaryIO, size: int) -> bool | None:
    """ISO/IEC 14496-12 §4.2: the file is a row of boxes, each of which says how long it is."""
    kinds = set()
    position = 0
    for _ in range(_MAX_BOXES):
        if position == size:
            # Without its index it cannot be played. Fragments, each of which has one, may be missing unnoticed.
            return None if b"moof" in kinds else b"moov" in kinds
        file.seek(position)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        kind = head[4:8]
        kinds.add(kind)
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        # A box of length 0 is as long as the file, whatever that is; other programs append tags that are no boxes.
        if length < 8 or kind not in _BOXES:
            return None
        if position + length > size:
            return False
        position += length
    return None


def _whole_ogg(file: BinaryIO, size: int) -> bool | None:
    """RFC 3533 §6: the last page of a stream is marked."""
    start = max(0, size - 2 * _OGG_PAGE)
    file.seek(start)
    tail = file.read()
    last = tail.rfind(b"OggS")
    if last < 0:
        return None
    page = tail[last:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return False
    length = 27 + page[26] + sum(page[27 : 27 + page[26]])
    if len(page) < length:
        return False
    # Recordings of live streams often lack the mark, so that its absence proves nothing.
    return True if len(page) == length and page[5] & 4 else None


_CHECKS: dict[str, Callable[[BinaryIO, int], bool | None]] = {
    "wav": _whole_riff,
    "avi": _whole_riff,
    **dict.fromkeys(("m4a", "m4b", "m4v", "mp4", "mov", "3gp", "3g2"), _whole_mp4),
    **dict.fromkeys(("ogg", "opus", "spx", "ogv"), _whole_ogg),
}
