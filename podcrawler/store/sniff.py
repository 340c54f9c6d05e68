"""Sniffs what a file is from its bytes: whether it is media, in which container, and whether it is complete.

Servers label everything ``audio/mpeg``, error pages included. So a document that people or browsers read is refused
whatever its label, and a container's signature is accepted whatever its label. Only for bytes that show nothing does
the label decide. The table of signatures is our own: puremagic 1.30 does not know an MPEG stream without a tag, and
filetype 1.2 (2022) neither Opus nor audio books nor most brands of MP4.
"""

import re
from collections.abc import Container, Iterable, Sequence
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

from podcrawler import documents
from podcrawler.details import Chapter
from podcrawler.documents import UNKNOWN, Document, recognize
from podcrawler.exceptions import MediaError
from podcrawler.items import Enclosure
from podcrawler.store import names
from podcrawler.store.containers import id3_end, is_whole

#: How many bytes of a file are enough to see what it is, unless ``needs_more``; and how many are enough in any case.
HEAD = documents.HEAD
MAX_HEAD = documents.MAX_HEAD

#: Media types that servers use for documents, and never for media.
_DOCUMENT_TYPES = re.compile(r"text/html|application/xhtml\+xml|(?:application|text)/(?:[\w.-]+\+)?(?:json|xml)")
_MEDIA_TYPE = re.compile(r"(?:audio|video)/(?!(?:x-)?(?:mpegurl|scpls|vnd\.apple\.mpegurl))", re.IGNORECASE)
#: What may be before the first frame of a stream: encoders and scripts leave it there.
_BLANKS = b"\0\r\n\t "
#: Bytes that any signature needs.
_SIGNATURE = 400

