"""What another program left of podcasts in a folder, as values, and how its files are read: anybody may have written
them.

Each module from_<program>.py tells where its program keeps what it knows of a file.
"""

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any, Literal

from podcrawler.exceptions import ImportFolderError
from podcrawler.library.importing import open_top
from podcrawler.store import identity, names
from podcrawler.store.fs import open_file
from podcrawler.store.sidecar import PODCAST_NAME

#: Whose archives are known.
PROGRAMS = ("podcast-archiver", "podcast-dl", "gpodder")
#: Bytes of a file of JSON, and of a database, that are read.
_MOST_JSON, _MOST_DATABASE = 4 * 2**20, 2**30
#: Steps of SQLite's machine between two looks, and how many of those a query may take: some seconds.
_STEPS, _LOOKS = 100_000, 1_000
_MOST_ROWS = 1_000_000
_SQLITE = b"SQLite format 3\0"
#: Of files that are not complete yet.
_PARTS = (".part", ".partial", ".tmp", ".crdownload")

Refusal = Literal["part", "empty"]
#: Reads the file of JSON with this name beside a media file: its fields; none if there is no such file.
Beside = Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A media file, and what the records of the program tell of it; empty for what they do not tell."""

    #: Relative to the folder.
    path: str
    #: Bytes.
    size: int
    guid: str = ""
    #: Of the enclosure.
    url: str = ""
    title: str = ""
    #: Of its feed.
    feed: str = ""
    #: Bytes that the program has written.
    written: int | None = None

    @property
    def stem(self) -> str:
        """Its name without folders and extension."""
        return PurePath(self.path).stem


@dataclass(frozen=True, slots=True)
class NoFile:
    """What is not taken for a media file."""

    path: str
    why: Refusal


@dataclass(frozen=True, slots=True)
class Leavings:
    """All that a program left."""

    files: Sequence[LeftFile]
    refused: Sequence[NoFile] = ()
    #: Days by which the dates in names may differ from those of the feed: names in local time.
    slack: int = 0

    @property
    def feeds(self) -> list[str]:
        """The addresses that the program knows of the feeds of these files."""
        return list(dict.fromkeys(file.feed for file in self.files if file.feed))


def read(program: str, folder: Path, database: Path | None) -> Leavings:
    """What one of PROGRAMS left in a folder. ``database``: where it is, if not where it is looked for. Raises
    ImportFolderError."""
    found: Leavings = import_module(f"podcrawler.library.from_{program.replace('-', '_')}").read(folder, database)
    return found


def find(folder: Path, describe: Callable[[str, int, Beside], LeftFile], *, slack: int = 0) -> Leavings:
    """The media files in a folder and below, by name. Hidden folders, links, and folders that are podcrawler's own are
    passed by. ``describe`` makes the value of a file of its path, its bytes and what is beside it. Raises
    ImportFolderError."""
    found = list(_walk(folder, describe))
    files = [one for one in found if isinstance(one, LeftFile)]
    return Leavings(files, [one for one in found if isinstance(one, NoFile)], slack)


def text(value: Any) -> str:
    """What a record has as a text; empty if it has none."""
    return value.strip() if isinstance(value, str) else ""


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in a database of SQLite, which is not changed, nor anything beside it. Values are of any type.
    Raises ImportFolderError."""
    try:
        with open(open_file(database), "rb") as file:  # noqa: PTH123
            content = file.read(_MOST_DATABASE + 1)
    except OSError as error:
        raise ImportFolderError(f"{database} cannot be read ({error.strerror}); name the right file.") from None
    if not content.startswith(_SQLITE) or len(content) > _MOST_DATABASE:
        raise ImportFolderError(f"{database} is no database of SQLite, or too large; name the right file.")
    looks = iter(range(_LOOKS))
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            # Without a write-ahead log, which one in memory cannot have (file format, §1.3.3).
            connection.deserialize(content[:18] + b"\1\1" + content[20:])
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.text_factory = partial(str, encoding="utf-8", errors="replace")
            # What looks like a table may be a view that never ends.
            connection.set_progress_handler(lambda: next(looks, -1) < 0, _STEPS)
            return connection.execute(query).fetchmany(_MOST_ROWS)
    # What SQLite says of it may have names that are no text.
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise ImportFolderError(
            f"{database} is not a database that this program is known to keep ({error}); name the right file."
        ) from None


def _walk(folder: Path, describe: Callable[[str, int, Beside], LeftFile]) -> Iterator[LeftFile | NoFile]:
    with open_top(folder) as top:
        for parent, folders, found, opened in os.fwalk(".", dir_fd=top.fd):
            if PODCAST_NAME in found or (identity.NAME in found and parent != "."):
                folders.clear()
                continue
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(found):
                path = str(PurePath(parent, name))
                if name.lower().endswith(_PARTS):
                    yield NoFile(path, "part")
                elif names.is_media_extension(name.rpartition(".")[2]):
                    size = _size(name, opened)
                    yield describe(path, size, partial(_read_json, opened)) if size else NoFile(path, "empty")


def _size(name: str, folder: int) -> int:
    """The bytes of a file; 0 for what is none."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _read_json(folder: int, name: str) -> dict[str, Any]:
    try:
        with open(open_file(name, folder=folder), "rb") as file:  # noqa: PTH123
            found = json.loads(file.read(_MOST_JSON))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
