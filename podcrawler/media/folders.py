"""Which episodes may have files in a podcast's folder, so that a folder of a hundred thousand is not listed for each.

A folder is listed once. From then on only what this process adds is known, and that is enough for an episode that
nobody has worked on before; for any other the store is told to look anew (``Store.refresh``).
"""

import os
from pathlib import Path
from threading import Lock

from podcrawler.media.disk import disk_error


class KnownEpisodes:
    """May say yes where there is nothing, never no where there was something at the last look. For any thread."""

    def __init__(self) -> None:
        #: By folder, the hashes of ids without their case, because some disks do not tell cases apart.
        self._known: dict[Path, set[int]] = {}
        self._lock = Lock()

    def may_have(self, folder: Path, episode_id: str) -> bool:
        """Whether there may be a file of the episode. Does not block."""
        known = self._known.get(folder)
        return known is None or _mark(episode_id) in known

    def look(self, folder: Path) -> None:
        """List the folder, unless that was done. Blocking. Raises MediaError if it cannot be listed."""
        with self._lock:
            if folder not in self._known:
                self._known[folder] = _listed(folder)

    def add(self, folder: Path, episode_id: str) -> None:
        """There is a file of the episode now. Blocks while a folder is listed."""
        with self._lock:
            if folder in self._known:
                self._known[folder].add(_mark(episode_id))

    def forget(self, folder: Path) -> None:
        """Look anew the next time. Blocks while a folder is listed."""
        with self._lock:
            self._known.pop(folder, None)


def _listed(folder: Path) -> set[int]:
    try:
        # A Path for each name would take longer than all the rest.
        names = os.listdir(folder)  # noqa: PTH208
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise disk_error(folder, error) from error
    return {_mark(name.partition(".")[0]) for name in names}


def _mark(episode_id: str) -> int:
    return hash(episode_id.casefold())
