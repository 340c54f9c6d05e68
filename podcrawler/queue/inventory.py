"""What an archive has, podcast by podcast and episode by episode, as it is looked at.

It is read in parts, however many there are. What changes meanwhile may be in two parts, or in none.
This module is quick to import. Everything here blocks on Redis.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from redis import Redis

from podcrawler.batching import batches
from podcrawler.ids import EPISODE_ID
from podcrawler.queue.base import InRedis
from podcrawler.queue.failures import read_failed, title_in
from podcrawler.queue.forms import encodable
from podcrawler.queue.keys import Keys
from podcrawler.queue.naming import legal_id
from podcrawler.queue.states import Counts
from podcrawler.queue.values import DROPPED, LAST_TIME, number, read_recorded, tell, text, whole

#: Fields in one answer of HSCAN, about: some milliseconds of Redis's time. Those of entries have whole requests.
_PART, _ENTRIES = 5000, 500
_PODCASTS = 100

State = Literal["pending", "leased", "delayed", "failed", "finished", "removed", "left out"]


@dataclass(frozen=True, slots=True)
class Newest:
    """The episode with the latest date that the pages of a podcast have listed."""

    id: str
    title: str
    #: In UTC: ``YYYY-MM-DDTHH:MM:SSZ``.
    published: str


@dataclass(frozen=True, slots=True)
class PodcastSummary:
    """A podcast. Its fields are those of ``podcasts --json``."""

    id: str
    #: Empty if no list page of it was finished.
    title: str
    address: str
    #: By state.
    episodes: Counts
    #: Of the finished ones.
    bytes: int
    #: How many are not wanted any more (``forget``).
    removed: int
    #: When a list page of it was last finished, in seconds since 1970; None if none was, or by an earlier release.
    last_visit: float | None
    #: None if that is unknown, or none has a date.
    newest: Newest | None


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """An episode. Its fields are those of ``episodes --json``, which has the file besides."""

    id: str
    podcast: str
    state: State
    #: As it was listed; empty for a finished one.
    title: str = ""
    #: Bytes of the file; None until it is finished.
    size: int | None = None
    #: Of a failed one, as in ``Failed``; of one that is left out, the reason.
    kind: str = ""
    reason: str = ""
    #: Of a delayed one: when it is tried again, in seconds since 1970.
    next_try: float | None = None
    #: When its podcast was first seen not to list it any more, in seconds since 1970; None: it was not.
    withdrawn: float | None = None
    #: Whether its file was dropped on purpose (``keep``).
    dropped: bool = False
    #: Of a finished one: which version of its file is archived, beside earlier ones.
    version: int = 1


class Inventory(InRedis):
    """The podcasts and episodes of one archive."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        super().__init__(redis, keys)
        self._queue = keys.queue("episodes")

    def podcast_ids(self) -> list[str]:
        """All podcasts: those of which a list page was finished, files were imported, or episodes are queued."""
        return self._podcast_ids(self._failed())

    def podcasts(self) -> Iterator[PodcastSummary]:
        """All podcasts, by id."""
        leased = Counter(map(_podcast_of, self._members("leases")))
        delayed = Counter(map(_podcast_of, self._members("delayed")))
        failed = self._failed()
        names = self._podcast_ids(failed)
        for batch in batches(names, _PODCASTS):
            records = self._redis.hmget(self._keys.podcasts, batch)
            visits = self._redis.hmget(self._keys.visited, batch)
            open_counts = self._redis.hmget(f"{self._queue}open", batch)
            for name, record, visit, counted in zip(batch, records, visits, open_counts, strict=True):
                title, address = _read_podcast(name, record)
                last_visit, newest = _read_visit(name, visit)
                finished, size = self._finished(name)
                removed = self._redis.hlen(self._keys.removed(name))
                pending = max(0, number(counted) - leased[name] - delayed[name])
                counts = Counts(pending, leased[name], delayed[name], failed[name], finished)
                yield PodcastSummary(name, title, address, counts, size, removed, last_visit, newest)

    def episodes(self, podcast_id: str) -> Iterator[EpisodeSummary]:
        """The podcast's episodes: first those that are not finished."""
        withdrawn = dict(self._fields(self._keys.withdrawn(podcast_id), _PART))
        for episode in self._in_states(podcast_id):
            moment = withdrawn.get(episode.id.encode())
            yield replace(episode, withdrawn=min(number(moment) / 1000, LAST_TIME)) if moment else episode

    def _in_states(self, podcast_id: str) -> Iterator[EpisodeSummary]:
        routes = self._fields(f"{self._queue}routes", _PART, f"{podcast_id}/*")
        for batch in batches((key for key, _ in routes), _ENTRIES):
            yield from self._unfinished(podcast_id, batch)
        for field, value in self._fields(self._keys.finished(podcast_id), _PART):
            if name := _episode_id(field, podcast_id):
                size, store, version = _recorded(value, podcast_id, name)
                yield EpisodeSummary(name, podcast_id, "finished", size=size, dropped=store == DROPPED, version=version)
        for field, _ in self._fields(self._keys.removed(podcast_id), _PART):
            if name := _episode_id(field, podcast_id):
                yield EpisodeSummary(name, podcast_id, "removed")
        for field, value in self._fields(self._keys.left_out(podcast_id), _ENTRIES):
            if name := _episode_id(field, podcast_id):
                told = _object(value, f"why {podcast_id}/{name} is left out")
                yield EpisodeSummary(name, podcast_id, "left out", _word(told, "title"), reason=_word(told, "reason"))

    def _unfinished(self, podcast_id: str, keys: Sequence[bytes]) -> Iterator[EpisodeSummary]:
        pipe = self._redis.pipeline(transaction=False)
        for hash_name in ("entries", "failed"):
            pipe.hmget(f"{self._queue}{hash_name}", keys)
        for key in keys:
            pipe.zscore(f"{self._queue}leases", key)
            pipe.zscore(f"{self._queue}delayed", key)
        requests, failures, *scores = pipe.execute()
        for key, request, failure, expiry, due in zip(keys, requests, failures, scores[::2], scores[1::2], strict=True):
            # Without a request it has ended since the scan read it.
            name = _episode_id(key.partition(b"/")[2], podcast_id)
            if request is None or not name:
                continue
            title = title_in(request)
            if failure is not None:
                failed = read_failed(key, None, failure, None)
                yield EpisodeSummary(name, podcast_id, "failed", title, kind=failed.kind, reason=failed.reason)
            elif expiry is not None:
                yield EpisodeSummary(name, podcast_id, "leased", title)
            elif due is not None:
                yield EpisodeSummary(name, podcast_id, "delayed", title, next_try=min(max(0.0, due / 1000), LAST_TIME))
            else:
                yield EpisodeSummary(name, podcast_id, "pending", title)

    def _finished(self, podcast_id: str) -> tuple[int, int]:
        """How many episodes of the podcast are finished, and their bytes."""
        count = total = 0
        for field, value in self._fields(self._keys.finished(podcast_id), _PART):
            if name := _episode_id(field, podcast_id):
                count += 1
                total += _recorded(value, podcast_id, name)[0] or 0
        return count, total

    def _failed(self) -> Counter[str]:
        """How many episodes have failed, by podcast."""
        return Counter(_podcast_of(key) for key, _ in self._fields(f"{self._queue}failed", _ENTRIES))

    def _podcast_ids(self, failed: Collection[str]) -> list[str]:
        hashes = self._keys.podcasts, self._keys.visited, f"{self._queue}open"
        found = {_podcast_of(field) for key in hashes for field in self._redis.hkeys(key)}
        return sorted({*found, *failed} - {""})

    def _fields(self, key: str, count: int, match: str | None = None) -> Iterator[tuple[bytes, bytes]]:
        return self._redis.hscan_iter(key, match=match, count=count)  # type: ignore[no-any-return]

    def _members(self, name: str) -> Iterator[bytes]:
        """The members of a sorted set of entries."""
        start = 0
        while part := self._redis.zrange(f"{self._queue}{name}", start, start + _PART - 1):
            yield from part
            start += _PART


