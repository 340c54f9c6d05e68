"""How much a node takes up, and what its leases come to when it is told to stop between two steps of its own."""

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import cast

import pytest

from podcrawler.queue import acks
from podcrawler.queue.broker import Broker, LeaseBatch
from podcrawler.queue.entries import Lease
from podcrawler.queue.prefetch import Prefetcher
from tests.conftest import Client
from tests.queue.test_broker import episode, make_queue

LEASES = "{podcrawler}:episodes:leases"


def holder_of(queue: Broker) -> Prefetcher:
    prefetcher = Prefetcher(
        queue,
        2,
        heartbeat=15,
        on_lost=lambda _: None,
        on_abandoned=lambda _: None,
        is_ending=lambda: False,
    )
    prefetcher.open()
    return prefetcher


def test_what_is_leased_while_a_node_drains_goes_back_at_once(every_redis: Client) -> None:
    queue = make_queue(every_redis)
    leased, answered = threading.Event(), threading.Event()

    async def story() -> None:
        queue.push_many([episode(1)])
        prefetcher = holder_of(queue)
        at_work = await prefetcher.next(until_done=True)
        lease = queue.lease

        def slow(tokens: Sequence[str], now: int | None = None) -> LeaseBatch:
            grant = lease(tokens, now)
            leased.set()
            answered.wait()
            return grant

        queue.lease = slow  # type: ignore[method-assign]
        queue.push_many([episode(2)])
        nothing = asyncio.create_task(prefetcher.next(until_done=True))
        await asyncio.to_thread(leased.wait)
        assert every_redis.zcard(LEASES) == 2
        prefetcher.drain()
        answered.set()
        assert await nothing is None
        async with asyncio.timeout(20):
            while every_redis.zcard(LEASES) > 1:
                await asyncio.sleep(0.01)
        assert list(prefetcher.in_hand.values()) == [at_work]
        await prefetcher.close()

    asyncio.run(story())


def test_an_end_that_was_not_sent_is_not_replaced_by_a_release(every_redis: Client) -> None:
    """The file lies in the store by then, and a node with a folder of its own would fetch it once more."""
    queue = make_queue(every_redis)

    async def story() -> None:
        queue.push_many([episode(1), episode(2)])
        prefetcher = holder_of(queue)
        done = await prefetcher.next(until_done=True)
        begun = await prefetcher.next(until_done=True)
        assert done is not None
        assert begun is not None
        end = asyncio.create_task(prefetcher.end(done, acks.finish(done, size=1, path="x"), False))
        await asyncio.sleep(0)
        prefetcher.hand_back_now()
        counts = queue.counts(["show"])
        assert (counts.pending, counts.leased, counts.finished) == (1, 0, 1)
        assert await end
        await prefetcher.close()

    asyncio.run(story())


def test_what_waits_for_the_disk_takes_up_no_room_up_to_the_capacity(every_redis: Client) -> None:
    queue = make_queue(every_redis)

    async def story() -> None:
        queue.push_many([episode(number) for number in range(9)])
        prefetcher = holder_of(queue)
        leases = []
        for _ in range(4):
            lease = await prefetcher.next(until_done=True)
            assert lease is not None
            prefetcher.note_downloaded(lease)
            leases.append(lease)
        # Two wait for the disk beside the two that may be worked on, and two more take up the room of those.
        fifth = asyncio.create_task(prefetcher.next(until_done=True))
        done, _ = await asyncio.wait([fifth], timeout=0.5)
        assert not done
        await prefetcher.end(leases[0], acks.finish(leases[0], size=1, path="x"), False)
        assert await fifth is not None
        await prefetcher.close()

    asyncio.run(story())


@pytest.mark.parametrize(("distance", "begun"), [(0.0, 12), (0.2, 14)])
def test_ends_that_redis_is_slow_to_hear_take_up_room_beyond_what_its_distance_explains(
    every_redis: Client, distance: float, begun: int
) -> None:
    """With ``distance`` (seconds), the node has begun at least ``begun`` entries when Redis hears of no more ends."""
    queue = make_queue(every_redis)
    lease, end, heard = queue.lease, queue.acknowledge, threading.Event()

    def far(tokens: Sequence[str], now: int | None = None) -> LeaseBatch:
        time.sleep(distance)
        return lease(tokens, now)

    def unheard(ends: Sequence[acks.Ack[bool]]) -> list[bool]:
        heard.wait()
        return end(ends)

    async def story() -> None:
        queue.push_many([episode(number) for number in range(60)])
        queue.lease = far  # type: ignore[method-assign]
        prefetcher = holder_of(queue)

        async def begin() -> Lease:
            return cast("Lease", await prefetcher.next(until_done=True))

        for _ in range(30):
            work = await begin()
            await asyncio.sleep(0.02)
            await prefetcher.release(work)
        queue.acknowledge = unheard  # type: ignore[method-assign, assignment]
        try:
            async with asyncio.timeout(20):
                ends = [asyncio.create_task(prefetcher.release(await begin())) for _ in range(begun)]
            if not distance:
                another = asyncio.create_task(begin())
                done, _ = await asyncio.wait([another], timeout=0.5)
                assert not done
                prefetcher.drain()
                assert await another is None
        finally:
            heard.set()
        await asyncio.gather(*ends)
        await prefetcher.close()

    asyncio.run(story())


def test_a_lease_that_is_lost_takes_up_no_room_for_ever(every_redis: Client) -> None:
    queue = make_queue(every_redis)

    async def story() -> None:
        queue.push_many([episode(number) for number in range(9)])
        prefetcher = holder_of(queue)
        for _ in range(5):
            lease = await prefetcher.next(until_done=True)
            assert lease is not None
            await prefetcher.release(lease)
            prefetcher.note_downloaded(lease)
        assert await prefetcher.next(until_done=True)
        assert await prefetcher.next(until_done=True)
        third = asyncio.create_task(prefetcher.next(until_done=True))
        done, _ = await asyncio.wait([third], timeout=0.5)
        assert not done, "leases that are gone made room for more than the capacity"
        prefetcher.drain()
        assert await third is None
        await prefetcher.close()

    asyncio.run(story())
