"""What podcast-dl (12.1) leaves: files by a template, whose default is ``20240302-Title``, with the date in local time;
and ``.meta.json`` beside each if it was told so. Its list of what it downloaded (``--archive``) does not tell which
file is which episode."""

from pathlib import Path, PurePath

from podcrawler.exceptions import ImportFolderError
from podcrawler.library.leavings import Beside, Leavings, LeftFile, find, text

_SLACK = 1


def read(folder: Path, database: Path | None) -> Leavings:
    """What is in a folder. Raises ImportFolderError."""
    if database:
        raise ImportFolderError("podcast-dl keeps no database; leave out --database.")

    def describe(path: str, size: int, beside: Beside) -> LeftFile:
        told = beside(f"{PurePath(path).stem}.meta.json")
        enclosure = told.get("enclosure")
        url = text(enclosure.get("url")) if isinstance(enclosure, dict) else ""
        return LeftFile(path, size, text(told.get("guid")), url, text(told.get("title")))

    return find(folder, describe, slack=_SLACK)
