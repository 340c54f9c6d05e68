"""When the episodes of a podcast were published, as pages say; and which are withdrawn: their feed does not
list them any more. Everything here blocks on Redis."""

import time
from collections.abc import Iterator, Mapping
from itertools import compress
from typing import NamedTuple

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.queue.base import InRedis
from podcrawler.queue.leases import Lease
from podcrawler.queue.values import LAST_TIME, text
from podcrawler.sites.identity import digest

#: Fields in one answer of HSCAN, about: some milliseconds of Redis's time.
_PART = 5000
#: Hex digits of the page, and of the lease, in what is kept of an episode: if two readings have the same ones, what was
#: withdrawn between them is noticed at the next.
_DIGITS = 4


class Visit(NamedTuple):
    """One reading of a page."""

    page: str
    lease: str

    @classmethod
    def of(cls, lease: Lease) -> "Visit":
        return cls(digest(lease.name, _DIGITS), digest(lease.token, _DIGITS))


class Dated(NamedTuple):
    """An episode with a date, as it was listed last."""

    name: str
    #: When it was published, in seconds since 1970.
    published: int
    visit: Visit

    @classmethod
    def read(cls, field: bytes, value: bytes) -> "Dated | None":
        """None if it cannot be read."""
        match text(value[:_LONGEST]).split(" "):
            case [seconds, page, lease] if seconds.isascii() and seconds.removeprefix("-").isdecimal():
                return cls(text(field), int(seconds), Visit(page, lease)) if abs(int(seconds)) <= LAST_TIME else None
        return None


#: Characters of such a value.
_LONGEST = len(f"-{LAST_TIME}") + 2 * (1 + _DIGITS)


class Dates(InRedis):
    """The dates of one archive."""

    def keep(self, podcast_id: str, dates: Mapping[str, int], visit: Visit) -> None:
        """Keep when episodes that a page lists were published, in seconds since 1970, by their ids. None of them is
        withdrawn any more."""
        for batch in batches(dates.items(), REDIS_BATCH):
            values = {name: f"{published} {visit.page} {visit.lease}" for name, published in batch}
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(self._keys.published(podcast_id), mapping=values)
            pipe.hdel(self._keys.withdrawn(podcast_id), *values)
            pipe.execute()

    def of(self, podcast_id: str) -> Iterator[Dated]:
        """The podcast's episodes that have a date."""
        found = self._redis.hscan_iter(self._keys.published(podcast_id), count=_PART)
        return filter(None, (Dated.read(field, value) for field, value in found))

    def note_withdrawn(self, podcast_id: str, visit: Visit, oldest: float, newest: float) -> list[str]:
        """Note which episodes a page does not list any more, although it has older and newer ones, from ``oldest`` to
        ``newest``; the ids of those that are new. All that it lists must have been kept.

        Whatever is as old as the oldest, or older, may have made room for new ones: many feeds list their latest
        episodes only. And what another page listed since is not this page's to withdraw."""
        gone = [
            dated.name
            for dated in self.of(podcast_id)
            if oldest < dated.published <= newest and dated.visit.page == visit.page and dated.visit != visit
        ]
        now, noted = round(time.time() * 1000), list[str]()
        for batch in batches(gone, REDIS_BATCH):
            pipe = self._redis.pipeline(transaction=False)
            for name in batch:
                pipe.hsetnx(self._keys.withdrawn(podcast_id), name, now)
            noted += compress(batch, pipe.execute())
        return noted
