"""Whether the disk has room: asked before a transfer, when its length is known, and again and again while it grows."""

import os
import time
from pathlib import Path
from typing import NamedTuple

from podcrawler.exceptions import DiskFullError
from podcrawler.store.fs import free_bytes
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.part import PartFile

#: Seconds for which a look at the disk is good where there were so many bytes more than needed: no disk fills faster.
_FRESH, _PLENTY = 0.5, 4 * 1024 * 1024 * 1024


class _Found(NamedTuple):
    #: Bytes.
    free: int
    #: When to look again.
    until: float


class DiskBudget:
    """What one node may take of the disk: all but ``min_free`` bytes."""

    def __init__(self, min_free: int) -> None:
        self._min_free = min_free
        #: The transfers that take room, because what they announced is still to come.
        self._parts: set[PartFile] = set()
        #: By folder.
        self._free: dict[str, _Found] = {}

    def reserve(self, part: PartFile) -> None:
        """Count in what is still to come of the part, until ``release``, and have it look for room as it grows."""
        self._parts.add(part)
        part.room = self

    def release(self, part: PartFile) -> None:
        self._parts.discard(part)

    def needed(self, part: PartFile) -> int:
        """The bytes that must be free, counting in what other transfers announced and what shall stay free."""
        others = sum(_to_come(other) for other in self._parts.copy() if other is not part)
        return self._min_free + (part.received if part.is_buffered else 0) + _to_come(part) + others

    def check(self, part: PartFile) -> None:
        """Raise DiskFullError if the part, and all that other transfers announced, do not fit. Blocking."""
        needed = self.needed(part)
        folder = os.path.dirname(part.location)  # noqa: PTH120  # a Path: see disk.file_in
        found = self._free.get(folder)
        if found and time.monotonic() < found.until and found.free > needed + _PLENTY:
            return
        try:
            free = free_bytes(folder)
        except OSError as error:
            raise disk_error(Path(folder), error) from error
        self._free[folder] = _Found(free, time.monotonic() + _FRESH)
        if free < needed:
            raise DiskFullError(
                Path(folder),
                f"The disk of {folder} has no room: {_mb(free)} are free, {_mb(needed - self._min_free)} are to come, "
                f"and {_mb(self._min_free)} shall stay free (PODCRAWLER_MIN_FREE); free some space and podcrawler goes "
                "on by itself.",
                needed=self._min_free + _to_come(part),
            )


def _to_come(part: PartFile) -> int:
    return 0 if part.expected is None else max(0, part.expected - part.received)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
