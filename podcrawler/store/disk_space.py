"""The disk space that a node may use: checked before a transfer, when its length is known, and again as it grows."""

import time
from pathlib import Path
from typing import NamedTuple, Protocol

from podcrawler.exceptions import DiskFullError
from podcrawler.store.fs import free_bytes
from podcrawler.store.fs_errors import disk_error

#: Seconds for which a look at the disk stays valid when it found this many bytes more than needed: no disk fills
#: faster.
_FRESH, _PLENTY = 0.5, 4 * 1024 * 1024 * 1024


class Growing(Protocol):
    """A file that takes up space: what it has, and how long it will be."""

    @property
    def path(self) -> Path: ...
    @property
    def is_buffered(self) -> bool:
        """Whether none of the bytes received is on the disk yet."""

    @property
    def received(self) -> int: ...
    @property
    def expected(self) -> int | None: ...


class _Look(NamedTuple):
    #: Bytes.
    free: int
    #: When to look again.
    until: float


class DiskBudget:
    """What one node may use of the disk of its store: all but ``min_free`` bytes."""

    def __init__(self, min_free: int) -> None:
        self._min_free = min_free
        #: The files whose announced bytes are still to come.
        self._growing: set[Growing] = set()
        #: By folder.
        self._looks: dict[Path, _Look] = {}

    def reserve(self, file: Growing) -> None:
        """Count the bytes that the file still expects, until ``release``."""
        self._growing.add(file)

    def release(self, file: Growing) -> None:
        self._growing.discard(file)

    def needed(self, file: Growing) -> int:
        """The bytes that must be free for the file: its own, what other files still expect, and ``min_free``."""
        others = sum(_to_come(other) for other in self._growing.copy() if other is not file)
        return self._min_free + (file.received if file.is_buffered else 0) + _to_come(file) + others

    def check(self, file: Growing) -> None:
        """Raise DiskFullError if the file, and all that other files still expect, do not fit. Blocking."""
        needed = self.needed(file)
        folder = file.path.parent
        look = self._looks.get(folder)
        if look and time.monotonic() < look.until and look.free > needed + _PLENTY:
            return
        try:
            free = free_bytes(folder)
        except OSError as error:
            raise disk_error(folder, error) from error
        self._looks[folder] = _Look(free, time.monotonic() + _FRESH)
        if free < needed:
            raise DiskFullError(
                folder,
                f"The disk of {folder} has no room: {_mb(free)} are free, {_mb(needed - self._min_free)} are to come, "
                f"and {_mb(self._min_free)} shall stay free (PODCRAWLER_MIN_FREE); free some space and podcrawler goes "
                "on by itself.",
                needed=self._min_free + _to_come(file),
            )


def _to_come(file: Growing) -> int:
    return 0 if file.expected is None else max(0, file.expected - file.received)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
