"""The leases that this node holds: taken when there is room, kept alive, and given back, all off the event loop.

A node never holds more leases than it works on at once (``capacity``). While Redis is away, everything here waits
for it, so that a restart of Redis costs time and nothing else.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from redis.exceptions import RedisError, ResponseError

from podcrawler.exceptions import EntryError, PodcrawlerError
from podcrawler.exceptions import RedisError as UnusableRedisError
from podcrawler.queue.entries import Lease
from podcrawler.queue.leases import Grant, Queue

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Seconds between two looks at a queue that has nothing to lease, at first and at most.
_FIRST_POLL, _LAST_POLL = 0.1, 1.0
#: Seconds between two tries to reach a Redis that is away, at first and at most.
_FIRST_RECONNECT, _LAST_RECONNECT = 0.25, 5.0
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
#: Calls of Redis under way at once, so that distance to it costs little.
_THREADS = 4


class LeaseHolder:
    """The hands of one node on one queue."""

    def __init__(
        self,
        queue: Queue,
        capacity: int,
        *,
        on_lost: Callable[[Lease], None],
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """``on_lost`` is told of each lease that another node may have by now: what it is for must stop. When
        ``is_ending``, nothing more is leased."""
        self.queue = queue
        self.in_hand: dict[str, Lease] = {}
        self._capacity = capacity
        self._on_lost = on_lost
        self._is_ending = is_ending
        #: Those of them that `next` has not returned yet.
        self.granted: deque[Lease] = deque()
        self._changed = asyncio.Event()
        self._ending: set[str] = set()
        self._closing = False
        self._keeper: asyncio.Task[None] | None = None
        self._asking: asyncio.Future[Grant] | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="redis")

    def open(self) -> None:
        """Start to keep the leases alive; needs a running event loop."""
        self._keeper = asyncio.get_running_loop().create_task(self._keep_alive())

    async def close(self) -> None:
        """Hand back what is still held."""
        self.stop()
        if self._keeper:
            self._keeper.cancel()
        if self._asking:
            # A question that nobody waits for any more may have been answered all the same.
            with suppress(PodcrawlerError, RedisError):
                self._take(await self._asking)
        if leases := list(self.in_hand.values()):
            try:
                await self.call(self.queue.release, leases)
            except RedisError as error:
                logger.warning("Redis is away (%s): %d leases run out by themselves.", error, len(leases))
        self.in_hand.clear()
        self._threads.shutdown(wait=False)

    def stop(self) -> None:
        """Lease nothing more, and try each call of Redis but once: what cannot be told runs out by itself."""
        self._closing = True
        self._changed.set()

    async def next(self, *, until_done: bool, max_idle: float = 0) -> Lease | None:
        """The next lease, as soon as there is room and an entry; None when ``until_done`` and no entry is open, or
        when this node has held nothing for ``max_idle`` seconds (0: never), or stops."""
        poll = _FIRST_POLL
        idle_since = time.monotonic()
        while not self.granted:
            if self._closing or self._is_ending():
                return None
            self._changed.clear()
            room = self._capacity - len(self.in_hand)
            if room <= 0:
                await self._nap(_LAST_POLL)
                idle_since = time.monotonic()
                continue
            self._asking = asyncio.ensure_future(self.call(self.queue.lease, self.queue.new_tokens(room)))
            grant = await asyncio.shield(self._asking)
            self._asking = None
            self._take(grant)
            if grant.leases:
                continue
            if until_done and grant.open == 0:
                return None
            if self.in_hand:
                idle_since = time.monotonic()
            elif max_idle and time.monotonic() - idle_since >= max_idle:
                logger.info("This node ends: there was nothing to do for %g seconds.", max_idle)
                return None
            await self._nap(min(poll, grant.next_due if grant.next_due is not None else poll))
            poll = min(poll * 2, _LAST_POLL)
        return self.granted.popleft()

    def _take(self, grant: Grant) -> None:
        for lease in grant.leases:
            if before := self.in_hand.get(lease.key):
                # It ran out here, and came back under a new token before anybody noticed.
                self._on_lost(before)
            self.in_hand[lease.key] = lease
            self.granted.append(lease)

    async def finish(self, lease: Lease, *, size: int, path: str) -> bool:
        """Record an episode as finished. False if the lease was lost."""
        return await self._end(lease, lambda: self.queue.finish(lease, size=size, path=path), False)

    async def finish_page(
        self, lease: Lease, result: dict[str, Any], podcast: tuple[str, str], addresses: list[str]
    ) -> bool:
        """Record a list page as visited; as ``Queue.finish_page``."""
        return await self._end(lease, lambda: self.queue.finish_page(lease, result, podcast, addresses), False)

    async def finish_seed(self, lease: Lease) -> bool:
        """End the lease of a seed; as ``Queue.finish_seed``."""
        return await self._end(lease, lambda: self.queue.finish_seed(lease), False)

    async def give_up(self, lease: Lease, error: EntryError) -> str:
        """End the lease in an error: ``delayed``, ``failed`` or ``lost``."""
        end = self.queue.retry if error.passing else self.queue.fail
        return await self._end(lease, lambda: end(lease, error.kind, str(error)), "lost")

    async def release(self, lease: Lease) -> None:
        """Hand the lease back, which costs the entry nothing."""
        await self._end(lease, lambda: self.queue.release([lease]), 0)

    async def still_held(self, lease: Lease) -> bool:
        """Whether nobody else can have the lease by now; asks Redis, and makes it last longer."""
        return lease.token not in await self.call(self.queue.extend, [lease])

    async def call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call ``function`` in a thread, again and again while Redis is away (once, when this node closes)."""
        pause = _FIRST_RECONNECT
        while True:
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))
            except RedisError as error:
                if self._closing:
                    raise
                if isinstance(error, ResponseError) and not str(error).startswith(_PASSING):
                    raise UnusableRedisError(f"Redis refuses what it is asked ({error}); see its own log.") from error
                logger.warning("Redis does not answer (%s); trying again in %.1f s.", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_RECONNECT)

    async def _end(self, lease: Lease, end: Callable[[], _T], unreachable: _T) -> _T:
        """End a lease; ``unreachable`` is the outcome when Redis is away while this node stops."""
        self._ending.add(lease.token)
        try:
            return await self.call(end)
        except RedisError as error:
            logger.warning("Redis is away (%s): the lease on %s runs out by itself.", error, lease.key)
            return unreachable
        finally:
            self._ending.discard(lease.token)
            if self.in_hand.get(lease.key) is lease:
                del self.in_hand[lease.key]
            self._changed.set()

    async def _nap(self, seconds: float) -> None:
        """Wait, but no longer than until this node ends a lease."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self.queue.lease_seconds / 3)
            leases = list(self.in_hand.values())
            if not leases:
                continue
            try:
                lost = await self.call(self.queue.extend, leases)
            except (PodcrawlerError, RedisError) as error:
                logger.error("The leases of this node could not be renewed: %s", error)
                continue
            for lease in leases:
                # A lease that this node is just ending is not lost, although Redis may not know it any more.
                if lease.token in lost - self._ending and self.in_hand.get(lease.key) is lease:
                    logger.warning("The lease on %s was lost: it ran out while Redis was out of reach.", lease.key)
                    del self.in_hand[lease.key]
                    self._changed.set()
                    self._on_lost(lease)
