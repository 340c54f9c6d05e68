"""The chapters that a media file itself has: those of its ID3 tag, or of an MP4.

mutagen reads them too, but decompresses frames of a tag without a limit, and knows no chapter tracks. Files are
hostile: here nothing is decompressed, reads are small and few, and no length is believed that leads nowhere. Pictures
are passed over unread.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import BinaryIO

from podcrawler.details import Chapter
from podcrawler.store.chapters_id3 import id3_chapters
from podcrawler.store.chapters_mp4 import mp4_chapters

#: Chapters that are taken of one file: no programme has more.
MOST_CHAPTERS = 1000
#: Characters of a title.
_MAX_TITLE = 500


def chapters_in(file: BinaryIO) -> list[Chapter]:
    """The chapters of a media file by their start; empty if it has none, or none that can be read. Blocking. Raises
    OSError."""
    file.seek(0)
    head = file.read(12)
    found: Iterable[Chapter] = ()
    if head.startswith(b"ID3"):
        found = id3_chapters(file)
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        found = mp4_chapters(file)
    some = (replace(chapter, title=_in_one_line(chapter.title)) for chapter in islice(found, MOST_CHAPTERS))
    return sorted(some, key=lambda chapter: chapter.start)


def _in_one_line(title: str) -> str:
    shown = "".join(character if character.isprintable() else " " for character in title)
    return " ".join(shown.split())[:_MAX_TITLE]
