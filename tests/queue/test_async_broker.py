"""Calls of the broker: repeated while Redis is away, refused where it never answers, tried once by a stopping node."""

import asyncio

import pytest
from redis.exceptions import BusyLoadingError, OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import ConnectionError as AwayError
from scrapy.signalmanager import SignalManager

from podcrawler.exceptions import RedisError as UnusableRedisError
from podcrawler.queue import acks
from podcrawler.queue.async_broker import AsyncBroker
from podcrawler.queue.node import Node
from tests.builders import episode, lease_one, make_broker
from tests.conftest import Client


@pytest.fixture
def node() -> Node:
    return Node(SignalManager())


class Call:
    """A call that raises these errors first, and returns 42 then."""

    def __init__(self, *errors: RedisError) -> None:
        self._errors = list(errors)

    def __call__(self) -> int:
        if self._errors:
            raise self._errors.pop(0)
        return 42


async def test_a_call_is_repeated_until_redis_answers(
    redis: Client, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    broker = AsyncBroker(make_broker(redis), node)
    away, loading = AwayError("Connection refused."), BusyLoadingError("Redis is loading the dataset in memory")
    assert await broker.call(Call(away, away, loading, loading)) == 42
    first, second, back = caplog.messages
    assert first.startswith("Redis does not answer (Connection refused): this node keeps its leases")
    assert second.startswith("Redis is still loading its data: wait until it has. This node keeps its leases")
    assert back.startswith("Redis answers again, after ")
    broker.close()


async def test_an_outage_is_told_once_however_its_calls_fail(
    redis: Client, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    broker = AsyncBroker(make_broker(redis), node)
    away, loading = AwayError("Connection refused."), BusyLoadingError("Redis is loading the dataset in memory")
    assert await broker.call(Call(away, loading, away, loading)) == 42
    assert [message.partition(" (")[0].partition(",")[0] for message in caplog.messages] == [
        "Redis does not answer",
        "Redis is still loading its data: wait until it has. This node keeps its leases and transfers",
        "Redis answers again",
    ]
    broker.close()


async def test_calls_that_succeed_while_others_fail_are_no_end_of_that(
    redis: Client, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    broker = AsyncBroker(make_broker(redis), node)
    full = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
    failing = asyncio.create_task(broker.call(Call(full, full)))
    while not caplog.messages:
        assert await broker.call(Call()) == 42
    assert len(caplog.messages) == 1
    assert await broker.call(Call()) == 42
    assert len(caplog.messages) == 1
    await failing
    assert len(caplog.messages) == 2
    broker.close()


async def test_a_call_that_redis_refuses_is_not_repeated(redis: Client, node: Node) -> None:
    broker = AsyncBroker(make_broker(redis), node)
    with pytest.raises(UnusableRedisError, match="NOPERM"):
        await broker.call(Call(ResponseError("NOPERM this user has no permissions")))
    broker.close()


async def test_a_node_that_stops_tries_once(redis: Client, node: Node) -> None:
    broker = AsyncBroker(make_broker(redis), node)
    node.drain()
    assert await broker.call(Call(AwayError())) == 42
    node.stop()
    with pytest.raises(AwayError):
        await broker.call(Call(AwayError()))
    broker.close()


async def test_each_acknowledgement_gets_its_own_outcome(redis: Client, node: Node) -> None:
    queue = make_broker(redis)
    queue.push_many([episode(1), episode(2)])
    first, second = lease_one(queue), lease_one(queue)
    broker = AsyncBroker(queue, node)
    ends = [acks.release(first), acks.finish(second, size=1, path="x"), acks.release(second)]
    futures = [broker.acknowledge(ack) for ack in ends]
    assert broker.unsent == ends
    assert await asyncio.gather(*futures) == [True, True, False]
    assert broker.unsent == []
    broker.close()
