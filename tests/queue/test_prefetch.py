"""How many leases a node holds, and what becomes of them when it pauses, drains or ends between two of its steps."""

import asyncio
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from redis import Redis
from scrapy.signalmanager import SignalManager
from typing_extensions import override

from podcrawler.queue import acks
from podcrawler.queue.broker import Broker
from podcrawler.queue.leases import Lease
from podcrawler.queue.node import Node
from podcrawler.queue.prefetch import Prefetcher
from tests.builders import episode, make_broker
from tests.conftest import Client

LEASES = "{podcrawler}:episodes:leases"
CAPACITY = 2


class SlowLink(Redis):
    """A client whose answers take ``delay`` seconds more, and come only while the events are set: those of leasing and
    renewing, and those of acknowledgements."""

    def __init__(self, client: Client) -> None:
        super().__init__(connection_pool=client.connection_pool)
        self.delay = 0.0
        self.answers, self.acknowledgements = Event(), Event()
        self.answers.set()
        self.acknowledgements.set()

    @override
    def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's
        time.sleep(self.delay)
        self.answers.wait()
        return answer

    @override
    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        self.acknowledgements.wait()
        return super().pipeline(transaction, shard_hint)


@pytest.fixture
def node() -> Node:
    return Node(SignalManager())


@pytest.fixture
def link(every_redis: Client) -> SlowLink:
    return SlowLink(every_redis)


@pytest.fixture
def broker(link: SlowLink) -> Broker:
    broker = make_broker(link)
    # A node does, too: a link that gives no answers would give none to that either.
    broker.load_scripts()
    return broker


def prefetcher_of(broker: Broker, node: Node, heartbeat: float = 15) -> Prefetcher:
    prefetcher = Prefetcher(
        broker,
        node,
        CAPACITY,
        heartbeat=heartbeat,
        on_lost=lambda _: None,
        on_failed=lambda *_: None,
        is_closing=lambda: False,
    )
    prefetcher.open()
    return prefetcher


async def close(prefetcher: Prefetcher, node: Node) -> None:
    node.stop()
    await prefetcher.close()


async def begin(prefetcher: Prefetcher) -> Lease:
    lease = await prefetcher.next(until_done=True)
    assert lease is not None
    return lease


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a state of Redis."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def renewed(redis: Client, lease: Lease) -> None:
    """Wait until the node has renewed the lease once more, which takes far longer than to begin work that it may."""
    before = redis.zscore(LEASES, lease.key)
    await until(lambda: redis.zscore(LEASES, lease.key) > before)


async def test_what_is_leased_while_a_node_drains_goes_back_at_once(
    every_redis: Client, link: SlowLink, broker: Broker, node: Node
) -> None:
    broker.push_many([episode(1)])
    prefetcher = prefetcher_of(broker, node)
    at_work = await begin(prefetcher)
    broker.push_many([episode(2)])
    link.answers.clear()
    nothing = asyncio.create_task(prefetcher.next(until_done=True))
    await until(lambda: every_redis.zcard(LEASES) == 2)
    node.drain()
    link.answers.set()
    assert await nothing is None
    await until(lambda: every_redis.zcard(LEASES) == 1)
    # Which the node learns a little later.
    await until(lambda: prefetcher.leases == [at_work])
    await close(prefetcher, node)


async def test_a_paused_node_releases_what_it_has_not_begun_and_leases_again_when_it_resumes(
    every_redis: Client, link: SlowLink, broker: Broker, node: Node
) -> None:
    broker.push_many([episode(1), episode(2)])
    prefetcher = prefetcher_of(broker, node)
    link.answers.clear()
    first = asyncio.create_task(begin(prefetcher))
    await until(lambda: every_redis.zcard(LEASES) == 2)
    node.pause("The disk is full.")
    link.answers.set()
    await until(lambda: every_redis.zcard(LEASES) == 0)
    assert not first.done()
    node.resume()
    assert {(await first).key, (await begin(prefetcher)).key} == {"show/1", "show/2"}
    await close(prefetcher, node)


async def test_a_paused_node_hears_that_others_have_done_it_all(broker: Broker, node: Node) -> None:
    broker.push_many([episode(1)])
    prefetcher = prefetcher_of(broker, node)
    node.pause("The disk is full.")
    waiting = asyncio.create_task(prefetcher.next(until_done=True))
    (other,) = (await asyncio.to_thread(broker.lease, broker.new_tokens(1))).leases
    broker.acknowledge([acks.finish(other, size=1, path="x")])
    assert await waiting is None
    await close(prefetcher, node)


