"""Whether entries of a group are open, counted one by one: what counts them in passing may have been overwritten.

Everything here blocks on Redis.
"""

from collections.abc import Collection
from typing import Any

from redis import Redis

from podcrawler.batching import batches
from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.failures import group_of
from podcrawler.queue.keys import Keys
from podcrawler.queue.values import text

#: Entries in one answer of Redis, about.
_BATCH = 1000


class Recount:
    """One queue of one archive."""

    def __init__(self, redis: Redis, keys: Keys, queue: str) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._prefix = keys.queue(queue)

    @classmethod
    def from_settings(cls, settings: AnySettings, redis: Redis, queue: str) -> "Recount":
        return cls(redis, Keys(read_namespace(settings)), queue)

    def has_open(self, groups: Collection[str]) -> bool:
        """Whether an entry of these groups is pending, leased or delayed. Looks at every entry if none is."""
        routes = self._redis.hscan_iter(f"{self._prefix}routes", count=_BATCH)
        for batch in batches(routes, _BATCH):
            keys = [key for key, route in batch if group_of(text(key), route) in groups]
            if keys and None in self._redis.hmget(f"{self._prefix}failed", keys):
                return True
        return False

    def drop(self, groups: Collection[str]) -> None:
        """Drop what was counted in passing. A count that is too low does no harm, one that is too high lasts."""
        if groups:
            self._redis.hdel(f"{self._prefix}open", *groups)
