"""What a node does when its disk is full: it leases nothing until there is room again."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from podcrawler.exceptions import DiskFullError
from podcrawler.store.fs import free_bytes
from podcrawler.tasks import keep_running

logger = logging.getLogger(__name__)

#: Seconds between two looks at a full disk.
_LOOK_INTERVAL = 2.0
#: The shortest pause in seconds, at first and at most. Where a quota or the inodes are used up, the free bytes do not
#: show it, and only trying does.
_FIRST_PAUSE, _MAX_PAUSE = 1.0, 60.0


class DiskFullBackoff:
    """Pauses a node while its disk is full."""

    def __init__(self, pause: Callable[[str], None], resume: Callable[[], None], min_free: int) -> None:
        """``pause`` is called with the reason, and ``resume`` when there is room again."""
        self._pause = pause
        self._resume = resume
        self._min_free = min_free
        self._needed = 0
        self._seconds = _FIRST_PAUSE
        self._waiting: asyncio.Task[None] | None = None

    def start(self, error: DiskFullError) -> None:
        """Pause the node until what the error needs is free."""
        self._needed = max(self._needed, self._min_free, error.needed)
        if self._waiting is None:
            logger.warning("This node takes nothing up for now: %s", error)
            self._pause(str(error))
            self._waiting = keep_running("the wait for room on the disk", partial(self._wait, error.folder))

    def note_success(self) -> None:
        """A file was published: the next pause is a short one."""
        self._seconds = _FIRST_PAUSE

    def close(self) -> None:
        """Stop waiting: the node stops."""
        if self._waiting:
            self._waiting.cancel()

    async def _wait(self, folder: Path) -> None:
        await asyncio.sleep(self._seconds)
        self._seconds = min(2 * self._seconds, _MAX_PAUSE)
        while not await asyncio.to_thread(_has_room, folder, self._needed):
            await asyncio.sleep(_LOOK_INTERVAL)
        self._needed = 0
        self._waiting = None
        logger.warning("There is room on the disk of %s again: this node goes on.", folder)
        self._resume()


def _has_room(folder: Path, needed: int) -> bool:
    # Whoever frees space may remove the folder.
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    with suppress(OSError):
        return free_bytes(existing) >= needed
    return False