async def test_an_end_that_was_not_sent_is_not_replaced_by_a_release(broker: Broker, node: Node) -> None:
    """The file is in the store by then, and a node with another store would download it once more."""
    broker.push_many([episode(1), episode(2)])
    prefetcher = prefetcher_of(broker, node)
    done = await begin(prefetcher)
    await begin(prefetcher)
    end = asyncio.create_task(prefetcher.acknowledge(done, acks.finish(done, size=1, path="x")))
    await asyncio.sleep(0)
    prefetcher.release_now()
    counts = broker.counts(["show"])
    assert (counts.pending, counts.leased, counts.finished) == (1, 0, 1)
    assert await end
    await close(prefetcher, node)


async def test_what_waits_for_the_disk_occupies_no_slot_up_to_the_capacity(
    every_redis: Client, broker: Broker, node: Node
) -> None:
    broker.push_many([episode(number) for number in range(9)])
    prefetcher = prefetcher_of(broker, node, heartbeat=0.2)
    leases = []
    for _ in range(4):
        lease = await begin(prefetcher)
        prefetcher.note_downloaded(lease)
        leases.append(lease)
    # Two wait for the disk beside the two that may be worked on, and two more occupy the slots of those.
    fifth = asyncio.create_task(prefetcher.next(until_done=True))
    await renewed(every_redis, leases[0])
    assert not fifth.done()
    await prefetcher.acknowledge(leases[0], acks.finish(leases[0], size=1, path="x"))
    assert await fifth is not None
    await close(prefetcher, node)


@pytest.mark.parametrize(("distance", "begun"), [(0.0, 12), (0.2, 14)])
async def test_acknowledgements_that_redis_is_slow_to_take_occupy_slots_beyond_what_its_distance_explains(
    every_redis: Client, link: SlowLink, broker: Broker, node: Node, distance: float, begun: int
) -> None:
    """With ``distance`` (seconds), the node has begun at least ``begun`` entries when Redis takes no more of them."""
    broker.push_many([episode(number) for number in range(60)])
    link.delay = distance
    prefetcher = prefetcher_of(broker, node, heartbeat=0.2)
    for _ in range(30):
        work = await begin(prefetcher)
        # The work itself.
        await asyncio.sleep(0.02)
        await prefetcher.release(work)
    link.acknowledgements.clear()
    try:
        async with asyncio.timeout(20):
            work = await begin(prefetcher)
            ends = [asyncio.create_task(prefetcher.release(work))]
            ends += [asyncio.create_task(prefetcher.release(await begin(prefetcher))) for _ in range(begun - 1)]
        if not distance:
            another = asyncio.create_task(prefetcher.next(until_done=True))
            await renewed(every_redis, work)
            assert not another.done()
            node.drain()
            assert await another is None
    finally:
        link.acknowledgements.set()
    await asyncio.gather(*ends)
    await close(prefetcher, node)


async def test_a_lease_that_is_lost_frees_no_slot_for_ever(every_redis: Client, broker: Broker, node: Node) -> None:
    broker.push_many([episode(number) for number in range(9)])
    prefetcher = prefetcher_of(broker, node, heartbeat=0.2)
    for _ in range(5):
        lease = await begin(prefetcher)
        await prefetcher.release(lease)
        prefetcher.note_downloaded(lease)
    at_work = [await begin(prefetcher), await begin(prefetcher)]
    third = asyncio.create_task(prefetcher.next(until_done=True))
    await renewed(every_redis, at_work[0])
    assert not third.done(), "leases that are gone made room for more than the capacity"
    node.drain()
    assert await third is None
    await close(prefetcher, node)


async def test_a_lease_that_expired_is_reported_lost_once(every_redis: Client, broker: Broker, node: Node) -> None:
    lost: list[Lease] = []
    broker.push_many([episode(1)])
    prefetcher = Prefetcher(
        broker,
        node,
        CAPACITY,
        heartbeat=0.1,
        on_lost=lost.append,
        on_failed=lambda *_: None,
        is_closing=lambda: False,
    )
    prefetcher.open()
    lease = await begin(prefetcher)
    assert prefetcher.surely_held_until(lease) > 0
    # As if it had expired, and another node had taken the entry.
    every_redis.zadd(LEASES, {lease.key: 0})
    assert broker.lease(broker.new_tokens(1)).leases
    await until(lambda: bool(lost))
    assert lost == [lease]
    assert prefetcher.leases == []
    assert not await prefetcher.still_held(lease)
    assert prefetcher.surely_held_until(lease) < 0
    await close(prefetcher, node)
