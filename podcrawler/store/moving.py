"""The files of a podcast that turned out to be another one move into the other's folder."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from podcrawler.store import names
from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.fs_errors import disk_error


class Moved(NamedTuple):
    """What became of the files in a folder."""

    moved: int
    #: Of episodes that the other folder has a file of.
    left: int


def move_files(source: Path, target: Path) -> Moved:
    """Move the files in one folder of a store to another, but for those of episodes that have one there. No file is
    replaced, and each has one of both names at any moment. Blocking. Raises MediaError."""
    try:
        with open_folder(source) as old, open_folder(target, create=True) as new:
            moved, left = _move(old, new)
            is_empty = not old.names()
        if is_empty:
            source.rmdir()
    except FileNotFoundError:
        return Moved(0, 0)
    except OSError as error:
        raise disk_error(target, error) from error
    return Moved(sum(not name.endswith(names.PART_SUFFIX) for name in moved), left)


def _move(old: Folder, new: Folder) -> tuple[list[str], int]:
    """The names of the files that moved, and how many are left."""
    found = [name for name in old.names() if _is_file(old, name)]
    taken = set(map(_episode, new.names()))
    moved = []
    for name in found:
        file = old.open_file(name)
        try:
            # A file that an interrupted move has left under both names has yet to lose the first one.
            if _episode(name) not in taken or new.has(name, file):
                old.link(name, file, new, name)
                moved.append(name)
        finally:
            os.close(file)
    new.sync()
    for name in moved:
        old.remove(name)
    old.sync()
    return moved, len(found) - len(moved)


def _is_file(folder: Folder, name: str) -> bool:
    found = folder.found(name)
    return found is not None and stat.S_ISREG(found.st_mode)


def _episode(name: str) -> str:
    """The id of a file's episode, alike in upper and lower case, which some disks do not distinguish."""
    return name.partition(".")[0].casefold()
