"""The base of most classes that read and write what Redis keeps of an archive."""

from typing import Any, Self

from redis import Redis

from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.keys import Keys


class InRedis:
    """What Redis keeps of one archive, or a part of that. Cheap to make; safe to use from several threads. Blocks on
    Redis."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._keys = keys

    @classmethod
    def from_settings(cls, settings: AnySettings, redis: Redis) -> Self:
        return cls(redis, Keys(read_namespace(settings)))
