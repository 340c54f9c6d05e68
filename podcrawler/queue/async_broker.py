"""The node's way to Redis: every call off the event loop, patient while Redis is away, ends of leases many in one call.

Nothing that this node does waits for Redis but what needs the answer: a restart of Redis, or a break of the network,
costs time and nothing else.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from redis.exceptions import RedisError, ResponseError

from podcrawler.exceptions import RedisError as UnusableRedisError
from podcrawler.queue.acks import Ack
from podcrawler.queue.broker import Broker

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Seconds between two tries to reach a Redis that is away, at first and at most.
_FIRST_RECONNECT, _LAST_RECONNECT = 0.1, 2.0
#: How the answers of a Redis begin that may answer otherwise in a while (full, read-only, busy, failing over).
_PASSING = (
    "OOM",
    "command not allowed when used memory",
    "MISCONF",
    "READONLY",
    "You can't write against a read only",
    "BUSY",
    "LOADING",
    "MASTERDOWN",
    "NOREPLICAS",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "UNBLOCKED",
)
#: Calls of Redis under way at once, so that one that waits does not hold up the others: leases are asked for while
#: others end, and a third is left for all else.
_THREADS = 3
#: Seconds from one call with ends of leases to the next, so that those of many small files go together.
_BETWEEN_ENDINGS = 0.02
#: Ends of leases in one call: some milliseconds of Redis's time.
_MOST_ENDINGS = 100


class AsyncBroker:
    """Takes the calls of one node to its queue."""

    def __init__(self, queue: Broker) -> None:
        self._queue = queue
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="redis")
        self._waiting: list[tuple[Ack[Any], asyncio.Future[Any]]] = []
        self._batch: list[tuple[Ack[Any], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None
        self._sent_at = 0.0
        self._retrying_stopped = False
        self._away_since: float | None = None

    async def call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call ``function`` in a thread, again and again while Redis is away.

        Raises our RedisError if Redis refuses what it is asked, and redis-py's at once after ``stop_retrying``."""
        pause = _FIRST_RECONNECT
        while True:
            loop = asyncio.get_running_loop()
            try:
                answer = await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))
            except RedisError as error:
                if self._retrying_stopped:
                    raise
                if isinstance(error, ResponseError) and not str(error).startswith(_PASSING):
                    raise UnusableRedisError(f"Redis refuses what it is asked ({error}); see its own log.") from error
                self._note_away(error)
            else:
                self._note_back()
                return answer
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_RECONNECT)

    async def end(self, ending: Ack[_T]) -> _T:
        """End a lease, together with those that end at about the same time. Raises as ``call``."""
        told: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._waiting.append((ending, told))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send())
        return await told

    @property
    def unsent(self) -> list[Ack[Any]]:
        """The ends of leases that Redis may not have heard of yet."""
        return [ending for ending, _ in self._batch + self._waiting]

    def stop_retrying(self) -> None:
        """Try each call but once from now on: the node stops, and what cannot be told runs out by itself."""
        self._retrying_stopped = True

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    async def _send(self) -> None:
        while self._waiting:
            if not self._retrying_stopped:
                await asyncio.sleep(self._sent_at + _BETWEEN_ENDINGS - time.monotonic())
            self._sent_at = time.monotonic()
            batch, self._waiting = self._waiting[:_MOST_ENDINGS], self._waiting[_MOST_ENDINGS:]
            self._batch = batch
            try:
                outcomes = await self.call(self._queue.acknowledge, [ending for ending, _ in batch])
            except (RedisError, UnusableRedisError) as error:
                for _, told in batch:
                    if not told.done():
                        told.set_exception(error)
            else:
                for (_, told), outcome in zip(batch, outcomes, strict=True):
                    if not told.done():
                        told.set_result(outcome)
            self._batch = []

    def _note_away(self, error: RedisError) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            logger.warning(
                "Redis does not answer (%s): this node keeps what it holds, goes on, and asks until Redis is back.",
                error,
            )

    def _note_back(self) -> None:
        if self._away_since is not None:
            logger.warning("Redis answers again, after %.1f s.", time.monotonic() - self._away_since)
            self._away_since = None