#: What the files of a container begin with, and the most specific extension; the first match counts.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    # RFC 3533 §6: the first page holds the first header of the codec and nothing else.
    (rb"OggS.{22}\x01.OpusHead", "opus"),
    (rb"OggS.{22}\x01.Speex   ", "spx"),
    (rb"OggS.{22}\x01.\x80theora", "ogv"),
    (rb"OggS", "ogg"),
    (rb"fLaC", "flac"),
    (rb"(?:RIFF|RF64|BW64).{4}WAVE", "wav"),
    (rb"riff\x2e\x91\xcf\x11", "w64"),
    (rb"RIFF.{4}AVI ", "avi"),
    (rb"FORM.{4}AIF[FC]", "aiff"),
    (rb"\.snd\0\0|dns\.", "au"),
    (rb"MThd\0\0\0\x06|RIFF.{4}RMID", "mid"),
    # ISO/IEC 14496-12 §4.3, with the brands of the MP4 registration authority.
    (rb".{4}ftypM4[AP] ", "m4a"),
    (rb".{4}ftypM4B ", "m4b"),
    (rb".{4}ftypM4V", "m4v"),
    (rb".{4}ftypqt  ", "mov"),
    (rb".{4}ftyp3g[gprse]", "3gp"),
    (rb".{4}ftyp3g2", "3g2"),
    (rb".{4}(?:ftyp|styp|moof|sidx|pdin)", "mp4"),
    # QuickTime's files, and those of its kind that were not written in one go, begin with any box.
    (rb".{4}(?:moov|mdat|wide|free|skip|pnot)", "mov"),
    # RFC 8794 §11: the doctype is in the header, which is the first element.
    (rb"\x1aE\xdf\xa3.{,64}?B\x82.webm", "webm"),
    (rb"\x1aE\xdf\xa3.{,64}?B\x82.matroska", "mkv"),
    (rb"#!AMR", "amr"),
    (rb"caff\x00\x01", "caf"),
    (rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", "wma"),
    (rb"FLV\x01", "flv"),
    (rb"\.RMF\0\0", "rm"),
    (rb"\.ra\xfd", "ra"),
    (rb"MAC [\x60-\xff]", "ape"),
    (rb"wvpk", "wv"),
    (rb"TTA[12]", "tta"),
    (rb"MPCK|MP\+[\x07\x17\x27]", "mpc"),
    (rb"DSD .{4}\0{4}", "dsf"),
    (rb"FRM8.{8}DSD ", "dff"),
    (rb"APETAGEX", "mp3"),
    (rb"\0\0\x01[\xba\xb3]", "mpg"),
    (rb"G.{187}G.{187}G", "ts"),
    (rb".{4}G.{191}G.{191}G", "m2ts"),
    # ISO/IEC 11172-3 §2.4.1.3 and 13818-7 §6.2: a frame begins with eleven ones, or with twelve where it is ADTS.
    (rb"\xff[\xf0\xf1\xf8\xf9][\x00-\xf3]", "aac"),
    (rb"ADIF", "aac"),
    (rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x00-\xef]", "mp3"),
    (rb"\xff[\xe4\xe5\xf4\xf5\xfc\xfd][\x00-\xef]", "mp2"),
)
#: All of them at once, as in documents.py.
_ANY_SIGNATURE = re.compile(b"|".join(b"(?:%b)()" % pattern for pattern, _ in _SIGNATURES), re.DOTALL)
#: The other extensions of a container, which its first bytes do not distinguish.
_OTHER_NAMES = {
    "m4a": {"m4b"},
    "mp4": {"m4a", "m4b", "m4v", "mov"},
    "mov": {"m4a", "m4b", "m4v", "mp4", "3gp"},
    "ogg": {"oga", "ogv", "spx"},
    "mkv": {"mka"},
    "rm": {"ra"},
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
    #: Those that the file itself has, if somebody has looked for them.
    chapters: Sequence[Chapter] = ()


def needs_more(head: bytes) -> bool:
    """Whether more of the beginning of a file is needed to see what it is, if there is more: these bytes are fewer than
    HEAD, or show nothing yet (blanks, zeros, a comment without its end) and are fewer than MAX_HEAD."""
    return len(head) < documents.needed(head)


def refuse_document(head: bytes, *, url: str, content_type: str, wanted: Container[str] = ()) -> None:
    """Raise MediaError (``not-media``) if a response from ``url``, the last one after redirects, is no media.

    ``head``: its first bytes, until ``needs_more`` is content; ``wanted``: extensions of documents that are archived.
    """
    document = _document(head, content_type)
    if document and not _wanted(document, wanted, ()):
        raise _refusal(document, head, url)


def examine(
    file: BinaryIO,
    *,
    url: str,
    content_type: str,
    enclosure: Enclosure,
    counted: bool,
    wanted: Container[str] = (),
    disposition: str = "",
) -> Examined:
    """Check the body of a response from ``url``, the last one after redirects. Blocking.

    ``content_type`` and ``disposition`` are of its headers. ``counted``: it has as many bytes as the server announced.
    ``wanted``: extensions of documents that are archived. Raises MediaError (``not-media`` for any other document,
    ``incomplete`` if its container shows that it is cut off) and OSError.
    """
    head = head_of(file)
    urls, types = (url, enclosure.url, *names.told_names(disposition)), (content_type, enclosure.type)
    if document := _document(head, content_type):
        if ending := _wanted(document, wanted, urls):
            return Examined(ending, counted)
        raise _refusal(document, head, url)
    container, start = _container(file, head)
    whole = is_whole(file, container, start)
    if whole is False:
        raise _cut_off(url, counted)
    verified = counted or bool(whole)
    if container is None:
        return Examined(names.extension(types, urls), verified)
    others = _OTHER_NAMES.get(container, ())
    endings = (*map(names.extension_of_url, urls), *map(names.extension_of_type, types))
    return Examined(next((ending for ending in endings if ending in others), container), verified)


def is_sound(file: BinaryIO, name: str) -> bool:
    """Whether a file in the store can be what its name says: not empty, no document, and not known to be cut off.
    Blocking. Raises OSError."""
    head = head_of(file)
    if document := recognize(head):
        return name.rpartition(".")[2].lower() in document.extensions
    return bool(head) and is_whole(file, *_container(file, head)) is not False


def is_media(head: bytes, content_type: str) -> bool:
    """Whether a file that begins with these bytes is media: by its container, and only if the bytes show nothing by its
    media type. ``head`` is as for ``refuse_document``."""
    if recognize(head):
        return False
    return _looks_like_media(head) or bool(_MEDIA_TYPE.match(content_type.strip()))


def head_of(file: BinaryIO) -> bytes:
    """As many of the first bytes as are needed to see what a file is. Blocking. Raises OSError."""
    head = file.read(HEAD)
    return head + file.read(MAX_HEAD - HEAD) if needs_more(head) else head


def _document(head: bytes, content_type: str) -> Document | None:
    """The kind of document that this is by its bytes, or by its media type if they show nothing; None if it may be
    media."""
    document = recognize(head)
    if document is None and _DOCUMENT_TYPES.match(content_type.strip().lower()) and not _looks_like_media(head):
        return UNKNOWN
    return document


def _wanted(document: Document, wanted: Container[str], urls: Iterable[str]) -> str:
    """The extension that a document is archived under; empty if it is not wanted. Of several, an address decides."""
    endings = [ending for ending in document.extensions if ending in wanted]
    paths = [re.split(r"[?#]", url, maxsplit=1)[0].lower() for url in urls]
    named = (ending for ending in endings if any(path.endswith(f".{ending}") for path in paths))
    return next(named, endings[0] if endings else "")


def _refusal(document: Document, head: bytes, url: str) -> MediaError:
    what = f"{urlsplit(url).hostname} sent {document.name} instead of audio"
    if document.stands_in:
        title = f' ("{title}")' if (title := documents.title_of(head)) else ""
        return MediaError(
            "not-media",
            f"{what}{title}; open the address in a browser to see what it says, and archive "
            "the podcast again once the file is there.",
            "doubtful",
        )
    return MediaError(
        "not-media",
        f"{what}; if it is what you want, name {document.extensions[0]} in PODCRAWLER_MEDIA, else tell the publisher, "
        "and `podcrawler retry` tries it again.",
    )


def _cut_off(url: str, counted: bool) -> MediaError:
    host = urlsplit(url).hostname
    if not counted:
        return MediaError(
            "incomplete", f"{host} sent a file that breaks off in the middle; try again later.", "passing"
        )
    return MediaError(
        "incomplete",
        f"{host} has only a part of this file: it sent as many bytes as it announced, but the end or the index of the "
        "file is missing; tell the publisher, and archive the podcast again once the file is whole.",
        "doubtful",
    )


def _container(file: BinaryIO, head: bytes) -> tuple[str | None, int]:
    """The extension by the first bytes, those behind blanks or an ID3 tag if there are any, and where the container
    begins; None if they match no signature."""
    start = len(head) - len(head.lstrip(_BLANKS))
    if extension := _signature(head):
        return extension, 0
    if extension := _signature(head[start : start + _SIGNATURE]):
        return extension, start
    if not (end := id3_end(head[start : start + 10])):
        return None, 0
    file.seek(start + end)
    return _signature(file.read(_SIGNATURE)) or "mp3", start + end


def _looks_like_media(head: bytes) -> bool:
    rest = head.lstrip(_BLANKS)
    return bool(_signature(head) or _signature(rest) or id3_end(rest))


def _signature(head: bytes) -> str | None:
    found = _ANY_SIGNATURE.match(head)
    return _SIGNATURES[found.lastindex - 1][1] if found and found.lastindex else None
