"""The leases of this node: asked for when a slot is free or soon will be, renewed, and ended.

How many a node asks for is computed in slots.py.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from redis.exceptions import RedisError

from podcrawler import clock
from podcrawler.exceptions import EntryError, PodcrawlerError
from podcrawler.queue import acks
from podcrawler.queue.acks import Ack
from podcrawler.queue.async_broker import AsyncBroker
from podcrawler.queue.broker import Broker, LeaseBatch
from podcrawler.queue.connections import Connections
from podcrawler.queue.held_lease import HeldLease, Phase
from podcrawler.queue.leases import Lease
from podcrawler.queue.node import Node
from podcrawler.queue.slots import Load, Pace, leases_to_request, occupied_slots
from podcrawler.queue.timed_calls import timed_extend, timed_lease
from podcrawler.tasks import keep_running, run_once

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
#: Leases that are being released.
_Submitted = Sequence[tuple[Lease, Awaitable[bool]]]

#: Seconds between two requests to a queue that has nothing to lease, at first and at most.
_FIRST_POLL, _LAST_POLL = 0.1, 1.0


class Prefetcher:
    """All leases that one node holds on one queue. Its methods are for the event loop, except where they say so."""

    def __init__(
        self,
        broker: Broker,
        node: Node,
        capacity: int,
        *,
        heartbeat: float,
        on_lost: Callable[[Lease], None],
        on_failed: Callable[[str, str], None],
        is_closing: Callable[[], bool],
    ) -> None:
        """The node works on ``capacity`` entries at once, and renews its leases every ``heartbeat`` seconds.

        ``on_lost`` is called with each lease that another node may hold by now: the work under it must stop.
        ``on_failed`` is called with the key of each entry that failed while this node asked for leases, and the kind:
        ``abandoned`` if its leases expired too often, ``unreadable`` if what Redis has of it cannot be read. When
        ``is_closing``, nothing more is leased."""
        self.broker = broker
        self.async_broker = AsyncBroker(broker, node)
        self._node = node
        self._capacity = capacity
        self._heartbeat = heartbeat
        self._on_lost = on_lost
        self._on_failed = on_failed
        self._is_closing = is_closing
        #: By the key of the entry, in the order in which they were leased.
        self._held: dict[str, HeldLease] = {}
        self._pace = Pace()
        self._changed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._request: asyncio.Task[int] | None = None
        self._releasing: set[asyncio.Task[None]] = set()
        self._next_request_at = 0.0
        self._poll = _FIRST_POLL
        self._connections = Connections()
        #: When this node last had work, or began to look for it (``time.monotonic``).
        self._busy_at: float | None = None
        node.observe(self._node_changed)

    def open(self) -> None:
        """Start to renew the leases; needs a running event loop."""
        self._keeper = keep_running("the renewal of leases", self._keep_alive)

    async def close(self) -> None:
        """Release what is still held. The node is stopping by now."""
        if self._keeper:
            self._keeper.cancel()
        if self._request:
            # Nobody waits for these leases any more, but they may have been granted.
            with suppress(PodcrawlerError, RedisError):
                await self._request
        await asyncio.gather(*self._releasing)
        await asyncio.gather(*(self.release(lease) for lease in self.leases))
        self.async_broker.close()

    def release_now(self) -> None:
        """Release everything, blocking, for a process that ends at once and whose event loop has ended. What was about
        to be acknowledged is."""
        releases = [acks.release(held.lease) for held in self._held.values() if held.phase is not Phase.ACKNOWLEDGING]
        if ends := self.async_broker.unsent + releases:
            with suppress(RedisError):
                self.broker.acknowledge(ends)

    @property
    def leases(self) -> list[Lease]:
        return [held.lease for held in self._held.values()]

    @property
    def prefetched(self) -> list[Lease]:
        """The leases under which nothing was begun, oldest first."""
        return [held.lease for held in self._held.values() if held.phase is Phase.PREFETCHED]

    def lease_of(self, key: str) -> Lease | None:
        """The lease that this node holds on an entry."""
        held = self._held.get(key)
        return held.lease if held else None

    def holds(self, lease: Lease) -> bool:
        """Whether this node still holds this lease, and not a later one on the same entry."""
        return self._find(lease) is not None

    async def next(self, *, until_done: bool, max_idle: float = 0) -> Lease | None:
        """The next lease, as soon as there are a free slot and an entry. None when ``until_done`` and no entry is open,
        when this node has held nothing for ``max_idle`` seconds (0: never), or when it drains."""
        while not (self._node.is_draining or self._is_closing()):
            if self._node.is_paused:
                self._busy_at = time.monotonic()
                await self._released(self._submit_releases())
            load = self._load()
            if load.prefetched and occupied_slots(self._capacity, load, self._pace) < self._capacity:
                return self._begin_prefetched()
            self._changed.clear()
            if self._request and self._request.done():
                open_entries, self._request = self._request.result(), None
                if until_done and open_entries == 0:
                    return None
                continue
            if self._is_idle_for(max_idle):
                logger.info("This node ends: there was nothing to do for %g seconds.", max_idle)
                return None
            wait = self._next_request_at - time.monotonic()
            if self._request is None and wait <= 0:
                self._request_leases(load)
            await self._wait_for_change(wait if 0 < wait < _LAST_POLL else _LAST_POLL)
        return None

    def poll_soon(self) -> None:
        """Ask for leases without waiting: the queue may have more than it had at the last request."""
        self._next_request_at = 0.0
        self._changed.set()

    def note_downloaded(self, lease: Lease, host: str = "") -> None:
        """Free the slot of a lease whose file has been received, and its connection: the network has no more to do for
        it. ``host`` is the one that the file came from, if that may be another than the lease counts for."""
        if (held := self._find(lease)) and held.phase is Phase.WORKING:
            self._connections.note_done(lease.token, host or held.host)
            self._enter(held, Phase.PUBLISHING)

    async def move(self, lease: Lease, host: str) -> bool:
        """Count the lease for a host that the node is about to connect to. If that one has no connection to spare, or
        rests, or if the lease is lost: False, and this node does not hold the lease any more."""
        held = self._find(lease)
        if held is None:
            return False
        # The address of an entry that counts for another host leads there by a redirect, which is no transfer.
        if host in ("", held.host) or lease.host != host == lease.own_host:
            return True
        try:
            is_counted = await self.async_broker.move(acks.move(lease, host, self.broker.host_limits))
        except RedisError as error:
            logger.warning("Redis is away (%s): the work on %s ends.", error, lease.key)
            return False
        if not is_counted:
            self._drop(lease)
            return False
        held.host = host
        return True

    async def acknowledge(self, lease: Lease, ack: Ack[_T]) -> _T | None:
        """End a lease, which frees its slot at once. None if Redis is away while the node is stopping: the lease
        expires then."""
        return await self._outcome(lease, self._submit(lease, ack))

    async def give_up(
        self,
        lease: Lease,
        error: EntryError,
        *,
        counts: bool = True,
        last: acks.ScriptCall | None = None,
    ) -> tuple[str, float]:
        """End the lease in an error: ``delayed``, ``failed`` or ``lost``; and the seconds until the next try. If the
        host asked for a pause, this node releases what it has not begun there. ``last`` as in ``Scheduler.give_up``."""
        policy = self.broker.retry_policy
        tries, delay, rest = policy.tries(error), policy.delay(error, lease.tries + 1), policy.rest(error)
        ack = acks.give_up(lease, error, tries=1 if last else tries, delay=delay, rest=rest, counts=counts)
        ack = replace(ack, before=last)
        held = self._find(lease)
        acknowledged = self._submit(lease, ack)
        if rest:
            host = error.host or (held.host if held else lease.host)
            self._start_releasing_prefetched({host})
            self._connections.pausing.add(host)
            acknowledged.add_done_callback(lambda _: self._connections.note_pause(host, self._request))
        return await self._outcome(lease, acknowledged) or "lost", delay

    async def release(self, lease: Lease) -> None:
        """Make the entry pending again, which costs it no try."""
        await self.acknowledge(lease, acks.release(lease))

    def surely_held_until(self, lease: Lease) -> float:
        """The time (``clock.now``) until which nobody else can hold the entry, with a margin of one heartbeat, as far
        as this node knows. For any thread."""
        held = self._find(lease)
        return (held.held_until if held else 0.0) - self._margin

    async def still_held(self, lease: Lease) -> bool:
        """Whether nobody else can hold the entry by now; renews the lease if the last renewal was too long ago to
        tell."""
        if clock.now() < self.surely_held_until(lease):
            return True
        return lease.token not in await self._renew([lease])

    @property
    def _margin(self) -> float:
        """Seconds between two renewals: a lease outlasts two that fail."""
        return min(self._heartbeat, self.broker.lease_time / 3)

    def _load(self) -> Load:
        now, working = time.monotonic(), Phase.WORKING
        phases = [held.phase for held in self._held.values()]
        return Load(
            prefetched=phases.count(Phase.PREFETCHED),
            ages=[now - held.begun for held in self._held.values() if held.phase is working],
            publishing=phases.count(Phase.PUBLISHING),
            acknowledging=phases.count(Phase.ACKNOWLEDGING),
        )

    def _find(self, lease: Lease) -> HeldLease | None:
        held = self._held.get(lease.key)
        return held if held and held.lease.token == lease.token else None

    def _enter(self, held: HeldLease, phase: Phase) -> None:
        if held.phase is Phase.WORKING:
            self._pace.note_work(time.monotonic() - held.begun)
        held.phase = phase
        self._look_for_room()

    def _drop(self, lease: Lease) -> None:
        self._connections.note_ended(lease.token)
        if self._find(lease):
            del self._held[lease.key]
        self._look_for_room()

    def _look_for_room(self) -> None:
        if self._connections.may_have_room:
            self._next_request_at = 0.0
        self._changed.set()

    def _submit(self, lease: Lease, ack: Ack[_T]) -> asyncio.Future[_T]:
        if held := self._find(lease):
            self._connections.note_done(lease.token)
            self._enter(held, Phase.ACKNOWLEDGING)
        return self.async_broker.acknowledge(ack)

    async def _outcome(self, lease: Lease, acknowledged: Awaitable[_T]) -> _T | None:
        try:
            return await acknowledged
        except RedisError as error:
            logger.warning("Redis is away (%s): the lease on %s runs out by itself.", error, lease.key)
            return None
        finally:
            self._drop(lease)
            if not self._held:
                # That may have been the last open entry of all.
                self.poll_soon()

    def _begin_prefetched(self) -> Lease:
        """The oldest prefetched lease, which must exist, for the caller to work on."""
        held = next(held for held in self._held.values() if held.phase is Phase.PREFETCHED)
        held.phase, held.begun = Phase.WORKING, time.monotonic()
        return held.lease

    def _is_idle_for(self, max_idle: float) -> bool:
        now = time.monotonic()
        if self._held or self._busy_at is None:
            self._busy_at = now
        return max_idle > 0 and now - self._busy_at >= max_idle

    def _request_leases(self, load: Load) -> None:
        count = 0 if self._node.is_paused else leases_to_request(self._capacity, load, self._pace)
        # A paused node asks for none, but wants to know when other nodes have finished everything.
        if count > 0 or self._node.is_paused:
            self._request = asyncio.get_running_loop().create_task(self._lease(count))
            self._request.add_done_callback(lambda _: self._changed.set())

    async def _lease(self, count: int) -> int:
        """Lease up to ``count`` entries; how many entries are open in all."""
        asked, done = time.monotonic(), self._connections.begin_request()
        # The same tokens at each try: leases whose answer was lost are granted again, and not lost with it.
        granted = await self.async_broker.call(timed_lease, self.broker, self.broker.new_tokens(count), done)
        self._connections.end_request(done, is_limited=granted.batch.is_limited)
        self._pace.note_answer(granted.seconds)
        self._pace.note_round_trip(time.monotonic() - asked)
        batch = granted.batch
        for key in batch.abandoned:
            self._on_failed(key, "abandoned")
        for key in batch.unreadable:
            self._on_failed(key, "unreadable")
        for lease in batch.leases:
            if before := self.lease_of(lease.key):
                # It expired, and this node got the entry again before it noticed.
                self._drop(before)
                self._on_lost(before)
            self._held[lease.key] = HeldLease(lease, granted.at + self.broker.lease_time)
        if self._node.is_draining:
            # It began to drain between the request and the answer.
            self._start_releasing_prefetched()
        elif self._connections.pausing:
            self._start_releasing_prefetched(self._connections.pausing)
        self._schedule_request(batch, count)
        return batch.open

    def _schedule_request(self, batch: LeaseBatch, asked_for: int) -> None:
        """Ask again at once after a full batch, else when a delayed entry is due, or ever less often."""
        if 0 < len(batch.leases) == asked_for:
            self._poll = _FIRST_POLL
            return
        due = _LAST_POLL if batch.next_due is None else batch.next_due
        self._next_request_at = time.monotonic() + min(self._poll, due)
        self._look_for_room()
        self._poll = _FIRST_POLL if batch.leases else min(2 * self._poll, _LAST_POLL)

    def _node_changed(self) -> None:
        self._changed.set()
        if self._node.is_draining and self._keeper:
            self._start_releasing_prefetched()

    def _start_releasing_prefetched(self, hosts: Collection[str] | None = None) -> None:
        if not (submitted := self._submit_releases(hosts)):
            return
        task = run_once("the release of prefetched leases", self._released(submitted))
        self._releasing.add(task)
        task.add_done_callback(self._releasing.discard)

    def _submit_releases(self, hosts: Collection[str] | None = None) -> _Submitted:
        """Release prefetched leases: all, or those of these hosts. Nothing is awaited, so that ``next`` can begin none
        of them meanwhile."""
        leases = [lease for lease in self.prefetched if hosts is None or lease.host in hosts]
        return [(lease, self._submit(lease, acks.release(lease))) for lease in leases]

    async def _released(self, submitted: _Submitted) -> None:
        await asyncio.gather(*(self._outcome(lease, released) for lease, released in submitted))

    async def _wait_for_change(self, timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._changed.wait()

    async def _keep_alive(self) -> None:
        """Renew the leases, from the event loop so that a node that hangs loses them, and release prefetched ones that
        were not begun in the meantime: small files may be followed by large ones, for which other nodes have slots."""
        while True:
            first = self.prefetched[:1]
            await asyncio.sleep(self._margin)
            if first and self.prefetched[:1] == first:
                self._start_releasing_prefetched()
            await self.renew()

    async def renew(self) -> None:
        """Renew the leases, and end the work under those that are lost."""
        if not (leases := self.leases):
            return
        try:
            lost = await self._renew(leases)
        except (PodcrawlerError, RedisError) as error:
            logger.error("The leases of this node could not be renewed: %s", error)
            return
        for lease in leases:
            held = self._find(lease)
            # Redis does not know a lease any more that was acknowledged just now: that one is not lost.
            if held and lease.token in lost and held.phase is not Phase.ACKNOWLEDGING:
                logger.warning("The lease on %s was lost: it ran out while Redis was out of reach.", lease.key)
                self._drop(lease)
                self._on_lost(lease)

    async def _renew(self, leases: Sequence[Lease]) -> set[str]:
        """Extend the leases; the tokens of those that are lost."""
        at, lost = await self.async_broker.call(timed_extend, self.broker, leases)
        for lease in leases:
            if lease.token not in lost and (held := self._find(lease)):
                held.held_until = at + self.broker.lease_time
        return lost
