"""What a page shows around the player: the cover, the chapters and the transcripts that the archive has beside an
episode's file, or in it.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from podcrawler.details import Chapter
from podcrawler.publish.beside import MOST_BYTES, Beside, read
from podcrawler.publish.chapters import in_order, read_chapters
from podcrawler.publish.index import Entry
from podcrawler.publish.transcripts import READABLE, Paragraph, read_transcript
from podcrawler.store.fs import Folder
from podcrawler.store.sidecar import Sidecar

#: Characters of a transcript that is shown at once; a longer one is opened by its reader.
_SHORT = 1500
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


def listening(folder: Folder, entry: Entry, sidecar: Sidecar, leave_out: Callable[[str], None]) -> dict[str, Any]:
    """The values of the template: ``cover``, ``chapters``, ``transcripts``, ``texts`` and ``tracks``. ``leave_out``
    gets sentences about files that cannot be shown."""
    transcripts = [one for one in entry.beside if one.kind == "transcript"]
    cover = next((one.name for one in entry.beside if one.kind == "cover"), "")
    return {
        "cover": file_address(cover) if cover else "",
        "chapters": [_chapter(one) for one in _chapters(folder, entry, sidecar, leave_out)],
        "transcripts": _transcripts(folder, transcripts, leave_out),
        "texts": [
            {"href": file_address(one.name), "type": one.type or "a file", "language": one.language}
            for one in transcripts
        ],
        "tracks": [
            {
                "href": file_address(one.name),
                "kind": "captions" if one.rel == "captions" else "subtitles",
                "language": language_of(one.language),
            }
            for one in transcripts
            if one.extension == "vtt"
        ],
    }


def file_address(name: str) -> str:
    """A file of the podcast's folder, from the page of an episode."""
    return f"../{quote(os.fsencode(name))}"


def web(address: str) -> str:
    """The address, if following it does no more than to open a page."""
    return address if address.startswith(("https://", "http://")) else ""


def clock(seconds: float | None) -> str:
    """``1:02:03``, or ``2:03``; empty if there is no such time."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def language_of(told: str) -> str:
    """A language as browsers know it (RFC 5646); empty if it is something else."""
    return told if _LANGUAGE.fullmatch(told) else ""


def _chapters(folder: Folder, entry: Entry, sidecar: Sidecar, leave_out: Callable[[str], None]) -> Iterable[Chapter]:
    """Those of a file beside the episode's, which tells most; else of the file itself; else of the feed."""
    for one in entry.beside:
        if one.kind == "chapters":
            try:
                return read_chapters(read(folder, one))
            except (ValueError, OSError) as error:
                leave_out(f"{one.name}: it cannot be read as chapters ({_why(error)})")
    return in_order(sidecar.chapters or sidecar.episode.chapters)


def _chapter(chapter: Chapter) -> dict[str, str]:
    href = web(chapter.href)
    return {
        "start": f"{chapter.start:.3f}",
        "clock": clock(chapter.start),
        "title": chapter.title or "Chapter",
        "href": href,
        "host": _host(href),
    }


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname if address else "") or address
    except ValueError:
        return address


def _transcripts(folder: Folder, files: Iterable[Beside], leave_out: Callable[[str], None]) -> list[dict[str, Any]]:
    """One for each language: publishers have the same one in several forms. One that is too large is not shown."""
    found: dict[str, list[Paragraph]] = {}
    readable = [one for one in files if one.extension in READABLE and (one.size or 0) <= MOST_BYTES]
    for one in sorted(readable, key=lambda one: READABLE.index(one.extension)):
        if one.language in found:
            continue
        try:
            found[one.language] = read_transcript(one.extension, read(folder, one))
        except (ValueError, OSError) as error:
            leave_out(f"{one.name}: it cannot be read as a transcript ({_why(error)})")
    return [_transcript(language, paragraphs) for language, paragraphs in found.items()]


def _transcript(language: str, paragraphs: list[Paragraph]) -> dict[str, Any]:
    shown = [
        {
            "start": "" if one.start is None else f"{one.start:.3f}",
            "clock": clock(one.start),
            "speaker": one.speaker,
            "text": one.text,
        }
        for one in paragraphs
    ]
    is_short = sum(len(one.text) for one in paragraphs) <= _SHORT
    return {"language": language_of(language), "paragraphs": shown, "is_short": is_short}


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
