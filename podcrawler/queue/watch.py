"""Notices that Redis has forgotten something: it was emptied, lost its data, or an older copy has taken its place.

Who watches writes a number there, and finds it again. A script to which the queue contradicts itself deletes all of
these numbers. Everything here blocks on Redis.
"""

import secrets
from typing import Any

from redis import Redis

from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.keys import Keys
from podcrawler.queue.values import number

#: Seconds for which the numbers are kept after the last look of anybody.
_KEPT_FOR = 24 * 3600


class Watch:
    """One watch over one archive."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._key = f"{keys.archive}watches"
        self._name = secrets.token_hex(8)
        #: The number that Redis has, as it said last.
        self._number = 0

    @classmethod
    def from_settings(cls, settings: AnySettings, redis: Redis) -> "Watch":
        return cls(redis, Keys(read_namespace(settings)))

    def look(self) -> bool:
        """Whether Redis has kept everything that was written before the last look; True at the first."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hget(self._key, self._name)
        pipe.hset(self._key, self._name, self._number + 1)
        pipe.expire(self._key, _KEPT_FOR)
        # The next one is there already if the answer to a call was lost, and the call repeated.
        has_kept = number(pipe.execute()[0]) in (self._number, self._number + 1)
        self._number += 1
        return has_kept

    def end(self) -> None:
        self._redis.hdel(self._key, self._name)
