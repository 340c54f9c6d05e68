"""The files of a podcast that turned out to be another one move into the other's folder."""

from pathlib import Path
from typing import NamedTuple

from podcrawler.store import names
from podcrawler.store.fs import link, sync_folder
from podcrawler.store.fs_errors import disk_error, names_in


class Moved(NamedTuple):
    """What became of the files in a folder."""

    moved: int
    #: Of episodes that the other folder has a file of.
    left: int


def move_files(source: Path, target: Path) -> Moved:
    """Move the files in one folder of a store to another, but for those of episodes that have one there. No file is
    replaced, and each has one of both names at any moment. Blocking. Raises MediaError."""
    found = [name for name in names_in(source) if (source / name).is_file()]
    taken = set(map(_episode, names_in(target)))
    # A file that an interrupted move has left under both names has yet to lose the first one.
    free = [name for name in found if _episode(name) not in taken or _is_linked(source, target, name)]
    try:
        if free:
            target.mkdir(exist_ok=True)
        for name in free:
            link(source / name, target / name)
        if free:
            sync_folder(target)
        for name in free:
            (source / name).unlink(missing_ok=True)
        if found and len(free) == len(found) and not names_in(source):
            source.rmdir()
            sync_folder(source.parent)
    except OSError as error:
        raise disk_error(target, error) from error
    parts = sum(name.endswith(names.PART_SUFFIX) for name in free)
    return Moved(len(free) - parts, len(found) - len(free))


def _episode(name: str) -> str:
    """The id of a file's episode, alike in upper and lower case, which some disks do not distinguish."""
    return name.partition(".")[0].casefold()


def _is_linked(source: Path, target: Path, name: str) -> bool:
    return (target / name).exists() and (source / name).samefile(target / name)
