"""What a node does without room on its disk: nothing, until there is room again."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from podcrawler.exceptions import DiskFullError
from podcrawler.store.fs import free_bytes

logger = logging.getLogger(__name__)

#: Seconds between two looks at a full disk.
_LOOK_EVERY = 2.0
#: Seconds that a node pauses at least, the first time and at most: where a quota or the number of files is used up,
#: the free bytes do not tell, and only trying does.
_FIRST_PAUSE, _LAST_PAUSE = 1.0, 60.0


class DiskFullBackoff:
    """Has a node hold off while its disk is full."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None], min_free: int) -> None:
        self._hold_off = pause
        self._resume = resume
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
        self._resume()


def _has_room(folder: Path, needed: int) -> bool:
    # Whoever makes room may remove the folder.
    there = next(place for place in (folder, *folder.parents) if place.exists())
    with suppress(OSError):
        return free_bytes(there) >= needed
    return False
