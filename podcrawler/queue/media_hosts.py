"""What the fleet has learnt of the hosts of media files, by podcast. Everything here blocks on Redis."""

from podcrawler.queue.base import InRedis

#: Seconds for which a host that refused a range is not asked for another.
_RANGES_REFUSED_FOR = 24 * 3600


class MediaHosts(InRedis):
    """What is known of the hosts of one archive."""

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
