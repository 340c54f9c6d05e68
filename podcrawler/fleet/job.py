"""A job: the podcasts that one ``archive`` was given, from their addresses to the last of their episodes."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from redis import Redis
from scrapy import Request
from scrapy.settings import BaseSettings

from podcrawler.exceptions import RedisError
from podcrawler.fleet.status import read_accounts, read_unreported
from podcrawler.queue import codec
from podcrawler.queue.archive import Archive, Event, Report, Visit
from podcrawler.queue.broker import Broker, HostWait, Unreported
from podcrawler.queue.entries import entry_of
from podcrawler.queue.failures import Failed
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.listings import Listings
from podcrawler.queue.naming import Names
from podcrawler.queue.recount import Recount
from podcrawler.queue.watch import Watch
from podcrawler.sites.accounting import Account

#: Seconds between two looks whether Redis has forgotten something.
_LOOK_INTERVAL = 1.0
#: How often the addresses are queued again, at most, without a new file in between.
_MOST_BEGINNINGS = 5


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far the job is."""

    #: Entries that are pending, leased or delayed.
    open_episodes: int
    open_pages: int
    finished: int
    failed: int
    bytes: int
    #: The hosts that episodes wait for, of any podcast.
    waits: list[HostWait] = field(default_factory=list)

    @property
    def seems_done(self) -> bool:
        """Whether nothing is open, as far as Redis counts in passing."""
        return self.open_episodes + self.open_pages == 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the job ended."""

    #: By id: the titles of the podcasts that the addresses led to.
    podcasts: dict[str, str]
    #: By id: what became of the entries of those podcasts some of whose entries are no episodes.
    accounts: dict[str, Account]
    #: By id: the id of the podcast that declared the same guid first.
    claims: dict[str, str]
    #: By id: how many episodes of those podcasts are in the archive.
    recorded: dict[str, int]
    #: Episodes that were downloaded, and their bytes.
    finished: int
    bytes: int
    #: Episodes that were in the archive before.
    already_there: int
    failed: list[Failed]
    #: Sentences on what lists of subscriptions name that leads nowhere.
    left_out: list[str]


class Job:
    """Queues the addresses, and follows what becomes of them. Blocks on Redis."""

    def __init__(self, settings: BaseSettings, redis: Redis, requests: list[Request]) -> None:
        """``requests`` are those for the addresses that the user gave."""
        self._archive = Archive.from_settings(settings, redis)
        self._names = Names.from_settings(settings, redis)
        self._listings = Listings.from_settings(settings, redis)
        self._pages = Broker.from_settings(settings, redis, "podcasts")
        self._episodes = Broker.from_settings(settings, redis, "episodes")
        self._page_count = Recount.from_settings(settings, redis, self._pages.name)
        self._episode_count = Recount.from_settings(settings, redis, self._episodes.name)
        self._given = GivenHosts.from_settings(settings, redis)
        self._watch = Watch.from_settings(settings, redis)
        self._next_look = 0.0
        self._requests = requests
        self._roots = [request.url for request in self._requests]
        #: By id: the titles of the podcasts that the addresses led to so far.
        self._podcasts: dict[str, str] = {}
        self._claims: dict[str, str] = {}
        #: Sentences, in the order in which they came.
        self._left_out: dict[str, None] = {}
        #: By address: what its list pages told since it was queued last.
        self._visits: dict[str, list[Visit]] = {}
        self._last_event_id = "0"
        # By group:
        self._downloaded: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        # The same, since the addresses were queued last: entries that were recorded, and those that ended anyhow.
        self._recorded: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        #: How often the addresses were queued again since there were so many files.
        self._beginnings = 0
        self._files_before = 0

    def start(self) -> None:
        """Queue the addresses as a new visit, and again those episodes that failed before and may succeed now."""
        self._last_event_id = self._archive.last_event_id()
        known = {podcast_id for root in self._roots if (podcast_id := self._names.podcast_of([root]))}
        visits = self._archive.visits(self._roots).values()
        known |= {visit["podcast"] for pages in visits for visit in pages if "podcast" in visit}
        failed = [f for f in self._episodes.failed() if f.group in known and f.failure_class != "permanent"]
        self._episodes.requeue(f.key for f in failed)
        self._watch.look()
        self._queue_addresses()

    def start_again(self) -> None:
        """Queue the addresses once more, because Redis has forgotten something. What is on disk and not recorded is
        found there. Raises RedisError if that does not help."""
        files = self._downloaded.total()
        self._beginnings = self._beginnings + 1 if files == self._files_before else 1
        self._files_before = files
        if self._beginnings > _MOST_BEGINNINGS:
            raise RedisError(
                "Redis keeps forgetting what it is told: give it more memory, set its maxmemory-policy to noeviction, "
                "and see that nothing else deletes keys there; then run the command again."
            )
        self._archive.check_schema()
        # The clock of the server that has taken over may be behind.
        self._last_event_id = min(self._last_event_id, self._archive.last_event_id(), key=_moment)
        for queue in (self._pages, self._episodes):
            queue.requeue(f.key for f in queue.failed() if f.kind == "unreadable" and self.includes(f.group))
        self._page_count.drop(self._roots)
        self._episode_count.drop(self._podcasts)
        for found in (self._podcasts, self._claims, self._left_out, self._visits, self._recorded, self._ended):
            found.clear()
        self._queue_addresses()

    def _queue_addresses(self) -> None:
        self._given.note_addresses(self._roots)
        self._pages.push_many(
            entry_of(request, codec.dumps(codec.request_to_dict(request))) for request in self._requests
        )

    def new_events(self) -> list[Event]:
        """The events of all podcasts since the last call."""
        events = self._archive.events_since(self._last_event_id)
        for event in events:
            self._last_event_id = event.id
            if event.state == "delayed":
                continue
            self._ended[event.group] += 1
            if event.state == "failed":
                self._failed[event.group] += 1
                continue
            self._recorded[event.group] += 1
            if event.path:
                self._downloaded[event.group] += 1
                self._bytes[event.group] += event.size
        return events

    def progress(self) -> JobProgress:
        """How far the job is, by the events that were read and the entries that are open."""
        # In this order: when no list page is open any more, every podcast is known.
        open_pages = self._pages.open_entries(self._roots)
        self._read_visits()
        podcasts = list(self._podcasts)
        return JobProgress(
            open_episodes=self._episodes.open_entries(podcasts),
            open_pages=open_pages,
            finished=sum(self._downloaded[podcast] for podcast in podcasts),
            failed=sum(self._failed[podcast] for podcast in podcasts),
            bytes=sum(self._bytes[podcast] for podcast in podcasts),
            waits=self._episodes.waits(),
        )

    def unreported(self, nodes: Sequence[Report]) -> dict[str, Unreported]:
        """By queue: the leases of nodes that died, given the reports of those that are alive."""
        return read_unreported((self._pages, self._episodes), nodes)

    def includes(self, group: str) -> bool:
        """Whether entries of this group (a podcast's id or an address) are of this job."""
        return group in self._podcasts or group in self._roots

    def is_done(self) -> bool:
        """Whether nothing is open, counted one by one. What ended is in the events that are read afterwards."""
        if self._page_count.has_open(self._roots):
            return False
        self._read_visits()
        return not self._episode_count.has_open(self._podcasts)

    def has_been_forgotten(self, outcome: Outcome | None) -> bool:
        """Whether Redis has forgotten something of the job. If it is done, it has an ``outcome``, which must add up."""
        if outcome is None and time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + _LOOK_INTERVAL
        # The look comes last: what was read before it is not from after a loss.
        lacks = outcome is not None and self._lacks_something(outcome)
        return not self._watch.look() or lacks

    def _lacks_something(self, outcome: Outcome) -> bool:
        """Whether an address led nowhere, or an episode is neither recorded nor failed that a page listed."""
        failed = Counter(f.group for f in outcome.failed)
        if any(root not in self._visits and not failed[root] for root in self._roots):
            return True
        listed: Counter[str] = Counter()
        added: Counter[str] = Counter()
        for visit in self._all_visits():
            if podcast := visit.get("podcast"):
                # Two pages may list the same ones, but only one of them adds them.
                listed[podcast] = max(listed[podcast], visit.get("listed", 0))
                added[podcast] += visit.get("added", 0)
        return any(
            listed[podcast] > recorded + failed[podcast]
            or added[podcast] > self._ended[podcast]
            or self._recorded[podcast] > recorded
            for podcast, recorded in outcome.recorded.items()
        )

    def _read_visits(self) -> None:
        # A visit expires, and a job may last for longer.
        self._visits |= self._archive.visits(self._roots)
        for visit in self._all_visits():
            if "podcast" in visit:
                self._podcasts[visit["podcast"]] = visit.get("title", "")
                if "claims" in visit:
                    self._claims[visit["podcast"]] = visit["claims"]
            self._left_out.update(dict.fromkeys(visit.get("not_followed", ())))

    def _all_visits(self) -> list[Visit]:
        return [visit for pages in self._visits.values() for visit in pages]

    def end(self) -> None:
        """Leave nothing in Redis but the result."""
        self._watch.end()

    def outcome(self) -> Outcome:
        """The result so far: that of the whole job once it is done."""
        progress = self.progress()
        recorded = self._listings.recorded(list(self._podcasts))
        # A node whose call Redis forgot may have made it twice.
        finished = sum(min(self._downloaded[podcast], count) for podcast, count in recorded.items())
        failed = [f for queue in (self._pages, self._episodes) for f in queue.failed() if self.includes(f.group)]
        return Outcome(
            podcasts=dict(self._podcasts),
            accounts=read_accounts(self._listings, list(self._podcasts)),
            claims=dict(self._claims),
            recorded=recorded,
            finished=finished,
            bytes=progress.bytes,
            already_there=sum(recorded.values()) - finished,
            failed=sorted(failed, key=lambda f: f.key),
            left_out=list(self._left_out),
        )


def _moment(event_id: str) -> tuple[int, ...]:
    return tuple(map(int, event_id.split("-")))
