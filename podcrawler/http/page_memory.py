"""How much memory the pages and feeds of a node take together, from their first bytes until nothing needs them.

A page is held whole until it has been read, and publishers may send many large ones at once. So a page takes room for
its bytes as they come, and while there is none, the rest stays in the network. The page that has waited longest goes on
without room, up to the largest size of a page, so that pages never wait for each other.

Nobody has to give room back: it belongs to the response (``Room.keep_for``), and becomes free with it. Errors may refer
to a response in circles; so while pages wait, the garbage collector is called.
"""

import asyncio
import gc
from collections import deque
from contextlib import suppress
from weakref import WeakKeyDictionary

from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import BaseSettings

from podcrawler.exceptions import FetchError

#: Bytes that pages may take together, at least, including the one that goes on without room.
_ALL = 96 * 1024 * 1024
#: Bytes that each page has from the start, so that small ones never wait; and that it takes at a time.
_STEP = 1024 * 1024
#: Seconds after which a page that waits looks for garbage.
_PAUSE = 1.0


class PageMemory:
    """What the pages of one node may take. For the event loop only."""

    def __init__(self, size: int, patience: float | None) -> None:
        """``size`` is in bytes; a page that has waited for ``patience`` seconds altogether fails."""
        self._free = size
        self.patience = patience
        #: Whether there is a page that goes on without room.
        self._has_first = False
        #: The pages that wait, in their order.
        self._waiting: deque[asyncio.Event] = deque()

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> "PageMemory":
        """Raises ValueError."""
        largest = settings.getint("DOWNLOAD_MAXSIZE")
        return cls(max(_ALL - largest, largest // 2), settings.getfloat("DOWNLOAD_TIMEOUT") or None)

    @classmethod
    def of(cls, crawler: Crawler) -> "PageMemory":
        """The memory of a node: the handlers of http and https share it."""
        if crawler not in _of_crawlers:
            _of_crawlers[crawler] = cls.from_settings(crawler.settings)
        return _of_crawlers[crawler]

    async def take(self, size: int, *, is_first: bool) -> bool:
        """Take ``size`` bytes, once they are free; at once if the page ``is_first``, the one that goes on without room.
        Returns whether it is the first from now on."""
        if not is_first:
            await self._turn(size)
            is_first = size > self._free
            self._has_first |= is_first
        self._free -= size
        return is_first

    def give_back(self, size: int, *, was_first: bool) -> None:
        self._free += size
        if was_first:
            self._has_first = False
        self._wake_next()

    async def _turn(self, size: int) -> None:
        """Wait for those that wait already, and then until ``size`` bytes are free, or no page goes on without room."""
        woken = asyncio.Event()
        self._waiting.append(woken)
        try:
            while self._waiting[0] is not woken or (size > self._free and self._has_first):
                woken.clear()
                try:
                    async with asyncio.timeout(_PAUSE):
                        await woken.wait()
                except TimeoutError:
                    if self._waiting[0] is woken:
                        gc.collect()
        finally:
            self._waiting.remove(woken)
            self._wake_next()

    def _wake_next(self) -> None:
        if self._waiting:
            self._waiting[0].set()


class Room:
    """What one page takes."""

    def __init__(self, memory: PageMemory) -> None:
        self._memory = memory
        self._patience = memory.patience
        self._loop = asyncio.get_running_loop()
        self._taken = 0
        self._is_first = False

    @classmethod
    def of(cls, response: Response) -> "Room | None":
        """The room of a response, if it takes any."""
        return _of_responses.get(response)

    def keep_for(self, response: Response) -> None:
        """Keep the room for as long as this response exists, too."""
        _of_responses[response] = self

    def has(self, size: int) -> bool:
        """Whether there is room for ``size`` bytes."""
        return size <= self._taken + _STEP

    async def grow(self, size: int) -> None:
        """Wait until there is room for ``size`` bytes. Raises FetchError if the page has waited too long."""
        begun = self._loop.time()
        try:
            async with asyncio.timeout(self._patience):
                while not self.has(size):
                    self._is_first = await self._memory.take(_STEP, is_first=self._is_first)
                    self._taken += _STEP
        except TimeoutError:
            raise FetchError(
                "no-room",
                f"It waited {self._memory.patience:g} s for other large pages that this node was reading; it is tried "
                "again later.",
                "local",
            ) from None
        if self._patience is not None:
            self._patience -= self._loop.time() - begun

    def __del__(self) -> None:
        if self._taken:
            # In the loop, because any thread may be the last to need the page. If the loop is closed, no page waits.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_give_back, self._memory, self._taken, self._is_first)


def _give_back(memory: PageMemory, size: int, was_first: bool) -> None:
    memory.give_back(size, was_first=was_first)


_of_crawlers: WeakKeyDictionary[Crawler, PageMemory] = WeakKeyDictionary()
_of_responses: WeakKeyDictionary[Response, Room] = WeakKeyDictionary()
