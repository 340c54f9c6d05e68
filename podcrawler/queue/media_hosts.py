"""What the fleet has learnt of the hosts of media files, by podcast. Everything here blocks on Redis."""

from typing import Any

from redis import Redis

from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.keys import Keys

#: Seconds for which a host that refused a range is not asked for another.
_RANGES_REFUSED_FOR = 24 * 3600


class MediaHosts:
    """The records of one archive. Cheap to make; safe to use from several threads."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._keys = keys

    @classmethod
    def from_settings(cls, settings: AnySettings, redis: Redis) -> "MediaHosts":
        return cls(redis, Keys(read_namespace(settings)))

    def note_range_refused(self, podcast_id: str, host: str) -> None:
        """Remember for a day that the host gave no part of a file, but the whole."""
        key = self._keys.no_ranges(podcast_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.sadd(key, host)
        pipe.expire(key, _RANGES_REFUSED_FOR)
        pipe.execute()

    def refuses_ranges(self, podcast_id: str, host: str) -> bool:
        """Whether the host has refused one for a file of the podcast lately."""
        return bool(self._redis.sismember(self._keys.no_ranges(podcast_id), host))
