"""Whether the disk has room: asked before a transfer, when its length is known, and again and again while it grows."""

import os
from pathlib import Path

from podcrawler.exceptions import DiskFullError
from podcrawler.media.part import PartFile, disk_error


class Room:
    """What one node may take of the disk: all but ``min_free`` bytes."""

    def __init__(self, min_free: int) -> None:
        self._min_free = min_free
        #: The transfers that take room, because what they announced is still to come.
        self._parts: set[PartFile] = set()

    def claim(self, part: PartFile) -> None:
        """Count in what is still to come of the part, until ``let_go``."""
        self._parts.add(part)

    def let_go(self, part: PartFile) -> None:
        self._parts.discard(part)

    def check(self, part: PartFile) -> None:
        """Raise DiskFullError if the part, and all that other transfers announced, do not fit. Blocking."""
        own = _to_come(part)
        others = sum(_to_come(other) for other in self._parts.copy() if other is not part)
        folder = part.path.parent
        try:
            free = free_bytes(folder)
        except OSError as error:
            raise disk_error(folder, error) from error
        if free - own - others < self._min_free:
            raise DiskFullError(
                folder,
                f"The disk of {folder} has no room: {_mb(free)} are free, {_mb(own + others)} are to come, and "
                f"{_mb(self._min_free)} shall stay free (PODCRAWLER_MIN_FREE); free some space and podcrawler goes on "
                "by itself.",
                needed=self._min_free + own,
            )


def free_bytes(folder: Path) -> int:
    """What this user may still write in the folder. Blocking. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _to_come(part: PartFile) -> int:
    return 0 if part.expected is None else max(0, part.expected - part.received)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
