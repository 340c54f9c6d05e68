"""What Redis knows of the entries that a podcast's pages listed: how they are known again, and what became of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import TypedDict

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.queue.base import InRedis
from podcrawler.queue.values import Count, Shape, read_json, read_recorded, text

#: Fields in one answer of HSCAN, about: some milliseconds of Redis's time.
_PART = 5000


class AccountJson(TypedDict, total=False):
    """What became of the entries of a page (``sites.accounting.Account.to_json``)."""

    entries: Count
    listed: Count
    left_out: dict[str, Count]
    examples: dict[str, list[str]]


_ACCOUNT = Shape[AccountJson](AccountJson)


class Listings(InRedis):
    """The listed entries of one archive."""

    def identities(self, podcast_id: str, cursor: int = 0) -> tuple[int, dict[str, str]]:
        """A part of what is kept of the podcast's episodes to know them again (identities.py), by their ids, and the
        cursor of the next part; 0 after the last one."""
        cursor, found = self._redis.hscan(self._keys.identities(podcast_id), cursor, count=_PART)
        return cursor, {text(name): text(traits) for name, traits in found.items()}

    def keep_identities(self, podcast_id: str, traits: Mapping[str, str]) -> None:
        for batch in batches(traits.items(), REDIS_BATCH):
            self._redis.hset(self._keys.identities(podcast_id), mapping=dict(batch))

    def finished_sizes(self, podcast_id: str, names: Sequence[str]) -> dict[str, int]:
        """The bytes of those episodes that are finished, by id."""
        if not self._redis.exists(self._keys.finished(podcast_id)):
            return {}
        pairs = zip(names, self._redis.hmget(self._keys.finished(podcast_id), list(names)), strict=True)
        found = ((name, read_recorded(size, f"the bytes of {podcast_id}/{name}")) for name, size in pairs if size)
        return {name: recorded[0] if recorded else 0 for name, recorded in found}

    def recorded(self, podcast_ids: Sequence[str]) -> dict[str, int]:
        """How many episodes of each podcast are recorded as finished."""
        return self._lengths(podcast_ids, self._keys.finished)

    def removed(self, podcast_ids: Sequence[str]) -> dict[str, int]:
        """How many episodes of each podcast are not wanted any more."""
        return self._lengths(podcast_ids, self._keys.removed)

    def _lengths(self, podcast_ids: Sequence[str], key_of: Callable[[str], str]) -> dict[str, int]:
        pipe = self._redis.pipeline(transaction=False)
        for podcast_id in podcast_ids:
            pipe.hlen(key_of(podcast_id))
        return dict(zip(podcast_ids, pipe.execute(), strict=True))

    def note_listed(self, podcast_id: str, names: Sequence[str], page: str, *, seconds: int, is_first: bool) -> bool:
        """Note, for ``seconds``, which entries a page lists; whether it is the first page of the visit to list any of
        them. ``is_first``: the page begins a visit. Safe to repeat."""
        key = self._keys.listed(podcast_id)
        pipe = self._redis.pipeline(transaction=False)
        if is_first:
            pipe.delete(key)
        for name in names:
            pipe.hsetnx(key, name, page)
        pipe.expire(key, seconds)
        pipe.execute()
        return page.encode() in self._redis.hmget(key, list(names)) if names else False

    def keep_account(self, podcast_id: str, page: str, account: Mapping[str, Any] | None, *, is_first: bool) -> None:
        """Keep what became of the entries of a page. ``is_first``: the page begins a visit. None: they are episodes."""
        pipe = self._redis.pipeline(transaction=True)
        if is_first:
            pipe.delete(self._keys.accounts(podcast_id))
        if account:
            pipe.hset(self._keys.accounts(podcast_id), page, json.dumps(account))
        pipe.execute()

    def accounts(self, podcast_ids: Sequence[str]) -> dict[str, list[AccountJson]]:
        """What is kept by ``keep_account`` of each page of these podcasts, for those that have any."""
        pipe = self._redis.pipeline(transaction=False)
        for podcast_id in podcast_ids:
            pipe.hvals(self._keys.accounts(podcast_id))
        found: dict[str, list[AccountJson]] = {}
        for podcast_id, pages in zip(podcast_ids, pipe.execute(), strict=True):
            for page in pages:
                if account := read_json(_ACCOUNT, page, f"an account of {podcast_id}"):
                    found.setdefault(podcast_id, []).append(account)
        return found