def _podcast_of(key: bytes) -> str:
    """The podcast that an entry is of, or that is named; empty if it is of none, such as a page."""
    return "" if b":" in key else legal_id(key.partition(b"/")[0])


def _episode_id(field: bytes, podcast_id: str) -> str:
    """The id; empty if it is none."""
    name = text(field)
    if EPISODE_ID.fullmatch(name):
        return name
    tell(f"the id of an episode of {podcast_id} {name!r}", "it has other characters, or too many")
    return ""


def _recorded(value: bytes, podcast_id: str, name: str) -> tuple[int | None, str, int]:
    """As ``read_recorded``; bytes that cannot be read are None."""
    return read_recorded(value, f"the bytes of {podcast_id}/{name}") or (None, "", 1)


# By hand, because a look at an archive reads nothing else that pydantic would have to be imported for.


def _read_podcast(podcast_id: str, record: bytes | None) -> tuple[str, str]:
    """The title and the address of a podcast."""
    found = _object(record, f"the podcast {podcast_id}")
    title, address = found.get("title", ""), found.get("address", "")
    if isinstance(title, str) and isinstance(address, str) and encodable(title + address):
        return title, address
    tell(f"the podcast {podcast_id}", "its title or its address is none")
    return "", ""


def _read_visit(podcast_id: str, visit: bytes | None) -> tuple[float | None, Newest | None]:
    """When the podcast was visited, and its newest episode."""
    found = _object(visit, f"the visit to {podcast_id}")
    at = whole(found.get("at"), LAST_TIME * 1000)
    newest = None
    match found.get("newest"):
        case {"id": str(name), "title": str(title), "published": str(published)}:
            if EPISODE_ID.fullmatch(name) and encodable(title + published):
                newest = Newest(name, title, published)
    return None if at is None else at / 1000, newest


def _word(found: Mapping[str, Any], name: str) -> str:
    word = found.get(name)
    return word if isinstance(word, str) and encodable(word) else ""


def _object(value: bytes | None, what: str) -> Mapping[str, Any]:
    """The JSON object; an empty one if there is none that can be read."""
    if value is None:
        return {}
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        tell(what, error)
        return {}
    if not isinstance(found, dict):
        tell(what, "it is no object")
        return {}
    return found
