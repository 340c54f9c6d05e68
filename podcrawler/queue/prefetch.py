"""The leases that this node holds: taken when there is room, kept alive, and given back.

A node works on ``capacity`` entries at once. Beyond those it holds the ones that wait for the disk alone, up to as many
again, the ones whose end is on its way to Redis, and so many taken ahead as it will start within the next round trips:
none where Redis is near or the files are large.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from redis.exceptions import RedisError

from podcrawler import clock
from podcrawler.exceptions import EntryError, PodcrawlerError
from podcrawler.queue import acks
from podcrawler.queue.acks import Ack
from podcrawler.queue.async_broker import AsyncBroker
from podcrawler.queue.broker import Broker, LeaseBatch
from podcrawler.queue.entries import Lease

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Seconds between two looks at a queue that has nothing to lease, at first and at most.
_FIRST_POLL, _LAST_POLL = 0.1, 1.0
#: Seconds of work that are taken ahead at least, so that small files do not cost a round trip each.
_LEAST_AHEAD = 0.05
#: Leases taken ahead, at most: so many times the capacity.
_MOST_AHEAD = 4
#: Ends on their way to Redis, beyond the capacity, that take up no room whatever its distance: those of very small
#: files that go together in one call.
_LEAST_ENDING = 8
#: Of a new measurement in a mean that follows the last few, and in one that stays near the least of the last hundred.
_WEIGHT, _SLOW_WEIGHT = 0.2, 0.02


class Prefetcher:
    """The hands of one node on one queue."""

    def __init__(
        self,
        queue: Broker,
        capacity: int,
        *,
        heartbeat: float,
        on_lost: Callable[[Lease], None],
        on_abandoned: Callable[[str], None],
        is_ending: Callable[[], bool],
    ) -> None:
        """Leases are renewed every ``heartbeat`` seconds. ``on_lost`` is told of each lease that another node may have
        by now: what it is for must stop; ``on_abandoned``, of the key of each entry that this node found to have failed
        because its leases ran out too often. When ``is_ending``, nothing more is leased."""
        self.queue = queue
        self.async_broker = AsyncBroker(queue)
        #: By the key of the entry.
        self.in_hand: dict[str, Lease] = {}
        #: Those of them that were taken ahead.
        self.granted: deque[Lease] = deque()
        self._capacity = capacity
        self._heartbeat = heartbeat
        self._on_lost = on_lost
        self._on_abandoned = on_abandoned
        self._is_ending = is_ending
        #: By token, the time until which Redis gives the lease to nobody else.
        self._held_until: dict[str, float] = {}
        self._begun: dict[str, float] = {}
        #: Tokens of leases in hand that wait for the disk, and of those whose end is on its way to Redis.
        self._publishing: set[str] = set()
        self._ending: set[str] = set()
        self._changed = asyncio.Event()
        self._draining = False
        self._holding_off = False
        self._keeper: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[int] | None = None
        self._handing_back: set[asyncio.Task[None]] = set()
        self._ask_at = 0.0
        self._poll = _FIRST_POLL
        self._busy_at = time.monotonic()
        # Means, in seconds.
        self._round_trip = 0.0
        self._work_time = 1.0
        #: Nearly the least time that Redis took of late to answer, in seconds: what is in it for its distance alone.
        self._distance = 1.0

    def open(self) -> None:
        """Start to keep the leases alive; needs a running event loop."""
        self._keeper = asyncio.get_running_loop().create_task(self._keep_alive())

    def drain(self) -> None:
        """Lease nothing more, and hand back what was not begun."""
        self._draining = True
        self._changed.set()
        if self._keeper:
            self._start_to_hand_back()

    def pause(self) -> None:
        """Lease nothing until ``resume``, and release what was prefetched: this node cannot work on it now."""
        self._holding_off = True
        self._changed.set()

    def resume(self) -> None:
        """Lease again."""
        self._holding_off = False
        self._changed.set()

    def stop(self) -> None:
        """Drain, and wait for Redis no longer."""
        self.drain()
        self.async_broker.stop_retrying()

    async def close(self) -> None:
        """Hand back what is still held."""
        self.stop()
        if self._keeper:
            self._keeper.cancel()
        if self._asking:
            # A question that nobody waits for any more may have been answered all the same.
            with suppress(PodcrawlerError, RedisError):
                await self._asking
        await asyncio.gather(*self._handing_back)
        await asyncio.gather(*(self.release(lease) for lease in list(self.in_hand.values())))
        self.async_broker.close()

    def hand_back_now(self) -> None:
        """Hand everything back but what has come to its end, blocking, for a process that ends at once: without its
        event loop."""
        releases = [acks.release(lease) for lease in self.in_hand.values() if lease.token not in self._ending]
        if ends := self.async_broker.unsent + releases:
            with suppress(RedisError):
                self.queue.acknowledge(ends)

    async def next(self, *, until_done: bool, max_idle: float = 0) -> Lease | None:
        """The next lease, as soon as there is room and an entry; None when ``until_done`` and no entry is open, or
        when this node has held nothing for ``max_idle`` seconds (0: never), or stops."""
        while not (self._draining or self._is_ending()):
            if self._holding_off:
                self._busy_at = time.monotonic()
                await self._hand_back_granted()
            if self.granted and self._working < self._capacity:
                lease = self.granted.popleft()
                self._begun[lease.token] = time.monotonic()
                return lease
            self._changed.clear()
            if self._asking and self._asking.done():
                open_entries, self._asking = self._asking.result(), None
                if until_done and open_entries == 0:
                    return None
                continue
            if self.in_hand:
                self._busy_at = time.monotonic()
            elif max_idle and time.monotonic() - self._busy_at >= max_idle:
                logger.info("This node ends: there was nothing to do for %g seconds.", max_idle)
                return None
            wait = self._ask_at - time.monotonic()
            wanted = 0 if self._holding_off else self._wanted
            # Who holds off still asks for none, to hear when other nodes have done it all.
            if self._asking is None and wait <= 0 and (wanted > 0 or self._holding_off):
                self._asking = asyncio.get_running_loop().create_task(self._ask(wanted))
                self._asking.add_done_callback(lambda _: self._changed.set())
            await self._nap(wait if 0 < wait < _LAST_POLL else _LAST_POLL)
        return None

    def ask_soon(self) -> None:
        """There may be more to lease than at the last look."""
        self._ask_at = 0.0
        self._changed.set()

    def note_downloaded(self, lease: Lease) -> None:
        """What is left to do for the lease is the disk's, and takes up no room: the network can go on."""
        self._note_worked(lease)
        if self._holds(lease):
            self._publishing.add(lease.token)
            self._changed.set()

    async def end(self, lease: Lease, ending: Ack[_T], unreachable: _T) -> _T:
        """End a lease. What it was for takes up no room any more from now on, if not too many wait for Redis to hear of
        them. ``unreachable`` is the outcome when Redis is away while this node stops."""
        self._note_worked(lease)
        self._publishing.discard(lease.token)
        if self._holds(lease):
            self._ending.add(lease.token)
            self._changed.set()
        try:
            return await self.async_broker.end(ending)
        except RedisError as error:
            logger.warning("Redis is away (%s): the lease on %s runs out by itself.", error, lease.key)
            return unreachable
        finally:
            if self._holds(lease):
                self._drop(lease)
            if not self.in_hand:
                # Whether that was all is known by a look.
                self.ask_soon()

    async def give_up(self, lease: Lease, error: EntryError, *, counts: bool = True) -> str:
        """End the lease in an error: ``delayed``, ``failed`` or ``lost``."""
        retrying = self.queue.retrying
        tries, delay = retrying.tries(error), retrying.delay(error, lease.tries + 1)
        return await self.end(lease, acks.give_up(lease, error, tries=tries, delay=delay, counts=counts), "lost")

    async def release(self, lease: Lease) -> None:
        """Hand the lease back, which costs the entry nothing."""
        await self.end(lease, acks.release(lease), False)

    def surely_held_until(self, lease: Lease) -> float:
        """The time (``clock.now``) until which nobody else can have the lease, nor for one more heartbeat, as far as
        this node knows. For any thread."""
        return self._held_until.get(lease.token, 0.0) - self._margin

    async def still_held(self, lease: Lease) -> bool:
        """Whether nobody else can have the lease by now; asks Redis if this node has not heard of it for long."""
        if clock.now() < self.surely_held_until(lease):
            return True
        return lease.token not in await self.async_broker.call(self._extend, [lease])

    @property
    def _margin(self) -> float:
        return min(self._heartbeat, self.queue.lease_time / 3)

    @property
    def _working(self) -> int:
        """How many entries take up room."""
        # A disk or a Redis that is slower than the network must not have the node hold ever more.
        ending = min(len(self._ending), self._most_ending)
        publishing = min(len(self._publishing), self._capacity)
        return len(self.in_hand) - len(self.granted) - ending - publishing

    @property
    def _most_ending(self) -> int:
        """How many ends may be on their way before they take up room: those of two round trips to a Redis that is as
        far as this one, and no slower."""
        worked_off = self._capacity * 2 * self._distance / max(self._work_time, 0.001)
        return max(int(worked_off), self._capacity + _LEAST_ENDING)

    @property
    def _wanted(self) -> int:
        """How many more leases this node has a use for."""
        # What is taken ahead has to last for one round trip, and for the next one that it takes to ask again.
        seconds = max(2 * self._round_trip, _LEAST_AHEAD)
        # What is at work already for longer than work took of late makes no room that soon.
        now = time.monotonic()
        ages = [now - begun for begun in self._begun.values()] + [0.0] * (self._capacity - len(self._begun))
        ahead = int(sum(seconds / max(self._work_time, age, 0.001) for age in ages))
        ahead = min(ahead, _MOST_AHEAD * self._capacity)
        room = self._capacity - self._working - len(self.granted)
        if room <= 0 and len(self.granted) > ahead / 2:
            return 0
        return min(room + ahead, 2 * _MOST_AHEAD * self._capacity - len(self.in_hand))

    async def _ask(self, count: int) -> int:
        """Take up to ``count`` leases; how many entries are open in all."""
        asked = time.monotonic()
        # The same tokens each time that this is asked: an answer that is lost must not take leases with it.
        grant = await self.async_broker.call(self._lease, self.queue.new_tokens(count))
        self._round_trip += _WEIGHT * (min(time.monotonic() - asked, 1.0) - self._round_trip)
        for key in grant.abandoned:
            self._on_abandoned(key)
        for lease in grant.leases:
            if before := self.in_hand.get(lease.key):
                # It ran out here, and came back under a new token before anybody noticed.
                self._drop(before)
                self._on_lost(before)
            self.in_hand[lease.key] = lease
            self.granted.append(lease)
        if self._draining:
            # Asked before, and answered now.
            self._start_to_hand_back()
        if 0 < len(grant.leases) == count:
            self._poll = _FIRST_POLL
        else:
            self._ask_at = time.monotonic() + min(
                self._poll, grant.next_due if grant.next_due is not None else _LAST_POLL
            )
            self._poll = _FIRST_POLL if grant.leases else min(2 * self._poll, _LAST_POLL)
        return grant.open

    def _lease(self, tokens: Sequence[str]) -> LeaseBatch:
        now, asked = clock.now(), time.monotonic()
        grant = self.queue.lease(tokens)
        took = time.monotonic() - asked
        self._distance = min(took, self._distance + _SLOW_WEIGHT * (took - self._distance))
        self._held_until.update((lease.token, now + self.queue.lease_time) for lease in grant.leases)
        return grant

    def _extend(self, leases: list[Lease]) -> set[str]:
        now = clock.now()
        lost = self.queue.extend(leases)
        held = [lease.token for lease in leases if lease.token not in lost]
        self._held_until.update((token, now + self.queue.lease_time) for token in held)
        return lost

    def _holds(self, lease: Lease) -> bool:
        """Whether this node has the lease still, and not a later one on the same entry."""
        return self.in_hand.get(lease.key) is lease

    def _drop(self, lease: Lease) -> None:
        self.in_hand.pop(lease.key, None)
        self._held_until.pop(lease.token, None)
        self._begun.pop(lease.token, None)
        self._publishing.discard(lease.token)
        self._ending.discard(lease.token)
        with suppress(ValueError):
            self.granted.remove(lease)
        self._changed.set()

    def _note_worked(self, lease: Lease) -> None:
        if begun := self._begun.pop(lease.token, None):
            self._work_time += _WEIGHT * (time.monotonic() - begun - self._work_time)

    async def _hand_back_granted(self) -> None:
        leases = list(self.granted)
        self.granted.clear()
        await asyncio.gather(*(self.release(lease) for lease in leases))

    async def _hand_back_aside(self) -> None:
        try:
            await self._hand_back_granted()
        except PodcrawlerError as error:
            logger.error("What this node did not begin could not be handed back: %s", error)

    def _start_to_hand_back(self) -> None:
        task = asyncio.get_running_loop().create_task(self._hand_back_aside())
        self._handing_back.add(task)
        task.add_done_callback(self._handing_back.discard)

    async def _nap(self, seconds: float) -> None:
        """Wait, but no longer than until something changes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _keep_alive(self) -> None:
        """Renew the leases from the event loop: a node that hangs shall lose them. What was taken ahead in vain goes
        back: small files may be followed by large ones, and other nodes may have room for those."""
        while True:
            first = self.granted[0] if self.granted else None
            await asyncio.sleep(self._margin)
            if first and self.granted and self.granted[0] is first:
                self._start_to_hand_back()
            leases = list(self.in_hand.values())
            if not leases:
                continue
            try:
                lost = await self.async_broker.call(self._extend, leases)
            except (PodcrawlerError, RedisError) as error:
                logger.error("The leases of this node could not be renewed: %s", error)
                continue
            for lease in leases:
                # A lease that this node is just ending is not lost, although Redis may not know it any more.
                if lease.token in lost - self._ending and self._holds(lease):
                    logger.warning("The lease on %s was lost: it ran out while Redis was out of reach.", lease.key)
                    self._drop(lease)
                    self._on_lost(lease)
