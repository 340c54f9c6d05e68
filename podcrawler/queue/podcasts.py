"""What the last visits told of podcasts, as Redis keeps it. Blocks on Redis."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from podcrawler.items import Podcast
from podcrawler.queue import forms
from podcrawler.queue.base import InRedis
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


class Podcasts(InRedis):
    """The podcasts of one archive."""

    def told(self, podcast_ids: Sequence[str]) -> list[Podcast]:
        """Those of the podcasts of which a list page was finished."""
        if not podcast_ids:
            return []
        records = zip(podcast_ids, self._redis.hmget(self._keys.podcasts, list(podcast_ids)), strict=True)
        found = ((name, read_json(_PODCAST, record, f"the podcast {name}")) for name, record in records if record)
        return [podcast for name, podcast in found if podcast and podcast.id == name]
