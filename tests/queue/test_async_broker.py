"""Calls of the broker: repeated while Redis is away, refused where it never answers, tried once by a stopping node."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as AwayError
from redis.exceptions import RedisError, ResponseError
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


@pytest.mark.parametrize(
    "error",
    [AwayError("Connection refused."), ResponseError("LOADING Redis is loading the dataset in memory")],
    ids=["away", "loading"],
)
async def test_a_call_is_repeated_until_redis_answers(
    redis: Client, node: Node, error: RedisError, caplog: pytest.LogCaptureFixture
) -> None:
    broker = AsyncBroker(make_broker(redis), node)
    assert await broker.call(Call(error, error)) == 42
    away, back = caplog.messages
    assert away.startswith(f"Redis does not answer ({error})")
    assert back.startswith("Redis answers again, after ")
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
