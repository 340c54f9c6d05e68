"""What podcast-archiver (2.3) leaves: files by a template, whose default ends in ``2024-03-02 - Title``, with the date
in UTC; ``.info.json`` beside each if it was told so; and a database with the guid, title and date of what it
downloaded, without names of files."""

from collections import defaultdict
from pathlib import Path, PurePath

from podcrawler.library.leavings import Beside, Leavings, LeftFile, find, rows, text
from podcrawler.library.matching import letters

DATABASE = "podcast-archiver.db"
_QUERY = "SELECT guid, title, published_time FROM episodes"
#: Characters of the date in ``2024-03-02T18:00:00+00:00``.
_DATE = 10


def read(folder: Path, database: Path | None) -> Leavings:
    """What is in a folder. ``database``: where it is, if not there. Raises ImportFolderError."""
    known = _known(database or folder / DATABASE) if database or (folder / DATABASE).exists() else {}

    def describe(path: str, size: int, beside: Beside) -> LeftFile:
        info = beside(f"{PurePath(path).stem}.info.json")
        enclosure = info.get("enclosure")
        url = text(enclosure.get("href")) if isinstance(enclosure, dict) else ""
        guid, title = text(info.get("guid")), text(info.get("original_title"))
        if not guid:
            found = known.get(letters(PurePath(path).stem), ())
            guid, title = next(iter(found)) if len(found) == 1 else ("", "")
        return LeftFile(path, size, guid, url, title)

    return find(folder, describe)


def _known(database: Path) -> dict[str, set[tuple[str, str]]]:
    """By the letters of the name that a file has by the default template: the guids and titles of episodes."""
    found = defaultdict[str, set[tuple[str, str]]](set)
    for guid, title, published in rows(database, _QUERY):
        if text(guid) and text(title) and text(published):
            found[letters(text(published)[:_DATE] + text(title))].add((text(guid), text(title)))
    return found
