"""Batches: sends items together, for a receiver to whom a message about many costs hardly more than one about each.

While one batch is under way, the items for the next one collect. Each caller gets a future of the result of its item.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Entries, keys or fields in one call of Redis: some 20 ms of its time, for which all others wait.
REDIS_BATCH = 500


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of ``size``, the last one of fewer."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


class Batcher(Generic[T, R]):
    """Collects the items of many callers, and sends one batch at a time in the order of submission."""

    def __init__(
        self, send: Callable[[list[T]], Awaitable[Sequence[R]]], *, max_size: int, interval: float = 0.0
    ) -> None:
        """``send`` is called with 1 to ``max_size`` items, at least ``interval`` seconds after its last call, and
        returns a result for each, in the same order."""
        self._send = send
        self._max_size = max_size
        self._interval = interval
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._under_way: list[tuple[T, asyncio.Future[R]]] = []
        self._sender: asyncio.Task[None] | None = None
        self._sent_at = 0.0

    def submit(self, item: T) -> asyncio.Future[R]:
        """Send the item in one of the next batches. The future gets the item's result, or the error that ``send``
        raised for that batch. An item whose future is cancelled is sent all the same."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, result))
        if self._sender is None or self._sender.done():
            self._sender = loop.create_task(self._send_all())
        return result

    @property
    def unsent(self) -> list[T]:
        """The items without a result yet, in order: the receiver may or may not have got the first of them."""
        return [item for item, _ in self._under_way + self._waiting]

    async def drain(self) -> None:
        """Wait until every item submitted so far has its result."""
        if self._sender:
            await self._sender

    async def _send_all(self) -> None:
        while self._waiting:
            if (wait := self._sent_at + self._interval - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            self._sent_at = time.monotonic()
            self._under_way, self._waiting = self._waiting[: self._max_size], self._waiting[self._max_size :]
            await self._send_one(self._under_way)
            self._under_way = []

    async def _send_one(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        pairs: list[tuple[asyncio.Future[R], R]] = []
        try:
            results = await self._send([item for item, _ in batch])
            pairs = [(future, result) for (_, future), result in zip(batch, results, strict=True)]
        # Whatever it is, it is the callers' to handle, and none of them may be left waiting.
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        for future, result in pairs:
            # The caller may have been cancelled meanwhile.
            if not future.done():
                future.set_result(result)
