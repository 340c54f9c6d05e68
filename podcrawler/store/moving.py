"""The files of a podcast that turned out to be another one move into the other's folder, with what tells of them."""

import json
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from podcrawler.store import names
from podcrawler.store.beside import is_beside, stems_in
from podcrawler.store.fs import Folder, open_folder
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.journal import EVENTS, MANIFEST, append, correct_manifest, put, read_manifest
from podcrawler.store.sidecar import PODCAST_NAME, is_about, is_cover, of_file, sidecar_name
from podcrawler.store.visits import move_visits


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
            found = [name for name in old.names() if old.found_file(name)]
            stems = stems_in(found)
            present = set(found)
            about = {name for name in found if is_about(name) or is_beside(name, stems) or of_file(name) in present}
            files = [name for name in found if name not in about]
            moved = _move(old, new, files, about, target.name)
            if len(moved) == len(files):
                _leave(old, new)
            is_empty = not old.names()
        if is_empty:
            source.rmdir()
            move_visits(source.parent, source.name, target.name)
    except FileNotFoundError:
        return Moved(0, 0)
    except OSError as error:
        raise disk_error(target, error) from error
    return Moved(sum(not name.endswith(names.PART_SUFFIX) for name in moved), len(files) - len(moved))


def _move(old: Folder, new: Folder, files: Collection[str], about: Collection[str], podcast_id: str) -> list[str]:
    """The names of the files that moved. ``about`` are those of what tells of them, ``podcast_id`` is that of the
    podcast whose they become."""
    taken = {_episode(name) for name in new.names() if not is_about(name)}
    moved = []
    for name in files:
        file = old.open_file(name)
        try:
            # A file that an interrupted move has left under both names has yet to lose the first one.
            if _episode(name) not in taken or new.has(name, file):
                old.link(name, file, new, name)
                moved.append(name)
        finally:
            os.close(file)
    beside = _move_beside(old, new, stems_in(moved), about)
    described = [sidecar for sidecar in map(sidecar_name, moved) if sidecar in about]
    for sidecar in described:
        with old.read(sidecar) as opened:
            put(new, sidecar, _of_podcast(opened.read(), podcast_id))
    digests = read_manifest(old)
    correct_manifest(new, {name: digests[name] for name in (*moved, *beside) if name in digests})
    new.sync()
    correct_manifest(old, dict.fromkeys((*moved, *beside)))
    # The files last: if this is interrupted, the next move finds them.
    for name in (*beside, *described, *moved):
        old.remove(name)
    old.sync()
    return moved


def _move_beside(old: Folder, new: Folder, stems: Collection[str], about: Collection[str]) -> list[str]:
    """Give the files beside media files that have moved their names in the other folder; those that have them there."""
    moved = []
    for name in about:
        if is_beside(name, stems) and not is_about(name):
            with old.read(name) as opened, suppress(FileExistsError):
                old.link(name, opened.fileno(), new, name)
                moved.append(name)
    return moved


def _of_podcast(sidecar: bytes, podcast_id: str) -> bytes:
    """The sidecar of a file that is the other podcast's now; as it is if it cannot be read."""
    try:
        told = json.loads(sidecar)
        told["episode"]["podcast_id"] = podcast_id
    except (ValueError, TypeError, KeyError):
        return sidecar
    return json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n"


def _leave(old: Folder, new: Folder) -> None:
    """Leave nothing in a folder that has no file any more: its events become the other's."""
    with suppress(FileNotFoundError), old.read(EVENTS) as events:
        append(new, EVENTS, events.read())
    covers = [name for name in old.names() if is_about(name) and is_cover(name.partition(".old")[0])]
    for name in (EVENTS, MANIFEST, PODCAST_NAME, *covers):
        old.remove(name)
    old.sync()


def _episode(name: str) -> str:
    """The id of a file's episode, alike in upper and lower case, which some disks do not distinguish."""
    return name.partition(".")[0].casefold()
