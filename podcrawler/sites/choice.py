"""What kind of file an address leads to, as far as its media type and its name tell, and which file of several to take.

Both are hints at most: publishers write ``mp3``, ``file`` or nothing for a type, and addresses end in ``.php``. One
function judges what a feed announces and what a server sends, so that both are judged alike.
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from urllib.parse import unquote, urlsplit

from podcrawler.items import Enclosure


class Kind(IntEnum):
    """Kinds of files, in the order in which they are preferred."""

    AUDIO = 1
    VIDEO = 2
    #: Nothing says what it is, or type and name contradict each other: it is tried.
    UNKNOWN = 3
    #: A picture, a document, a playlist, a torrent, ...: no episode.
    OTHER = 4


_AUDIO = (
    "mp3 mp2 mpga m4a m4b m4p aac oga ogg opus spx flac wav wave aif aiff wma amr ape ac3 mka mid midi weba caf "
    "dff dsf mpc ra rm tta w64 wv"
)
_VIDEO = "mp4 m4v mov qt avi mkv webm ogv mpg mpeg mpe wmv flv f4v 3gp 3g2 ts m2ts divx vob"
_PICTURES = "jpg jpeg jpe png gif webp svg bmp tif tiff ico avif heic heif psd jxl jp2"
#: Not those of scripts (pl, py, sh), which send files, nor those that are domains, too (com, so).
_OTHER = (
    "pdf epub mobi azw azw3 doc docx odt ppt pptx odp xls xlsx ods csv rtf txt md htm html xhtml xml rss atom json js "
    "css srt vtt zip rar 7z gz tgz tar bz2 xz exe dmg apk iso swf ics ps djvu djv chm prc fb2 odg cab deb rpm arj lzh "
    "lha ace lz lz4 lzma zst xar wim jar ipa cbz cbr cb7 msi dll ttf ttc otf woff woff2 mdb accdb wasm ttml ass lrc "
    "vcf dcm"
)
#: Lists of files rather than files. Their types are often those of what is listed.
_LISTS = "m3u m3u8 pls xspf asx wax wvx wpl ram smil torrent mpd meta4 metalink cue"
_BY_EXTENSION = {
    extension: kind
    for kind, extensions in ((Kind.AUDIO, _AUDIO), (Kind.VIDEO, _VIDEO), (Kind.OTHER, f"{_PICTURES} {_OTHER} {_LISTS}"))
    for extension in extensions.split()
}
#: Extensions of containers of both kinds: the type decides, if it says anything.
_EITHER = frozenset(["mp4", "ogg", "webm", "3gp", "3g2", "mpeg", "mpg", "mkv", "wma", "wmv", "ts", "mov"])
_LIST_EXTENSIONS = frozenset(_LISTS.split())
_LIST_TYPE = re.compile(r"mpegurl|scpls|xspf|x-ms-(?:asf|asx|wax|wvx)|smil|dash\+xml|bittorrent|pn-realaudio-plugin")
_OTHER_TYPE = re.compile(
    r"(?:image|text|font|model|message)/.*|application/(?:pdf|epub\+zip|(?:x-)?zip.*|(?:x-)?gzip|(?:x-)?tar|x-7z.*|"
    r"msword|rtf|postscript|(?:.*\+)?xml|(?:.*\+)?json|(?:x-)?javascript|x-mobipocket.*|x-shockwave-flash|"
    r"vnd\.(?:openxml|ms-|oasis|amazon|android|apple\.(?:pages|keynote|numbers)).*)"
)
_AUDIO_TYPE = re.compile(r"audio(?:/.*)?|(?:application|x-audio)/(?:x-)?(?:ogg|mp3|mpeg3?|m4a|flac|wav)")
_VIDEO_TYPE = re.compile(r"video(?:/.*)?|application/(?:x-)?(?:mp4|matroska|vnd\.rn-realmedia)")
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,8})$")
_MIME = re.compile(r"[a-z0-9.+_-]+/[a-z0-9.+_*-]+")


def kind_of(media_type: str, url: str) -> Kind:
    """The kind of the file at ``url`` that is said to be of ``media_type``: a MIME type, with or without parameters, or
    any other word."""
    extension = extension_of(url)
    by_type, by_name = (
        _by_type(media_type.partition(";")[0].strip().lower()),
        _BY_EXTENSION.get(extension, Kind.UNKNOWN),
    )
    if extension in _LIST_EXTENSIONS:
        return Kind.OTHER
    if by_type is Kind.UNKNOWN or by_type is by_name:
        return by_name
    if by_name is Kind.UNKNOWN:
        return by_type
    if Kind.OTHER in (by_type, by_name):
        return Kind.OTHER if _LIST_TYPE.search(media_type.lower()) else Kind.UNKNOWN
    return by_type if extension in _EITHER else by_name


def extension_of(url: str) -> str:
    """The extension of the file's name in lower case, without its dot; empty if it has none. Scripts name the file in
    their query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    found = _EXTENSION.search(unquote(parts.path).strip())
    extension = found[1].lower() if found else ""
    if extension not in _BY_EXTENSION and (named := _EXTENSION.search(unquote(parts.query).strip())):
        return named[1].lower()
    return extension


def is_picture(media_type: str, url: str) -> bool:
    """Whether type and name say that a file is a picture."""
    if kind_of(media_type, url) is not Kind.OTHER:
        return False
    return media_type.startswith("image") or extension_of(url) in _PICTURES.split()


def preferred(enclosures: Sequence[Enclosure]) -> list[Enclosure]:
    """Those that may be an episode, the best first: audio before video before anything unknown, and the first of each
    kind before the others."""
    kinds = [kind_of(enclosure.type, enclosure.url) for enclosure in enclosures]
    return [
        enclosure
        for wanted in (Kind.AUDIO, Kind.VIDEO, Kind.UNKNOWN)
        for kind, enclosure in zip(kinds, enclosures, strict=True)
        if kind is wanted
    ]


def told_kind(file: Enclosure) -> str:
    """What says that the file is of another kind: its media type, else its address."""
    media_type = file.type.partition(";")[0].strip().lower()
    return media_type if "/" in media_type and _by_type(media_type) is Kind.OTHER else file.url


def _by_type(media_type: str) -> Kind:
    if _LIST_TYPE.search(media_type):
        return Kind.OTHER
    if _AUDIO_TYPE.fullmatch(media_type):
        return Kind.AUDIO
    if _VIDEO_TYPE.fullmatch(media_type):
        return Kind.VIDEO
    if not _MIME.fullmatch(media_type):
        # A word that is no type is taken for an extension: "mp3", ".m4a", "pdf"; or for the medium of Media RSS.
        medium = Kind.OTHER if media_type in ("image", "document", "executable") else Kind.UNKNOWN
        return _BY_EXTENSION.get(media_type.lstrip("."), medium)
    return Kind.OTHER if _OTHER_TYPE.fullmatch(media_type) else Kind.UNKNOWN
