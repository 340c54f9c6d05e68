"""Reads pages as the list spider does, and tells what would become of their episodes. Nothing is queued or recorded.

What a visit records on its way, and reads again on its further pages, is kept here instead.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import uuid4

from redis import Redis
from scrapy import Request
from scrapy.http import Response
from typing_extensions import override

from podcrawler.config import Config
from podcrawler.exceptions import EntryError
from podcrawler.items import Episode, Podcast
from podcrawler.printing import printable
from podcrawler.queue import codec
from podcrawler.queue.archive import Archive
from podcrawler.queue.broker import Broker
from podcrawler.queue.choices import Choices
from podcrawler.queue.entries import WANTED, is_requestable
from podcrawler.queue.failures import Failed
from podcrawler.queue.leases import Entry, Lease
from podcrawler.queue.legacy_ids import Imports
from podcrawler.queue.listings import Listings
from podcrawler.queue.naming import Names, spellings
from podcrawler.queue.versions import Versions
from podcrawler.reading.messages import Batch, Referred, Settle
from podcrawler.reading.readers import Reading
from podcrawler.sites.base import Listing
from podcrawler.sites.order import time_of
from podcrawler.sites.wanted import Latest
from podcrawler.spiders.paging import Paging, page_number
from podcrawler.spiders.podcasts import PodcastsSpider
from podcrawler.spiders.referrals import Led, addresses_that_led, moved_page, requests_for
from podcrawler.spiders.settling import begins_visit, possible_ids, settled

Outcome = Literal["fetch", "queued", "finished", "failed", "removed", "left out"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of an episode. Its fields are those of ``archive --dry-run --json``."""

    podcast: str
    id: str
    title: str
    #: In UTC: ``YYYY-MM-DDTHH:MM:SSZ``; empty if that is unknown.
    published: str
    #: Bytes, as announced.
    size: int | None
    #: "queued" is one that an earlier visit has queued, or that a node has begun.
    outcome: Outcome
    #: Why it is left out, or would be; why it failed.
    reason: str = ""


@dataclass(slots=True)
class Found:
    """A podcast as its pages tell it, and what a visit would record of it."""

    podcast: Podcast
    #: What its id would be given for.
    known_as: str
    #: The addresses that would lead to it.
    addresses: list[str]
    #: By which its episodes are known again, as text, by id (identities.py).
    traits: dict[str, str]
    #: By id: those that would be queued, or have been.
    episodes: dict[str, Episode] = field(default_factory=dict)


@dataclass(slots=True)
class Preview:
    """What a crawl found."""

    #: Whether ``found`` is wanted, too: it takes far more memory.
    is_full: bool = False
    #: By id: the titles of podcasts.
    podcasts: dict[str, str] = field(default_factory=dict)
    #: By podcast and id.
    episodes: dict[tuple[str, str], Foreseen] = field(default_factory=dict)
    #: By id: all of the podcasts.
    found: dict[str, Found] = field(default_factory=dict)
    #: Addresses that could not be read.
    failures: list[tuple[str, EntryError]] = field(default_factory=list)


@dataclass(slots=True)
class _Visit:
    """What a visit has found of one podcast so far."""

    traits: dict[str, str] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    latest: dict[str, Latest] = field(default_factory=dict)


