"""A job: the podcasts that one ``archive`` was given, from their addresses to the last of their episodes."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from redis import Redis
from scrapy import Request
from scrapy.settings import BaseSettings

from podcrawler.exceptions import RedisError
from podcrawler.fleet.outcome import JobProgress, Outcome
from podcrawler.fleet.status import read_accounts, read_unreported
from podcrawler.library.presence import Presence
from podcrawler.queue.archive import Archive, Event, Visit
from podcrawler.queue.broker import Broker
from podcrawler.queue.choices import Choices
from podcrawler.queue.entries import CHECK, WANTED
from podcrawler.queue.failures import Failed
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.listings import Listings
from podcrawler.queue.naming import Names
from podcrawler.queue.overview import Report
from podcrawler.queue.recount import Recount
from podcrawler.queue.requests import entry_as_json
from podcrawler.queue.seeds import address_request
from podcrawler.queue.states import Unreported
from podcrawler.queue.watch import Watch
from podcrawler.subscriptions.requests import unconditional

#: Ids of episodes in one sentence.
_NAMED = 10
#: Seconds between two looks whether Redis has forgotten something.
_LOOK_INTERVAL = 1.0
#: Seconds for which entries stay aside when nobody says so any more, and after which that is said again.
_ASIDE_SECONDS, _ASIDE_INTERVAL = 60, 20.0
#: How often the addresses are queued again, at most, without a new file in between.
_MOST_BEGINNINGS = 5


class _Tally:
    """Counts the events of a job, by group."""

    def __init__(self) -> None:
        self.downloaded: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        # Since the addresses were queued last: entries that were recorded, and all that ended.
        self.recorded: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        if event.state == "delayed":
            return
        self.ended[event.group] += 1
        if event.state == "failed":
            self.failed[event.group] += 1
            return
        self.recorded[event.group] += 1
        if event.path:
            self.downloaded[event.group] += 1
            self.bytes[event.group] += event.size
        else:
            self.found[event.group] += 1

    def begin_again(self) -> None:
        """The addresses are queued once more."""
        self.recorded.clear()
        self.ended.clear()


class Job:
    """Queues the addresses, and follows what becomes of them. Blocks on Redis."""

    def __init__(
        self,
        settings: BaseSettings,
        redis: Redis,
        requests: list[Request],
        *,
        is_only_one: bool = False,
        keep_deleted: bool = False,
    ) -> None:
        """``requests`` are those for the addresses that the user gave. If this job ``is_only_one``, what the queue has
        of other podcasts is set aside until it ends. ``keep_deleted`` is as in ``Presence``."""
        self._archive = Archive.from_settings(settings, redis)
        self._names = Names.from_settings(settings, redis)
        self._listings = Listings.from_settings(settings, redis)
        self._choices = Choices.from_settings(settings, redis)
        self._pages = Broker.from_settings(settings, redis, "podcasts")
        self._episodes = Broker.from_settings(settings, redis, "episodes")
        self._page_count = Recount.from_settings(settings, redis, self._pages.name)
        self._episode_count = Recount.from_settings(settings, redis, self._episodes.name)
        self._given = GivenHosts.from_settings(settings, redis)
        self._watch = Watch.from_settings(settings, redis)
        self._presence = Presence(settings, redis, keep_deleted=keep_deleted)
        #: By podcast whose files were looked for: the ids of the episodes that are wanted again.
        self._lost: dict[str, list[str]] = {}
        self._remarks: list[str] = []
        self._next_look = 0.0
        self._is_only_one = is_only_one
        #: Entries that are set aside, and when that is to be said again (``time.monotonic``).
        self.set_aside = 0
        self._next_aside = 0.0
        #: By the address that the user gave.
        self._requests: dict[str, Request] = {request.meta.get("root", request.url): request for request in requests}
        #: By id: the titles of the podcasts that the addresses led to so far.
        self._podcasts: dict[str, str] = {}
        self._claims: dict[str, str] = {}
        #: Sentences, in the order in which they came.
        self._left_out: dict[str, None] = {}
        #: By address: what its list pages told since it was queued last.
        self._visits: dict[str, list[Visit]] = {}
        self._last_event_id = "0"
        self._tally = _Tally()
        #: How often the addresses were queued again since there were so many files.
        self._beginnings = 0
        self._files_before = 0

    def start(self) -> None:
        """Queue the addresses as a new visit, and again those episodes that failed before and may succeed now."""
        self._last_event_id = self._archive.last_event_id()
        known = {podcast_id for root in self._requests if (podcast_id := self._names.podcast_of([root]))}
        visits = self._archive.visits(list(self._requests)).values()
        known |= {visit["podcast"] for pages in visits for visit in pages if "podcast" in visit}
        for podcast_id in sorted(known):
            self._look_for_files(podcast_id)
        failed = [f for f in self._episodes.failed() if f.group in known and f.failure_class != "permanent"]
        # Where a host has had no file until now, one look at each visit does.
        doubtful = {f.key for f in failed if f.failure_class == "doubtful"}
        self._episodes.requeue(doubtful, done=1)
        self._episodes.requeue(f.key for f in failed if f.key not in doubtful)
        self._watch.look()
        if self._is_only_one:
            self._keep_aside()
            for queue, own in ((self._pages, set(self._requests)), (self._episodes, known)):
                queue.bring_back()
                self.set_aside += queue.set_aside(lambda group, own=own: group not in own)  # type: ignore[misc]  # own
            if not self.set_aside:
                self._episodes.keep_aside(0)
        if any(self._lost.values()):
            # A feed that has not changed lists what is to be fetched again.
            self._read_all()
        self._queue_addresses()

    def _keep_aside(self) -> None:
        self._episodes.keep_aside(_ASIDE_SECONDS)
        self._next_aside = time.monotonic() + _ASIDE_INTERVAL

    def new_remarks(self) -> list[str]:
        """Sentences on the files of the podcasts since the last call."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def _look_for_files(self, podcast_id: str) -> None:
        checked = self._presence.check(podcast_id)
        self._lost[podcast_id] = checked.lost
        self._remarks += checked.sentences

    def start_again(self) -> None:
        """Queue the addresses once more, because Redis has forgotten something. What is on disk and not recorded is
        found there. Raises RedisError if that does not help."""
        files = self._tally.downloaded.total()
        self._beginnings = self._beginnings + 1 if files == self._files_before else 1
        self._files_before = files
        if self._beginnings > _MOST_BEGINNINGS:
            raise RedisError(
                "Redis keeps forgetting what it is told: give it more memory, set its maxmemory-policy to noeviction, "
                "and see that nothing else deletes keys there; then run the command again."
            )
        self._next_aside = 0.0
        self._read_all()
        self._archive.check_schema()
        # The clock of the server that has taken over may be behind.
        self._last_event_id = min(self._last_event_id, self._archive.last_event_id(), key=_moment)
        for queue in (self._pages, self._episodes):
            queue.requeue(f.key for f in queue.failed() if f.kind == "unreadable" and self.includes(f.group))
        self._page_count.drop(self._requests)
        self._episode_count.drop(self._podcasts)
        self._tally.begin_again()
        for found in (self._podcasts, self._claims, self._left_out, self._visits):
            found.clear()
        self._queue_addresses()

    def _read_all(self) -> None:
        self._requests = {root: unconditional(request) for root, request in self._requests.items()}

    def _queue_addresses(self) -> None:
        # The host of a subscription was given with it, unless a record told it (library/subscriptions.py).
        self._given.note_addresses(root for root, request in self._requests.items() if CHECK not in request.meta)
        self._pages.push_many(map(entry_as_json, self._requests.values()))

    def new_events(self) -> list[Event]:
        """The events of all podcasts since the last call."""
        events = self._archive.events_since(self._last_event_id)
        for event in events:
            self._last_event_id = event.id
            self._tally.add(event)
        return events

    def wait_for_event(self, seconds: float) -> None:
        """Wait until there are events that ``new_events`` would return, but no longer than ``seconds``."""
        self._archive.wait_for_event(self._last_event_id, seconds)

    def progress(self) -> JobProgress:
        """How far the job is, by the events that were read and the entries that are open."""
        # In this order: when no list page is open any more, every podcast is known.
        open_pages = self._pages.open_entries(list(self._requests))
        self._read_visits()
        podcasts = list(self._podcasts)
        open_episodes = self._episodes.open_entries(podcasts)
        progress = JobProgress(
            open_episodes,
            open_pages,
            waits=self._episodes.waits(),
            delays=self._episodes.delays(self.includes),
            page_delays=self._pages.delays(self.includes),
            unread=[root for root in self._requests if root not in self._visits],
            others=max(0, self._episodes.open_anywhere() - open_episodes),
        )
        return self.counted(progress)

    def counted(self, progress: JobProgress) -> JobProgress:
        """The progress with what the events tell that were read since."""
        return replace(
            progress,
            finished=self._sum(self._tally.downloaded),
            bytes=self._sum(self._tally.bytes),
            found=self._sum(self._tally.found),
            failed=self._sum(self._tally.failed),
        )

    def _sum(self, by_group: Mapping[str, int]) -> int:
        return sum(by_group[podcast] for podcast in self._podcasts)

    def unreported(self, nodes: Sequence[Report]) -> dict[str, Unreported]:
        """By queue: the leases of nodes that died, given the reports of those that are alive."""
        return read_unreported((self._pages, self._episodes), nodes)

    def includes(self, group: str) -> bool:
        """Whether entries of this group (a podcast's id or an address) are of this job."""
        return group in self._podcasts or group in self._requests

    def is_done(self) -> bool:
        """Whether nothing is open, counted one by one. What ended is in the events that are read afterwards."""
        if self._page_count.has_open(self._requests):
            return False
        self._read_visits()
        return not self._episode_count.has_open(self._podcasts)

    def has_been_forgotten(self, outcome: Outcome | None) -> bool:
        """Whether Redis has forgotten something of the job. If it is done, it has an ``outcome``, which must add up."""
        if outcome is None and time.monotonic() < self._next_look:
            return False
        # The look comes last: what was read before it is not from after a loss.
        lacks = outcome is not None and self._lacks_something(outcome)
        has_kept = self._watch.look()
        # Not before: a look that fails is to be repeated, or all would seem well until the next one.
        self._next_look = time.monotonic() + _LOOK_INTERVAL
        return not has_kept or lacks

    def _lacks_something(self, outcome: Outcome) -> bool:
        """Whether an address led nowhere, or an episode is neither recorded nor failed that a page listed."""
        failed = Counter(f.group for f in outcome.failed)
        if any(root not in self._visits and not failed[root] for root in self._requests):
            return True
        listed: Counter[str] = Counter()
        added: Counter[str] = Counter()
        for _, visit in self._all_visits():
            if podcast := visit.get("podcast"):
                # Two pages may list the same ones, but only one of them adds them.
                listed[podcast] = max(listed[podcast], visit.get("listed", 0))
                added[podcast] += visit.get("added", 0) - visit.get("dropped", 0)
        return any(
            listed[podcast] > recorded + outcome.removed[podcast] + failed[podcast]
            or added[podcast] > self._tally.ended[podcast]
            or self._tally.recorded[podcast] > recorded
            for podcast, recorded in outcome.recorded.items()
        )

    def _read_visits(self) -> None:
        # A visit expires, and a job may last for longer.
        self._visits |= self._archive.visits(list(self._requests))
        before = set(self._podcasts)
        for root, visit in self._all_visits():
            if "podcast" in visit:
                self._podcasts[visit["podcast"]] = visit.get("title", "")
                if visit["podcast"] not in self._lost:
                    self._look_for_late(visit["podcast"], root)
                if "claims" in visit:
                    self._claims[visit["podcast"]] = visit["claims"]
            self._left_out.update(dict.fromkeys(visit.get("not_followed", ())))
        if self.set_aside:
            if time.monotonic() >= self._next_aside:
                self._keep_aside()
            if new := self._podcasts.keys() - before:
                self.set_aside -= self._episodes.bring_back(new.__contains__)

    def _look_for_late(self, podcast_id: str, root: str) -> None:
        """As ``_look_for_files``, for a podcast that ``root`` led to, which listed as finished what is not any more."""
        self._look_for_files(podcast_id)
        if self._lost[podcast_id] and (address := self._archive.podcast_address(podcast_id)):
            request, asked = address_request(address), self._requests[root]
            request.meta.update({name: value for name, value in asked.meta.items() if name == WANTED})
            self._pages.push_many([entry_as_json(request)])
            self._requests[request.url] = request

    def _all_visits(self) -> list[tuple[str, Visit]]:
        return [(root, visit) for root, pages in self._visits.items() for visit in pages]

    def end(self) -> None:
        """Leave nothing in Redis but the result."""
        self._watch.end()
        if self._is_only_one:
            for queue in (self._pages, self._episodes):
                queue.bring_back()
            self._episodes.keep_aside(0)

    def outcome(self) -> Outcome:
        """The result so far: that of the whole job once it is done."""
        progress = self.progress()
        recorded = self._listings.recorded(list(self._podcasts))
        # A node whose call Redis forgot may have made it twice.
        finished = sum(min(self._tally.downloaded[podcast], count) for podcast, count in recorded.items())
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
            left_out=[*self._left_out, *self._gone_for_good(failed)],
            removed=self._listings.removed(list(self._podcasts)),
        )

    def _gone_for_good(self, failed: Sequence[Failed]) -> list[str]:
        """Sentences on the episodes that were lost, and are neither there again nor have failed."""
        keys = {f.key for f in failed}
        sentences = []
        for podcast_id, lost in ((name, names) for name, names in self._lost.items() if names):
            there = {*self._listings.finished_sizes(podcast_id, lost), *self._choices.among(podcast_id, lost)}
            gone = [name for name in lost if name not in there and f"{podcast_id}/{name}" not in keys]
            if gone:
                more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
                sentences.append(
                    f"{podcast_id}: the podcast does not list these any more, whose files are gone: "
                    f"{', '.join(gone[:_NAMED])}{more}"
                )
        return sentences


def _moment(event_id: str) -> tuple[int, ...]:
    return tuple(map(int, event_id.split("-")))
