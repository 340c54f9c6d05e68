"""What a node does when its store is full, or cannot be written to: it leases nothing until it can work again."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from podcrawler.exceptions import DiskFullError, EntryError, StoreAwayError, StoreError
from podcrawler.queue.node import Node
from podcrawler.store.base import Store
from podcrawler.store.fs import free_bytes
from podcrawler.tasks import keep_running

logger = logging.getLogger(__name__)

#: Seconds between two looks at the store.
_LOOK_INTERVAL = 2.0
#: The shortest pause in seconds, at first and at most. Where a quota or the inodes are used up, the free bytes do not
#: show it, and only trying does.
_FIRST_PAUSE, _MAX_PAUSE = 1.0, 60.0


class StoreBackoff:
    """Pauses a node while its store is full or away."""

    def __init__(self, node: Callable[[], Node], min_free: int, store: Store) -> None:
        """``min_free`` bytes of the disk stay free."""
        self._node = node
        self._min_free = min_free
        self._store = store
        self._needed = 0
        self._seconds = _FIRST_PAUSE
        self._waiting: asyncio.Task[None] | None = None

    async def weigh(self, error: EntryError) -> EntryError:
        """Pause the node if the error is not that of one episode, until it is over. Returns the error that counts."""
        if error.kind == "disk-error" and (problem := await asyncio.to_thread(self._problem)):
            error = StoreAwayError(problem)
            self._start(error, self._is_back, "The store can be written to again")
        elif isinstance(error, DiskFullError):
            self._needed = max(self._needed, self._min_free, error.needed)
            over = f"There is room on the disk of {error.folder} again"
            self._start(error, partial(self._has_room, error.folder), over)
        return error

    def note_success(self) -> None:
        """A file was published: the next pause is a short one."""
        self._seconds = _FIRST_PAUSE

    def close(self) -> None:
        """Stop waiting: the node stops."""
        if self._waiting:
            self._waiting.cancel()

    def _start(self, error: EntryError, is_over: Callable[[], bool], over: str) -> None:
        if self._waiting is None:
            logger.warning("This node takes nothing up for now: %s", error)
            self._node().pause(str(error))
            self._waiting = keep_running("the wait for the store", partial(self._wait, is_over, over))

    async def _wait(self, is_over: Callable[[], bool], over: str) -> None:
        await asyncio.sleep(self._seconds)
        self._seconds = min(2 * self._seconds, _MAX_PAUSE)
        while not await asyncio.to_thread(is_over):
            await asyncio.sleep(_LOOK_INTERVAL)
        self._needed = 0
        self._waiting = None
        logger.warning("%s: this node goes on.", over)
        self._node().resume()

    def _problem(self) -> str:
        """Why nothing can be written to the store, whatever the episode; empty if something can. Blocking."""
        try:
            self._store.check(again=True)
        except StoreError as error:
            return str(error)
        return ""

    def _is_back(self) -> bool:
        return not self._problem()

    def _has_room(self, folder: Path) -> bool:
        # Whoever frees space may remove the folder.
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        with suppress(OSError):
            return free_bytes(existing) >= self._needed
        return False
