"""A job: the podcasts that one ``archive`` was given, from their addresses to the last of their episodes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from redis import Redis
from scrapy import Request
from scrapy.settings import BaseSettings

from podcrawler.fleet.status import read_accounts, read_unreported
from podcrawler.queue import codec
from podcrawler.queue.archive import Archive, Event, Report
from podcrawler.queue.broker import Broker, HostWait, Unreported
from podcrawler.queue.entries import entry_of
from podcrawler.queue.failures import Failed
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.listings import Listings
from podcrawler.queue.naming import Names
from podcrawler.sites.accounting import Account


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
    def done(self) -> bool:
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
        self._given = GivenHosts.from_settings(settings, redis)
        self._requests = requests
        self._roots = [request.url for request in self._requests]
        #: By id: the titles of the podcasts that the addresses led to so far.
        self._podcasts: dict[str, str] = {}
        self._claims: dict[str, str] = {}
        #: Sentences, in the order in which they came.
        self._left_out: dict[str, None] = {}
        self._last_event_id = "0"
        self._finished: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def start(self) -> None:
        """Queue the addresses as a new visit, and again those episodes that failed before and may succeed now."""
        self._last_event_id = self._archive.last_event_id()
        known = {podcast_id for root in self._roots if (podcast_id := self._names.podcast_of([root]))}
        known |= {visit["podcast"] for visit in self._archive.visits(self._roots) if "podcast" in visit}
        failed = [f for f in self._episodes.failed() if f.group in known and f.failure_class != "permanent"]
        self._episodes.requeue(f.key for f in failed)
        self._given.note_addresses(self._roots)
        self._pages.push_many(
            entry_of(request, codec.dumps(codec.request_to_dict(request))) for request in self._requests
        )

    def new_events(self) -> list[Event]:
        """The events of all podcasts since the last call."""
        events = self._archive.events_since(self._last_event_id)
        for event in events:
            self._last_event_id = event.id
            if event.state == "finished" and event.path:
                self._finished[event.group] += 1
                self._bytes[event.group] += event.size
            elif event.state == "failed":
                self._failed[event.group] += 1
        return events

    def progress(self) -> JobProgress:
        """How far the job is, by the events that were read and the entries that are open."""
        # In this order: when no list page is open any more, every podcast is known.
        open_pages = self._pages.open_entries(self._roots)
        for visit in self._archive.visits(self._roots):
            if "podcast" in visit:
                self._podcasts[visit["podcast"]] = visit.get("title", "")
                if "claims" in visit:
                    self._claims[visit["podcast"]] = visit["claims"]
            self._left_out.update(dict.fromkeys(visit.get("not_followed", ())))
        podcasts = list(self._podcasts)
        return JobProgress(
            open_episodes=self._episodes.open_entries(podcasts),
            open_pages=open_pages,
            finished=sum(self._finished[podcast] for podcast in podcasts),
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

    def outcome(self) -> Outcome:
        """The result so far: that of the whole job once it is done."""
        progress = self.progress()
        recorded = self._episodes.counts(list(self._podcasts)).finished
        failed = [f for queue in (self._pages, self._episodes) for f in queue.failed() if self.includes(f.group)]
        return Outcome(
            podcasts=self._podcasts,
            accounts=read_accounts(self._listings, list(self._podcasts)),
            claims=self._claims,
            finished=progress.finished,
            bytes=progress.bytes,
            already_there=recorded - progress.finished,
            failed=sorted(failed, key=lambda f: f.key),
            left_out=list(self._left_out),
        )
