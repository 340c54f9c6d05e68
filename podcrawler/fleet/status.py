"""What is going on in the whole fleet, in one picture taken from Redis."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.fleet.pausing import is_paused
from podcrawler.fleet.report import Report, read_reports
from podcrawler.queue.broker import Broker, Counts
from podcrawler.queue.keys import Keys


@dataclass(frozen=True, slots=True)
class Status:
    """The picture."""

    #: Episodes by state.
    queue: Counts
    #: Feeds and list pages by state; ``finished`` counts none, for they are visited again.
    pages: Counts
    podcasts: int
    #: Whether nothing is handed out (``pause``).
    paused: bool
    nodes: list[Report]
    #: How many entries failed, by kind of failure, the most frequent first.
    failures: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def take_status(redis: Any, settings: BaseSettings) -> Status:
    """The status of the archive that the settings name."""
    keys = Keys(Config.read(settings).namespace)
    episodes = Broker.from_settings(settings, redis, "episodes")
    pages = Broker.from_settings(settings, redis, "podcasts")
    kinds = Counter(failed.kind for queue in (episodes, pages) for failed in queue.failed())
    podcasts = [podcast_id.decode() for podcast_id in redis.hkeys(keys.podcasts)]
    return Status(
        queue=episodes.counts(podcasts),
        pages=pages.counts([]),
        podcasts=len(podcasts),
        paused=is_paused(redis, settings),
        nodes=read_reports(redis, keys),
        failures=dict(kinds.most_common()),
    )
