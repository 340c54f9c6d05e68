"""Calls of the broker from the event loop: in threads, repeated while Redis is away, with acknowledgements in batches.

A restart of Redis, or a break of the network, delays what needs Redis's answer and nothing else.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from redis.exceptions import ConnectionError as ClosedError
from redis.exceptions import RedisError

from podcrawler.batching import Batcher
from podcrawler.exceptions import RedisError as UnusableRedisError
from podcrawler.queue.acks import Ack
from podcrawler.queue.broker import Broker
from podcrawler.queue.node import Node
from podcrawler.queue.outage import Outage
from podcrawler.redis.answers import is_passing, sentence_about

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Seconds between two tries to reach a Redis that is away, at first and at most.
_FIRST_RECONNECT, _LAST_RECONNECT = 0.1, 2.0
#: Concurrent calls: one for leases, one for acknowledgements, one for everything else, so that none waits for another.
_THREADS = 3
#: Seconds between two batches of acknowledgements, so that those of many small files share one.
_ACK_INTERVAL = 0.02
#: Acknowledgements in one batch, at most: some milliseconds of Redis's time.
_MAX_ACKS = 100


class AsyncBroker:
    """The asynchronous side of a Broker, for one node."""

    def __init__(self, broker: Broker, node: Node) -> None:
        self._node = node
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="redis")
        self._acks: Batcher[Ack[Any], Any] = Batcher(
            lambda acks: self.call(broker.acknowledge, tuple(acks)), max_size=_MAX_ACKS, interval=_ACK_INTERVAL
        )
        self._moves: Batcher[Ack[Any], Any] = Batcher(
            lambda moves: self.call(broker.acknowledge, moves), max_size=_MAX_ACKS
        )
        self._outage = Outage()
        self._is_closed = False

    async def call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call ``function`` in a thread, again and again while Redis is away: nothing may change its arguments, neither
        the function nor the caller.

        Raises podcrawler's RedisError if Redis refuses the call, and redis-py's as soon as a try fails while the node
        is stopping, and after ``close``."""
        pause = _FIRST_RECONNECT
        call, has_answer = object(), False
        try:
            while True:
                if self._is_closed:
                    raise ClosedError("this node has ended its calls")
                loop = asyncio.get_running_loop()
                try:
                    answer = await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))
                except RedisError as error:
                    if self._node.is_stopping:
                        raise
                    if not is_passing(error):
                        raise UnusableRedisError(sentence_about(error)) from error
                    self._outage.note_failure(call, error)
                else:
                    has_answer = True
                    return answer
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LAST_RECONNECT)
        finally:
            self._outage.note_end(call, has_answer=has_answer)

    def acknowledge(self, ack: Ack[_T]) -> asyncio.Future[_T]:
        """End a lease, in one batch with others that end at about the same time; the outcome. Raises as ``call``."""
        return self._acks.submit(ack)

    def move(self, ack: Ack[_T]) -> asyncio.Future[_T]:
        """Count a lease for another host, in one batch with others that wait for that; the outcome. Raises as
        ``call``."""
        return self._moves.submit(ack)

    @property
    def unsent(self) -> list[Ack[Any]]:
        """The acknowledgements that Redis may not have received yet."""
        return self._acks.unsent

    def close(self) -> None:
        self._is_closed = True
        self._threads.shutdown(wait=False)
