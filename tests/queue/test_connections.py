"""What a node does about the connections of its leases: it tells Redis which it needs no more, and moves them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from scrapy.signalmanager import SignalManager

from podcrawler.exceptions import EntryError
from podcrawler.queue.broker import Broker
from podcrawler.queue.host_limits import HostLimits
from podcrawler.queue.leases import Lease
from podcrawler.queue.node import Node
from podcrawler.queue.prefetch import Prefetcher
from tests.builders import episode, make_broker
from tests.conftest import Client

CONNECTIONS = "{podcrawler}:episodes:connections"


@pytest.fixture
def broker(redis: Client) -> Broker:
    return make_broker(redis, host_limits=HostLimits(1))


@pytest.fixture
async def prefetcher(broker: Broker) -> AsyncIterator[Prefetcher]:
    """That of a node with two slots."""
    node = Node(SignalManager())
    prefetcher = Prefetcher(
        broker, node, 2, heartbeat=15, on_lost=lambda _: None, on_failed=lambda *_: None, is_closing=lambda: False
    )
    prefetcher.open()
    yield prefetcher
    node.stop()
    await prefetcher.close()


async def begin(prefetcher: Prefetcher) -> Lease:
    async with asyncio.timeout(20):
        lease = await prefetcher.next(until_done=False)
    assert lease is not None
    return lease


async def test_a_file_that_was_received_makes_room_before_it_is_published(
    broker: Broker, prefetcher: Prefetcher, redis: Client
) -> None:
    broker.push_many([episode(1), episode(2)])
    first = await begin(prefetcher)
    second = asyncio.create_task(begin(prefetcher))
    async with asyncio.timeout(20):
        while not redis.exists("{podcrawler}:episodes:full"):
            await asyncio.sleep(0.01)
    assert not second.done()
    prefetcher.note_downloaded(first)
    assert (await second).key == "show/2"
    assert prefetcher.holds(first)
    assert redis.hgetall(CONNECTIONS) == {b"media.example": b"1"}


async def test_a_file_tells_from_which_host_it_came(broker: Broker, prefetcher: Prefetcher, redis: Client) -> None:
    broker.push_many([episode(1), episode(2)])
    first = await begin(prefetcher)
    assert await prefetcher.move(first, "cdn.example")
    prefetcher.note_downloaded(first)
    assert (await begin(prefetcher)).host in ("cdn.example", "media.example")
    assert redis.hgetall("{podcrawler}:media-hosts") == {b"show/media.example": b"cdn.example"}


async def test_a_lease_that_cannot_move_is_gone(broker: Broker, prefetcher: Prefetcher, redis: Client) -> None:
    broker.push_many([episode(1, host="cdn.example"), episode(2)])
    first, second = await begin(prefetcher), await begin(prefetcher)
    assert (first.host, second.host) == ("cdn.example", "media.example")
    assert not await prefetcher.move(second, "cdn.example")
    assert prefetcher.leases == [first]
    assert not await prefetcher.move(second, "cdn.example")
    assert redis.zrange("{podcrawler}:episodes:pending:cdn.example", 0, -1) == [b"show/2"]


async def test_a_lease_need_not_move_to_where_it_counts_or_to_its_own_address(
    broker: Broker, prefetcher: Prefetcher, redis: Client
) -> None:
    """On the way from the tracker to the host of the file. Both have all of their connections."""
    redis.hset("{podcrawler}:media-hosts", "show/media.example", "cdn.example")
    broker.push_many([episode(1), episode(1, podcast="other")])
    leases = {lease.host: lease for lease in (await begin(prefetcher), await begin(prefetcher))}
    lease = leases["cdn.example"]
    assert lease.own_host == "media.example"
    for host in ("media.example", "second.example", "cdn.example"):
        assert await prefetcher.move(lease, host)
    assert redis.hgetall(CONNECTIONS) == {b"cdn.example": b"1", b"media.example": b"1"}


async def test_a_host_that_asks_for_a_pause_loses_what_was_not_begun(redis: Client) -> None:
    broker = make_broker(redis, host_limits=HostLimits(9))
    node = Node(SignalManager())
    prefetcher = Prefetcher(
        broker, node, 3, heartbeat=15, on_lost=lambda _: None, on_failed=lambda *_: None, is_closing=lambda: False
    )
    broker.push_many([*(episode(number, host="a.example") for number in (1, 2)), episode(3, host="b.example")])
    first = await begin(prefetcher)
    assert first.host == "a.example"
    assert {lease.host for lease in prefetcher.prefetched} == {"a.example", "b.example"}
    busy = EntryError("http-429", "Slow down.", "busy", retry_after=20)
    given_up = asyncio.create_task(prefetcher.give_up(first, busy))
    assert (await begin(prefetcher)).host == "b.example"
    assert await given_up == ("delayed", 25)
    assert prefetcher.prefetched == []
    assert redis.zrange("{podcrawler}:episodes:resting", 0, -1) == [b"a.example"]
    assert redis.zcard("{podcrawler}:episodes:pending:a.example") == 1
    node.stop()
    await prefetcher.close()
