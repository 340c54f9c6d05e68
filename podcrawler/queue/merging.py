"""Two podcasts that are one, by the user's word: what Redis knows of one of them becomes the other's.

Everything here blocks on Redis. All of it may be repeated, if it was interrupted.
"""

from typing import Any

from redis import Redis

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.broker import Broker
from podcrawler.queue.keys import QUEUES, Keys
from podcrawler.queue.values import text


class Merging:
    """The merging of podcasts of one archive."""

    def __init__(self, redis: Redis, keys: Keys, episodes: Broker) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._keys = keys
        self._episodes = episodes

    @classmethod
    def from_settings(cls, settings: AnySettings, redis: Redis) -> "Merging":
        keys = Keys(read_namespace(settings))
        return cls(redis, keys, Broker.from_settings(settings, redis, "episodes"))

    def leases(self) -> int:
        """How many entries nodes are working on."""
        return sum(int(self._redis.zcard(f"{self._keys.queue(name)}leases")) for name in QUEUES)

    def has(self, podcast_id: str) -> bool:
        """Whether the archive knows a podcast with this id."""
        return bool(self._redis.hexists(self._keys.podcasts, podcast_id)) or self.has_finished(podcast_id)

    def has_finished(self, podcast_id: str) -> bool:
        """Whether an episode of the podcast is finished."""
        return bool(self._redis.exists(self._keys.finished(podcast_id)))

    def join(self, gone: str, kept: str) -> int:
        """Make the episodes, the addresses and the login of the podcast ``gone`` those of ``kept``, which keeps what it
        has itself, and forget ``gone``; how many finished episodes it brought. Nothing may be leased."""
        keys = self._keys
        finished = self._redis.hscan_iter(keys.finished(gone), count=REDIS_BATCH)
        brought = self._episodes.record((kept, text(name), value) for name, value in finished)
        copied = keys.identities, keys.imported, keys.removed, keys.published, keys.withdrawn, keys.versions
        for of_podcast in copied:
            self._copy(of_podcast(gone), of_podcast(kept))
        # Its next visit lists what was not downloaded yet, as episodes of the other one.
        self._episodes.record((gone, name, 0) for name in self._entries(gone))
        self._lead(gone, kept)
        if login := self._redis.hget(keys.logins, gone):
            self._redis.hsetnx(keys.logins, kept, login)
        pipe = self._redis.pipeline(transaction=True)
        for key in (keys.logins, keys.podcasts, keys.visited):
            pipe.hdel(key, gone)
        others = keys.finished, keys.accounts, keys.no_ranges, keys.listed, keys.left_out
        pipe.delete(*(of_podcast(gone) for of_podcast in (*copied, *others)))
        pipe.execute()
        return brought

    def _entries(self, podcast_id: str) -> list[str]:
        """The ids of the podcast's episodes that are pending, delayed or failed."""
        routes = f"{self._keys.queue('episodes')}routes"
        found = self._redis.hscan_iter(routes, match=f"{podcast_id}/*", count=REDIS_BATCH)
        return [text(key).rpartition("/")[2] for key, _ in found]

    def _copy(self, source: str, target: str) -> None:
        for fields in batches(self._redis.hscan_iter(source, count=REDIS_BATCH), REDIS_BATCH):
            pipe = self._redis.pipeline(transaction=False)
            for name, value in fields:
                pipe.hsetnx(target, name, value)
            pipe.execute()

    def _lead(self, gone: str, kept: str) -> None:
        """Have all that leads to the one podcast lead to the other."""
        found = self._redis.hscan_iter(self._keys.addresses, count=REDIS_BATCH)
        addresses = [address for address, value in found if text(value) == gone]
        for batch in batches(addresses, REDIS_BATCH):
            self._redis.hset(self._keys.addresses, mapping=dict.fromkeys(batch, kept))
