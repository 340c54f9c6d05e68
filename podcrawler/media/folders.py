"""Which episodes may have files in a podcast's folder, so that a folder of a hundred thousand is not listed for each.

A folder is listed once. From then on only what this process adds is known, and that is enough for an episode that
nobody has worked on before; for any other the store is told to look anew (``Store.refresh``).
"""

import os
from array import array
from bisect import bisect_left
from pathlib import Path
from threading import Lock

from podcrawler.media.disk import disk_error

#: Folders that are known at once. The one that was listed first goes, and is listed again if need be.
_MOST_FOLDERS = 1000


class KnownEpisodes:
    """May say yes where there is nothing, never no where there was something at the last look. For any thread."""

    def __init__(self) -> None:
        #: By folder, the marks of its episodes in order: 4 bytes for each, where a set of ints takes up to 150.
        self._known: dict[Path, array[int]] = {}
        #: Held for moments only.
        self._lock = Lock()
        #: Held while a folder is listed.
        self._listing = Lock()
        #: What was added since a list was begun, which may not have it.
        self._added: list[tuple[Path, int]] = []

    def may_have(self, folder: Path, episode_id: str) -> bool:
        """Whether there may be a file of the episode. Does not block."""
        mark = _mark(episode_id)
        with self._lock:
            known = self._known.get(folder)
            return known is None or _place(known, mark)[1]

    def look(self, folder: Path) -> None:
        """List the folder, unless that was done. Blocking. Raises MediaError if it cannot be listed."""
        with self._listing:
            if folder in self._known:
                return
            with self._lock:
                self._added.clear()
            listed = _listed(folder)
            with self._lock:
                self._known[folder] = listed
                for added_in, mark in self._added:
                    self._insert(added_in, mark)
                if len(self._known) > _MOST_FOLDERS:
                    del self._known[next(iter(self._known))]

    def add(self, folder: Path, episode_id: str) -> None:
        """There is a file of the episode now. Does not block."""
        mark = _mark(episode_id)
        with self._lock:
            self._insert(folder, mark)
            if self._listing.locked():
                self._added.append((folder, mark))

    def forget(self, folder: Path) -> None:
        """Look anew the next time. Blocks while a folder is listed."""
        with self._listing, self._lock:
            self._known.pop(folder, None)

    def _insert(self, folder: Path, mark: int) -> None:
        if (known := self._known.get(folder)) is not None:
            place, there = _place(known, mark)
            if not there:
                known.insert(place, mark)


def _listed(folder: Path) -> "array[int]":
    try:
        # A Path for each name would take longer than all the rest.
        names = os.listdir(folder)  # noqa: PTH208
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise disk_error(folder, error) from error
    return array("I", sorted({_mark(name.partition(".")[0]) for name in names}))


def _mark(episode_id: str) -> int:
    """32 bits of the hash of an id without its case, because some disks do not tell cases apart. Two ids of one mark
    cost a look, and even of a hundred thousand only some two ids in a hundred thousand meet one."""
    return hash(episode_id.casefold()) & 0xFFFFFFFF


def _place(marks: "array[int]", mark: int) -> tuple[int, bool]:
    """Where a mark belongs, and whether it is there."""
    place = bisect_left(marks, mark)
    return place, place < len(marks) and marks[place] == mark
