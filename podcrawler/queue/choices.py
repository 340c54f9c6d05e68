"""Which episodes of a podcast are left out, and what decides on that beyond a single page.

Everything here blocks on Redis.
"""

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from math import isnan, nan
from typing import Annotated

from pydantic import Field
from scrapy import Request
from typing_extensions import TypedDict

from podcrawler.batching import REDIS_BATCH, batches
from podcrawler.queue.base import InRedis
from podcrawler.queue.entries import WANTED
from podcrawler.queue.failures import Failed, read_failed
from podcrawler.queue.scripts import source
from podcrawler.queue.values import LAST_TIME, Shape, number, read_json, text
from podcrawler.sites.wanted import Latest, Wanted

#: Episodes that are kept for one podcast: of more, the newest of each page.
MOST_LEFT_OUT = 5_000


class _Latest(TypedDict):
    time: Annotated[float, Field(ge=-LAST_TIME, le=LAST_TIME, allow_inf_nan=False)] | None
    title: str


_LATEST = Shape[_Latest](_Latest)


class Choices(InRedis):
    """The choices in one archive."""

    def leave_out(self, podcast_id: str, names: Mapping[str, str]) -> int:
        """Leave out these episodes of a page, unless they are finished or leased: by id, with what is told of each
        (JSON). Returns how many of them were pending or delayed."""
        script = self._redis.register_script(source("leave_out"))
        prefixes = [self._keys.queue("episodes"), self._keys.archive]
        calls = (chain.from_iterable(batch) for batch in batches(names.items(), REDIS_BATCH))
        return sum(int(script(keys=prefixes, args=[podcast_id, MOST_LEFT_OUT, *values])) for values in calls)

    def states(
        self, podcast_id: str, names: Mapping[str, str], other_versions: Container[str] = ()
    ) -> dict[str, tuple[str, Failed | None]]:
        """The state of each of the podcast's episodes, which are given by id with their versions (``Entry.version``);
        "removed" if the user does not want it; empty if it has no state, or failed with another version. A failed one
        comes with its failure. ``other_versions``: ids of new versions, for which it does not count that an earlier one
        is finished."""
        script = self._redis.register_script(source("look"))
        prefixes = [self._keys.queue("episodes"), self._keys.archive]
        found = {}
        for batch in batches(names.items(), REDIS_BATCH):
            answers = script(
                keys=prefixes,
                args=[
                    word for name, version in batch for word in (podcast_id, name, version, int(name in other_versions))
                ],
            )
            for (name, _), state, failure in zip(batch, answers[::2], answers[1::2], strict=True):
                key = f"{podcast_id}/{name}".encode()
                found[name] = text(state), read_failed(key, None, failure, None) if failure else None
        return found

    def forget(self, podcast_id: str) -> None:
        """Forget what earlier visits left out."""
        self._redis.delete(self._keys.left_out(podcast_id))

    def among(self, podcast_id: str, names: Sequence[str]) -> set[str]:
        """Those of the episodes that are left out, by id."""
        if not names:
            return set()
        found = self._redis.hmget(self._keys.left_out(podcast_id), list(names))
        return {name for name, value in zip(names, found, strict=True) if value is not None}

    def latest(self, podcast_id: str) -> dict[str, Latest]:
        """The latest of the pages of this visit so far, by id, the newest first."""
        found = self._redis.lrange(self._latest(podcast_id), 0, -1)
        latest = {}
        for name, value in zip(found[::2], found[1::2], strict=False):
            if one := read_json(_LATEST, value, f"one of the latest of {podcast_id}"):
                latest[text(name)] = Latest(nan if one["time"] is None else one["time"], one["title"])
        return latest

    def keep_latest(self, podcast_id: str, latest: Mapping[str, Latest], *, seconds: int) -> None:
        """Keep the latest of the pages so far for so many ``seconds``."""
        key = self._latest(podcast_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(key)
        for batch in batches(latest.items(), REDIS_BATCH):
            pipe.rpush(key, *chain.from_iterable((name, _written(one)) for name, one in batch))
        pipe.expire(key, seconds)
        pipe.execute()

    def put_into(self, requests: Iterable[Request], wanted: Wanted, *, remember: bool = True) -> None:
        """Put what is wanted into the requests for pages. With ``new_after``, the first time that this was asked for an
        address counts; ``remember``: this time is the first one if there was none."""
        for request in requests:
            own = wanted
            if wanted.new_after is not None:
                own = replace(wanted, new_after=self._new_since(request.url, wanted.new_after, remember=remember))
            if not own.is_everything:
                request.meta[WANTED] = own.to_json()

    def _new_since(self, address: str, now: float, *, remember: bool) -> float:
        # By address that was given with ``--new-only``: when it was for the first time.
        key = f"{self._keys.archive}new-only"
        if remember:
            self._redis.hsetnx(key, address, round(now))
        first = number(self._redis.hget(key, address))
        return float(first) if 0 < first <= now else now

    def _latest(self, podcast_id: str) -> str:
        return f"{self._keys.archive}latest:{podcast_id}"


def _written(one: Latest) -> str:
    return json.dumps({"time": None if isnan(one.time) else one.time, "title": one.title})
