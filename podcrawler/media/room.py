"""Whether the disk has room: asked before a transfer, when its length is known, and again and again while it grows.

And what a node does without it: nothing, until there is room again.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from podcrawler.exceptions import DiskFullError
from podcrawler.media.disk import disk_error
from podcrawler.media.files import free_bytes
from podcrawler.media.part import PartFile

logger = logging.getLogger(__name__)

#: Seconds for which a look at the disk is good where there were so many bytes more than needed: no disk fills faster.
_FRESH, _PLENTY = 0.5, 4 * 1024 * 1024 * 1024
#: Seconds between two looks at a full disk.
_LOOK_EVERY = 2.0
#: Seconds that a node holds off at least, the first time and at most: where a quota or the number of files is used up,
#: the free bytes do not tell, and only trying does.
_FIRST_PAUSE, _LAST_PAUSE = 1.0, 60.0


class _Found(NamedTuple):
    #: Bytes.
    free: int
    #: When to look again.
    until: float


class Room:
    """What one node may take of the disk: all but ``min_free`` bytes."""

    def __init__(self, min_free: int) -> None:
        self._min_free = min_free
        #: The transfers that take room, because what they announced is still to come.
        self._parts: set[PartFile] = set()
        #: By folder.
        self._free: dict[str, _Found] = {}

    def claim(self, part: PartFile) -> None:
        """Count in what is still to come of the part, until ``let_go``, and have it look for room as it grows."""
        self._parts.add(part)
        part.room = self

    def let_go(self, part: PartFile) -> None:
        self._parts.discard(part)

    def needed(self, part: PartFile) -> int:
        """The bytes that must be free, counting in what other transfers announced and what shall stay free."""
        others = sum(_to_come(other) for other in self._parts.copy() if other is not part)
        return self._min_free + (part.received if part.in_memory else 0) + _to_come(part) + others

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


class RoomWatch:
    """Has a node hold off while its disk is full."""

    def __init__(self, hold_off: Callable[[], None], go_on: Callable[[], None], min_free: int) -> None:
        self._hold_off = hold_off
        self._go_on = go_on
        self._min_free = min_free
        #: Why the node holds off; empty while it does not.
        self.reason = ""
        self._needed = 0
        self._pause = _FIRST_PAUSE
        self._waiting: asyncio.Task[None] | None = None

    def wait(self, error: DiskFullError) -> None:
        """Hold off until what the error tells of may work."""
        self._needed = max(self._needed, self._min_free, error.needed)
        if self._waiting is None:
            self.reason = str(error)
            logger.warning("This node takes nothing up for now: %s", error)
            self._hold_off()
            self._waiting = asyncio.get_running_loop().create_task(self._wait(error.folder))

    def note_success(self) -> None:
        """A file found its room."""
        self._pause = _FIRST_PAUSE

    def close(self) -> None:
        """Wait no longer: the node stops."""
        if self._waiting:
            self._waiting.cancel()

    async def _wait(self, folder: Path) -> None:
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, _LAST_PAUSE)
        while not await asyncio.to_thread(_has_room, folder, self._needed):
            await asyncio.sleep(_LOOK_EVERY)
        self._needed = 0
        self.reason = ""
        self._waiting = None
        logger.warning("There is room on the disk of %s again: this node goes on.", folder)
        self._go_on()


def _has_room(folder: Path, needed: int) -> bool:
    # Whoever makes room may remove the folder.
    there = next(place for place in (folder, *folder.parents) if place.exists())
    with suppress(OSError):
        return free_bytes(there) >= needed
    return False


def _to_come(part: PartFile) -> int:
    return 0 if part.expected is None else max(0, part.expected - part.received)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
