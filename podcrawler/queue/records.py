"""The record of what is archived: the finished episodes of a podcast, and those that are not wanted any more.

Nodes add to it (broker.py); here it is compared with the store, and changed by the user's word. This module is quick to
import. Everything here blocks on Redis.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from redis.commands.core import Script

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.queue.base import InRedis
from podcrawler.queue.scripts import source
from podcrawler.queue.values import DROPPED, read_recorded, recorded, text

#: Fields in one answer of HSCAN, about: some milliseconds of Redis's time.
_PART = 5000


class Change(NamedTuple):
    """What is to be recorded of a finished episode from now on."""

    id: str
    #: What was read of it: if it is another by now, nothing is changed.
    seen: bytes
    #: Empty: its file is gone.
    value: str


class Recorded(NamedTuple):
    """A finished episode."""

    id: str
    #: Bytes.
    size: int
    #: The id of the store that has the file; empty if that is unknown.
    store: str
    #: Of the file: 1, and one more each time that the publisher has replaced it.
    version: int
    #: As it is in Redis.
    value: bytes

    def gone(self) -> Change:
        """Its file is gone."""
        return Change(self.id, self.value, "")

    def dropped(self) -> Change:
        """Its file is dropped on purpose, and not missed."""
        return Change(self.id, self.value, recorded(self.size, DROPPED, self.version))

    def found(self, size: int, store: str) -> Change:
        """Its file has this size, in this store."""
        return Change(self.id, self.value, recorded(size, store, self.version))


class Records(InRedis):
    """The record of one archive."""

    def finished(self, podcast_id: str) -> Iterator[Recorded]:
        """The finished episodes of a podcast that can be read."""
        for field, value in self._redis.hscan_iter(self._keys.finished(podcast_id), count=_PART):
            name = text(field)
            if found := read_recorded(value, f"the bytes of {podcast_id}/{name}"):
                yield Recorded(name, *found, value)

    def removed(self, podcast_id: str) -> set[str]:
        """The ids of the podcast's episodes that are not wanted any more."""
        return {text(name) for name in self._redis.hkeys(self._keys.removed(podcast_id))}

    def one(self, key: str) -> Recorded | None:
        """The finished episode with this key; None if it is not finished."""
        podcast_id, _, name = key.partition("/")
        value = self._redis.hget(self._keys.finished(podcast_id), name)
        return value and Recorded(name, *(read_recorded(value, f"the bytes of {key}") or (0, "", 1)), value)

    def change(self, podcast_id: str, changes: Iterable[Change], *, on_purpose: bool = False) -> int:
        """Record what has become of finished episodes; of how many. ``on_purpose``: files that are gone were removed on
        purpose, and their episodes are not wanted any more."""
        script = self._script("recheck")
        removed_at = round(time.time() * 1000) if on_purpose else ""
        changed = 0
        for batch in batches(changes, REDIS_BATCH):
            values = [value for change in batch for value in change]
            changed += int(script(keys=self._prefixes, args=[podcast_id, removed_at, *values]))
        return changed

    def forget(self, keys: Sequence[str]) -> list[bool | None]:
        """Forget episodes, whose keys have the form of one, so that they are not queued again. For each whether that
        was done: it is not while a node works on it. None: there is no such episode."""
        values = [value for key in keys for value in (key, *key.split("/"))]
        outcomes: Any = self._script("forget")(keys=self._prefixes, args=["", *values])
        return [None if outcome < 0 else bool(outcome) for outcome in outcomes]

    def want(self, key: str) -> bool:
        """Whether the episode was forgotten; it is queued again when it is listed."""
        podcast_id, _, name = key.partition("/")
        return bool(self._redis.hdel(self._keys.removed(podcast_id), name))

    @property
    def _prefixes(self) -> list[str]:
        return [self._keys.queue("episodes"), self._keys.archive]

    def _script(self, name: str) -> Script:
        return self._redis.register_script(source(name))  # type: ignore[no-any-return]
