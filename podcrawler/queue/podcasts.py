"""What the last visits told of podcasts, as Redis keeps it. Blocks on Redis."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from redis import Redis

from podcrawler.items import Podcast
from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue import forms
from podcrawler.queue.keys import Keys
from podcrawler.queue.values import Shape, read_json

_PODCAST = Shape[Podcast](Podcast)


def record_of(podcast: Podcast) -> str:
    """As JSON, as Redis keeps it."""
    # Not by the adapter: to make that takes a hundredfold of the time, and each process that reads a page would do so.
    return json.dumps(asdict(podcast), ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


def encodable(podcast: Podcast) -> Podcast:
    """The podcast without halves of surrogate pairs, which JSON may have, and UTF-8 has not: they become question
    marks."""
    record = record_of(podcast)
    if forms.encodable(record):
        return podcast
    return _PODCAST.adapter.validate_json(record.encode("utf-8", "replace"))


class Podcasts:
    """The podcasts of one archive. Cheap to make; safe to use from several threads."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._keys = keys

    @classmethod
    def from_settings(cls, settings: AnySettings, redis: Redis) -> "Podcasts":
        return cls(redis, Keys(read_namespace(settings)))

    def told(self, podcast_ids: Sequence[str]) -> list[Podcast]:
        """Those of the podcasts of which a list page was finished."""
        if not podcast_ids:
            return []
        records = zip(podcast_ids, self._redis.hmget(self._keys.podcasts, list(podcast_ids)), strict=True)
        found = ((name, read_json(_PODCAST, record, f"the podcast {name}")) for name, record in records if record)
        return [podcast for name, podcast in found if podcast and podcast.id == name]
