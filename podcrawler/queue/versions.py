"""Other versions of episodes that are archived: a publisher has replaced the file, and the user wants both
(``PODCRAWLER_VERSIONS=keep``).

Which file a page offered of each episode is noted in Redis, beside the record of what is archived, so that nothing is
read or written for it where nobody wants versions. Everything here blocks on Redis.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Literal

from redis import Redis
from scrapy.utils.misc import load_object

from podcrawler.config import VersionConfig
from podcrawler.items import Episode
from podcrawler.namespace import AnySettings, read_namespace
from podcrawler.queue.keys import Keys
from podcrawler.queue.leases import Entry
from podcrawler.queue.scripts import source, time_argument
from podcrawler.queue.values import whole
from podcrawler.sites.identity import digest, media_key

_UNKNOWN = "-"
_DIGITS = 8


class Versions:
    """The versions of the episodes of one archive. Cheap to make; safe to use from several threads."""

    def __init__(self, redis: Redis, keys: Keys, wanted: Literal["keep", "ignore"], serializer: Any) -> None:
        """``wanted`` is as in docs/settings.md; ``serializer`` reads and writes the requests of entries."""
        self._redis = redis
        self._keys = keys
        self._wanted = wanted
        self._serializer = serializer

    @classmethod
    def from_settings(cls, settings: AnySettings, redis: Redis) -> "Versions":
        serializer = load_object(settings["SCHEDULER_SERIALIZER"])
        return cls(redis, Keys(read_namespace(settings)), VersionConfig.read(settings).versions, serializer)

    def numbered(
        self, podcast_id: str, entries: Sequence[Entry], *, is_dry: bool = False, now: int | None = None
    ) -> list[Entry]:
        """The entries of a podcast's episodes, as a page offers them, in their order; those whose files replace
        archived ones are of that version. What is offered is noted, unless ``is_dry``. ``now`` is as in broker.py."""
        if self._wanted == "ignore":
            return list(entries)
        fields = {entry.name: self._serializer.loads(entry.payload) for entry in entries}
        offers = {name: offer for name, found in fields.items() if (offer := _offer(found["meta"]["episode"]))}
        if not offers:
            return list(entries)
        script = self._redis.register_script(source("note_versions"))
        prefixes = [self._keys.queue("episodes"), self._keys.archive]
        values = chain.from_iterable((name, *offer) for name, offer in offers.items())
        answers: Any = script(keys=prefixes, args=[time_argument(now), int(is_dry), podcast_id, *values])
        numbers = {name: number for name, number in zip(offers, answers, strict=True) if number > 1}
        return list(self._with_versions(entries, numbers, fields))

    def _with_versions(
        self, entries: Sequence[Entry], numbers: dict[str, int], fields: dict[str, Any]
    ) -> Iterator[Entry]:
        for entry in entries:
            if number := numbers.get(entry.name):
                found = fields[entry.name]
                found["meta"]["episode"].version = number
                yield replace(entry, payload=self._serializer.dumps(found), is_version=True)
            else:
                yield entry


def _offer(episode: Episode) -> tuple[str, str, int | str] | None:
    """What a page tells of the file, as lua/note_versions.lua reads it; None if only the episode's own page does. The
    host does not count: publishers move to another one, with all of their files."""
    if episode.enclosure is None:
        return None
    media_type = episode.enclosure.type.partition(";")[0].strip().lower()
    told = "".join(media_type.split())[:40] or _UNKNOWN
    return digest(media_key(episode.enclosure.url), _DIGITS), told, whole(episode.enclosure.length) or _UNKNOWN
