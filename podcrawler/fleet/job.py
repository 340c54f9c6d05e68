"""A job: the podcasts that one ``archive`` was given, from their addresses to the last of their episodes."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from redis import Redis
from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.queue import codec
from podcrawler.queue.broker import Broker, Failed
from podcrawler.queue.entries import entry_of, page_request
from podcrawler.queue.keys import Keys


@dataclass(frozen=True, slots=True)
class Event:
    """The end of one lease, as the queue told it: ``finished``, ``delayed`` or ``failed``."""

    state: str
    key: str
    group: str
    #: Of an episode that was downloaded: bytes, and the path in the store.
    size: int = 0
    path: str = ""
    #: Of an error.
    kind: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the job is."""

    #: Entries that are not at their end yet; episodes and list pages.
    open_episodes: int
    open_pages: int
    finished: int
    failed: int
    bytes: int

    @property
    def done(self) -> bool:
        return self.open_episodes + self.open_pages == 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the job ended."""

    #: Ids and titles of the podcasts that the addresses led to.
    podcasts: dict[str, str]
    finished: int
    bytes: int
    #: Episodes that were in the archive before.
    already_there: int
    failed: list[Failed]


class Job:
    """Queues the addresses, and follows what becomes of them. Blocks on Redis."""

    def __init__(self, redis: Redis, settings: BaseSettings, addresses: list[str]) -> None:
        # redis-py's types allow for text where this client answers in bytes.
        self._redis: Any = redis
        self._keys = Keys(Config.read(settings).namespace)
        self._pages = Broker.from_settings(settings, redis, "podcasts")
        self._episodes = Broker.from_settings(settings, redis, "episodes")
        self._requests = [page_request(address) for address in addresses]
        self._roots = [request.url for request in self._requests]
        self._podcasts: dict[str, str] = {}
        self._last_event = "0"
        self._finished: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def start(self) -> None:
        """Queue the addresses as a new visit, and again what failed before for reasons that may have passed."""
        if newest := self._redis.xrevrange(self._keys.events, count=1):
            self._last_event = newest[0][0].decode()
        known = {podcast_id for root in self._roots if (podcast_id := self._pages.podcast_id([root]))}
        failed = [f for f in self._episodes.failed() if f.group in known and f.failure_class != "permanent"]
        self._episodes.requeue(f.key for f in failed)
        self._pages.push_many(
            entry_of(request, codec.dumps(codec.request_to_dict(request))) for request in self._requests
        )

    def follow(self) -> list[Event]:
        """What has happened since the last call, to any podcast."""
        events = []
        while page := self._redis.xread({self._keys.events: self._last_event}, count=1000):
            for event_id, fields in page[0][1]:
                self._last_event = event_id.decode()
                events.append(_event({name.decode(): value.decode() for name, value in fields.items()}))
        for event in events:
            if event.state == "finished" and event.path:
                self._finished[event.group] += 1
                self._bytes[event.group] += event.size
            elif event.state == "failed":
                self._failed[event.group] += 1
        return events

    def standing(self) -> Standing:
        # In this order: when no list page is open any more, every podcast is known.
        open_pages = self._pages.open_entries(self._roots)
        for root in self._roots:
            self._podcasts.update((told["podcast"], told["title"]) for told in self._pages.visits(root))
        podcasts = list(self._podcasts)
        return Standing(
            open_episodes=self._episodes.open_entries(podcasts),
            open_pages=open_pages,
            finished=sum(self._finished[podcast] for podcast in podcasts),
            failed=sum(self._failed[podcast] for podcast in podcasts),
            bytes=sum(self._bytes[podcast] for podcast in podcasts),
        )

    def concerns(self, event: Event) -> bool:
        """Whether the event is of this job."""
        return event.group in self._podcasts or event.group in self._roots

    def outcome(self) -> Outcome:
        """How the job stands at its end, or where it was interrupted."""
        standing = self.standing()
        recorded = sum(self._redis.hlen(self._keys.finished(podcast)) for podcast in self._podcasts)
        failed = [f for queue in (self._pages, self._episodes) for f in queue.failed() if self._is_ours(f)]
        return Outcome(
            podcasts=self._podcasts,
            finished=standing.finished,
            bytes=standing.bytes,
            already_there=recorded - standing.finished,
            failed=sorted(failed, key=lambda f: f.key),
        )

    def _is_ours(self, failed: Failed) -> bool:
        return failed.group in self._podcasts or failed.group in self._roots


def _event(fields: dict[str, str]) -> Event:
    names = ("state", "key", "group", "path", "kind", "reason")
    known: dict[str, Any] = {name: fields[name] for name in names if name in fields}
    return Event(size=int(fields["value"]) if fields.get("path") else 0, **known)
