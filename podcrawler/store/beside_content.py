"""What a file beside a media file may be, by its bytes: a picture, a transcript, or a list of chapters.

Hosts send error pages in place of these as they do in place of audio. And an archive may be served: what a browser
would run in its name is no cover (SVG, HTML), and a transcript in HTML gets a name by which no server calls it that.
"""

import json
import re
from collections.abc import Collection
from typing import BinaryIO
from urllib.parse import urlsplit

from podcrawler.documents import recognize
from podcrawler.exceptions import MediaError
from podcrawler.store.sidecar import BesideKind

#: Bytes of a list of chapters, all of which is read: those of ten hours with one each minute have a twentieth of it.
_MOST_BYTES = 1024 * 1024

_PNG = b"\x89PNG"
#: The first bytes of a PNG and of what is recognized as one, and is none.
_PNG_LIKE = (b"\x8aMNG", b"\x8aJNG")
_JSON = re.compile(rb"\{\s*[\"}]|\[\s*[\[{\"\]\d-]")
_PICTURES = ("jpg", "png", "webp", "gif", "avif")
_TEXTS = ("vtt", "srt", "json", "html.txt", "txt")
#: What a transcript may be by the media type that its publisher told; of any other type it may be any of them.
_TOLD: dict[str, Collection[str]] = {
    "text/vtt": ("vtt", "srt"),
    "text/srt": ("vtt", "srt"),
    "application/srt": ("vtt", "srt"),
    "application/x-subrip": ("vtt", "srt"),
    "application/json": ("json",),
    "text/plain": ("txt", "vtt", "srt"),
}
#: By what its name ends with.
MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
    "vtt": "text/vtt",
    "srt": "application/x-subrip",
    "json": "application/json",
    "html.txt": "text/html",
    "txt": "text/plain",
    "chapters.json": "application/json+chapters",
}
_NAMES: dict[BesideKind, str] = {
    "cover": "a picture (JPEG, PNG, WebP, GIF or AVIF)",
    "transcript": "a transcript",
    "chapters": "a list of chapters",
}


def ending(kind: BesideKind, told: str, head: bytes, url: str) -> str:
    """What the name of a file ends with that begins with these bytes: a key of ``MEDIA_TYPES``. ``told`` is the media
    type by its publisher, ``url`` the address that it comes from. Raises MediaError (``not-media``) if it is no such
    file."""
    document = recognize(head)
    extensions = document.extensions if document else ()
    if kind == "cover":
        found = next((one for one in extensions if one in _PICTURES), "")
        found = "" if head.startswith(_PNG_LIKE) else found
    elif kind == "chapters":
        found = "chapters.json" if extensions[:1] == ("json",) else ""
    else:
        found = _transcript(extensions, head)
        found = found if found in _TOLD.get(told.partition(";")[0].strip().lower(), _TEXTS) else ""
    if not found:
        what = document.name if document else "something unknown" if head else "nothing"
        raise _refusal(kind, url, what)
    return found


def check(kind: BesideKind, file: BinaryIO, url: str) -> None:
    """Check a whole file, whose first bytes are right. Blocking. Raises MediaError (``not-media``) and OSError."""
    if kind != "chapters":
        return
    raw = file.read(_MOST_BYTES + 1)
    try:
        told = json.loads(raw) if len(raw) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("chapters"), list):
        raise _refusal(kind, url, "another JSON document, or more than a megabyte of it")


def _transcript(extensions: Collection[str], head: bytes) -> str:
    beginning = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if "vtt" in extensions:
        # Subtitles of several kinds are recognized as one.
        if beginning.startswith(b"WEBVTT"):
            return "vtt"
        return "srt" if beginning[:1].isdigit() else "txt" if beginning.startswith(b"[") else ""
    if "json" in extensions:
        # Or "[Music]".
        return "json" if _JSON.match(beginning) else "txt"
    return "html.txt" if "html" in extensions else "txt" if "txt" in extensions else ""


def _refusal(kind: BesideKind, url: str, what: str) -> MediaError:
    return MediaError("not-media", f"{urlsplit(url).hostname} sent {what} instead of {_NAMES[kind]}.")