class PreviewSpider(PodcastsSpider):
    """Reads pages under leases that nobody granted, with Scrapy's own scheduler."""

    # Scrapy lists no spider without one; each gets that of the list spider when it is made.
    name = ""

    def __init__(self, *args: Any, requests: list[Request], redis: Redis, retried: set[str], preview: Preview) -> None:
        """``retried`` are the podcasts whose episodes are tried again that failed for a reason that may have passed.
        What is found is put into ``preview``."""
        super().__init__(*args, name=PodcastsSpider.name)
        self._requests = requests
        self._redis = redis
        self._retried = retried
        self._preview = preview
        self._visits: dict[str, _Visit] = {}
        #: By address, in any spelling: the podcast that it would lead to.
        self._led: dict[str, str] = {}
        self._asked: set[str] = set()

    @override
    async def start(self) -> AsyncIterator[Any]:
        settings, redis = self.settings, self._redis
        self._names = Names.from_settings(settings, redis)
        self._choices = Choices.from_settings(settings, redis)
        self._versions = Versions.from_settings(settings, redis)
        self._listings = Listings.from_settings(settings, redis)
        queue = Broker.from_settings(settings, redis, "episodes")
        self._imports = Imports(queue, Archive.from_settings(settings, redis))
        self._paging = Paging(self._listings, Config.read(settings).max_pages, queue.visit_seconds)
        await self.readers.start()
        for request in self._leased(self._requests):
            yield request

    @override
    async def give_up(self, lease: Lease | None, error: EntryError, *, last: Any = None) -> None:
        assert lease is not None
        self._preview.failures.append((lease.key, error))

    def _leased(self, requests: list[Request]) -> Iterator[Request]:
        """The requests that were not made before, each under a lease of its own."""
        for request in requests:
            if request.url not in self._asked:
                self._asked.add(request.url)
                root = request.meta.get("root") or request.url
                request.meta["lease"] = Lease(request.url, "", "page", root, request.url, 0, b"")
                yield self._bound(request)

    @override
    async def _follow(self, response: Response, referred: Referred) -> AsyncIterator[Request]:
        if len(referred.referral.podcasts) == 1:
            async for request in super()._follow(response, referred):
                yield request
            return
        root = response.meta["lease"].group
        for request in self._leased(requests_for(referred.referral, root, response.url, response.meta.get(WANTED))):
            yield request

    @override
    async def _list(
        self, lease: Lease | None, response: Response, reading: Reading
    ) -> AsyncIterator[Episode | Request]:
        assert lease is not None
        listing: Listing = reading.first.listing
        call = asyncio.to_thread
        led = addresses_that_led(lease, response, listing)
        podcast_id, address = await call(self._name, led, listing.podcast, listing.known_as)
        visit = self._visits.setdefault(podcast_id, _Visit())
        self._preview.podcasts.setdefault(podcast_id, listing.podcast.title)
        if self._preview.is_full and podcast_id not in self._preview.found:
            told = replace(listing.podcast, id=podcast_id)
            addresses = [address, *led.telling]
            self._preview.found[podcast_id] = Found(told, listing.known_as or address, addresses, visit.traits)
        number, wanted = page_number(response), response.meta.get(WANTED)
        settle = Settle(
            podcast_id,
            await call(self._imports.of, podcast_id),
            "podcrawler.queue.codec",
            self._paging.wants_names(number, listing),
            wanted=wanted,
            now=time.time(),
            earlier={} if begins_visit(lease, response) else visit.latest,
        )
        answer = await settled(reading, settle, self._listings, call, visit.traits)
        visit.latest = dict(answer.latest)
        claimed = {name for name, _ in answer.claimed}
        is_new = False
        while isinstance(batch := await reading.receive(), Batch):
            visit.traits |= batch.traits
            is_new |= not visit.listed.issuperset(batch.names)
            visit.listed |= set(batch.names)
            await call(self._foresee, podcast_id, batch, claimed)
        reading.end()
        moved = await call(self._moved, podcast_id, listing, [lease.name, response.url])
        pages = self._paging.further_pages(lease, number, listing, moved, address, is_new=is_new, wanted=wanted)
        for request in self._leased(pages):
            yield request

    def _name(self, led: Led, podcast: Podcast, known_as: str) -> tuple[str, str]:
        """Which podcast a page is of, or would be, and an address that leads to it."""
        found = ((name, address) for address in led.by_weight if (name := self._podcast_of(address)))
        address = led.by_weight[0]
        name, address = next(found, ("", address))
        if not name:
            ids = possible_ids(podcast, address, str(uuid4()))
            name = self._names.foreseen(known_as or address, ids, is_known=bool(known_as))
        for one in (address, *led.telling):
            self._led.setdefault(one, name)
        return name, address

    def _podcast_of(self, address: str) -> str:
        here = (self._led[spelling] for spelling in spellings(address) if spelling in self._led)
        return self._names.podcast_of([address]) or next(here, "")

    def _moved(self, podcast_id: str, listing: Listing, known: list[str]) -> list[str]:
        """As ``claimed_move``."""
        moved = moved_page(listing, known)
        owner = self._podcast_of(moved[0]) if moved else ""
        if moved:
            self._led.setdefault(moved[0], podcast_id)
        return moved if owner in ("", podcast_id) else []

    def _foresee(self, podcast_id: str, batch: Batch, claimed: set[str]) -> None:
        numbered = self._versions.numbered(podcast_id, list(batch.made()), is_dry=True)
        entries = {entry.name: entry for entry in numbered}
        versions = {name: entry.version for name, entry in entries.items()} | dict.fromkeys(batch.left_out, "")
        replaced = {entry.name for entry in numbered if entry.is_version}
        states = self._choices.states(podcast_id, versions, replaced)
        for name, (state, failure) in states.items():
            if told := batch.left_out.get(name):
                one = self._left_out(podcast_id, name, json.loads(told))
            else:
                episode: Episode = codec.loads(entries[name].payload)["meta"]["episode"]
                one = _listed(entries[name], episode)
                if self._preview.is_full:
                    self._preview.found[podcast_id].episodes[name] = episode
            self._preview.episodes[podcast_id, name] = _in_state(
                one, "finished" if name in claimed else state, failure, is_retried=podcast_id in self._retried
            )

    def _left_out(self, podcast_id: str, name: str, told: dict[str, Any]) -> Foreseen:
        # One of an earlier page has been told in full.
        if before := self._preview.episodes.get((podcast_id, name)):
            return replace(before, outcome="left out", reason=told["reason"])
        published, size = told.get("published", ""), told.get("size")
        return Foreseen(podcast_id, name, told["title"], published, size, "left out", told["reason"])


def _listed(entry: Entry, episode: Episode) -> Foreseen:
    """An episode that would be queued."""
    moment = time_of(episode)
    published = f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
    size = episode.enclosure.length if episode.enclosure else None
    one = Foreseen(entry.group, entry.name, printable(episode.title), published, size, "fetch")
    if is_requestable(episode):
        return one
    return replace(one, outcome="failed", reason="its address cannot be requested")


def _in_state(one: Foreseen, state: str, failure: Failed | None, *, is_retried: bool) -> Foreseen:
    """What becomes of an episode that is in this state."""
    match state:
        case "finished" | "removed":
            return replace(one, outcome=state)
        case "leased":
            return replace(one, outcome="queued")
    if one.outcome != "fetch":
        return one
    if state in ("pending", "delayed"):
        return replace(one, outcome="queued")
    if failure is None:
        return one
    is_again = is_retried and failure.failure_class != "permanent"
    return replace(one, outcome="fetch" if is_again else "failed", reason=f"failed before: {failure.reason}")
