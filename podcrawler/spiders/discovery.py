"""Puts what a list page lists into the queue, and into the record of the archive."""

import logging
from typing import Any, NamedTuple
from uuid import uuid4

from pydantic import TypeAdapter
from scrapy.http import Response
from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.items import Podcast
from podcrawler.logins import LOGIN, TOLD_LOGIN, Login
from podcrawler.networks import named_host
from podcrawler.queue.acks import finish_page
from podcrawler.queue.broker import Pushed
from podcrawler.queue.entries import Lease, told_by
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.legacy_ids import Imports
from podcrawler.queue.listings import Listings
from podcrawler.queue.naming import GUID, Names
from podcrawler.queue.scheduler import Scheduler
from podcrawler.reading.messages import AskSizes, Batch, Settle
from podcrawler.reading.readers import Reading
from podcrawler.sites import identity
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import Listing
from podcrawler.spiders.paging import Paging, page_number
from podcrawler.spiders.referrals import Led, addresses_that_led, claimed_move, declared_guid

logger = logging.getLogger(__name__)

_PODCAST = TypeAdapter(Podcast)


class Discovery:
    """The way of a listing into Redis. If the node dies on it, another node reads the page again, and pushes only what
    is not queued yet."""

    def __init__(self, scheduler: Scheduler, settings: BaseSettings) -> None:
        self._scheduler = scheduler
        self._archive = scheduler.archive
        self._names = Names.from_settings(settings, scheduler.server)
        self._listings = Listings.from_settings(settings, scheduler.server)
        self._given = GivenHosts.from_settings(settings, scheduler.server)
        self._visit_seconds = scheduler.queue.visit_seconds
        self._serializer: str = settings["SCHEDULER_SERIALIZER"]
        self._paging = Paging(self._listings, Config.read(settings).max_pages, self._visit_seconds)

    async def record(self, lease: Lease, response: Response, reading: Reading) -> bool:
        """Push what the page lists while it is told, then acknowledge its lease; False if that was lost."""
        call = self._scheduler.call
        listing: Listing = reading.first.listing
        podcast = listing.podcast
        # Before anything is pushed: another node may read the next page before this page is finished.
        named = await call(self._name, addresses_that_led(lease, response, listing), podcast, listing.known_as)
        podcast.id = named.id
        await call(self._given.note_podcast, lease.group, podcast.id, named_host(response.url))
        await call(self._keep_login, named, response)
        number = page_number(response)
        await self._settle(reading, podcast.id, wants_names=self._paging.wants_names(number, listing))
        moved = await call(claimed_move, self._names, podcast.id, listing, [lease.name, response.url])
        told = await self._push(reading, lease, podcast.id, is_first_page=number == 1)
        pages = await call(
            self._paging.further_pages, lease, number, listing, moved, named.address, is_new=told.lists_new
        )
        for page in pages:
            told_by(page, response.url, lease.group)
        await self._scheduler.push(self._scheduler.queue, pages, lease, told.entries)
        await call(self._keep_account, podcast.id, lease.name, told.account, number)
        ack = finish_page(
            lease,
            _visit_result(podcast, told.account, told.pushed, named.claims),
            (podcast.id, _PODCAST.dump_json(podcast).decode()),
            named.told,
            pushed_count=told.entries + len(pages),
            visit_ttl=self._visit_seconds,
        )
        is_finished = await self._scheduler.finish(lease, ack)
        if is_finished:
            _log(lease, told.account, told.pushed, podcast.id, named.claims)
        return is_finished

    def _name(self, led: Led, podcast: Podcast, known_as: str) -> "_Named":
        """Which podcast of the archive a page is of."""
        guid = declared_guid(podcast)
        if found := self._names.find(led.by_weight):
            address, name = found
            # Those before it have but pointed to it, and may point elsewhere the next time.
            told = led.telling[led.telling.index(address) :]
        else:
            address, told = led.by_weight[0], led.telling
            guids = (identity.podcast_guid(address), str(uuid4()))
            ids = (podcast.id, *(identity.podcast_id(podcast.title, each) for each in guids))
            name = self._names.name(known_as or address, ids, is_known=bool(known_as))
            name = self._names.record(address, name)
        claimed = self._names.claimed(guid)
        told = [*told, f"{GUID}{guid}"] if guid else told
        return _Named(name, address, led.telling[0], told, claimed if claimed and claimed != name else "")

    def _keep_login(self, named: "_Named", response: Response) -> None:
        """Keep the login that the user gave; one that a page told only for a podcast that was not there before."""
        login = Login.read(response.meta.get(LOGIN))
        if login is None and not self._archive.podcast_address(named.id):
            login = Login.read(response.meta.get(TOLD_LOGIN))
        if login:
            is_its_own = named.given in named.told
            self._archive.keep_login([named.given, *((named.address, named.id) if is_its_own else ())], login)

    async def _settle(self, reading: Reading, podcast_id: str, *, wants_names: bool) -> None:
        """Let the reader give the page's episodes the ids that they had at earlier visits."""
        call = self._scheduler.call
        imports = Imports(self._scheduler.episodes, self._archive)
        imported = await call(imports.of, podcast_id)
        await reading.tell(Settle(podcast_id, imported, self._serializer, wants_names))
        if reading.first.needs_identities:
            cursor, is_last = 0, False
            while not is_last:
                cursor, known = await call(self._listings.identities, podcast_id, cursor)
                is_last = not cursor
                if known:
                    await reading.tell(known)
            await reading.tell({})
        answer = await reading.receive()
        while isinstance(answer, AskSizes):
            answer = await reading.ask(await call(self._listings.finished_sizes, podcast_id, answer.names))
        await call(imports.claim, podcast_id, answer.claimed)

    async def _push(self, reading: Reading, lease: Lease, podcast_id: str, *, is_first_page: bool) -> "_Told":
        """Push the page's episodes, batch by batch."""
        call, scheduler = self._scheduler.call, self._scheduler
        pushed, count, lists_new, has_noted = Pushed(), 0, False, False
        while isinstance(batch := await reading.receive(), Batch):
            if batch.traits:
                await call(self._listings.keep_identities, podcast_id, batch.traits)
            if batch.names:
                is_first = is_first_page and not has_noted
                lists_new |= await call(self._paging.note, lease, podcast_id, batch.names, is_first=is_first)
                has_noted = True
            if batch.entries:
                pushed += await call(scheduler.episodes.push_many, list(batch.made()), lease, count)
                count += len(batch.entries)
                scheduler.prefetcher.poll_soon()
        reading.end()
        return _Told(pushed, count, lists_new, Account.from_json(batch.account))

    def _keep_account(self, podcast_id: str, page: str, account: Account, number: int) -> None:
        kept = None if account.is_complete else account.to_json()
        self._listings.keep_account(podcast_id, page, kept, is_first=number == 1)


class _Named(NamedTuple):
    """Which podcast a page is of."""

    id: str
    #: An address that leads to it, and the one that the user, or a list, gave.
    address: str
    given: str
    #: The addresses that lead to it from now on, unless they lead to another one.
    told: list[str]
    #: The id of another podcast that declared the same guid first; empty if none did.
    claims: str


class _Told(NamedTuple):
    """What became of a page's entries."""

    pushed: Pushed
    #: How many entries were pushed.
    entries: int
    #: Whether no page before this one has listed one of them in this visit.
    lists_new: bool
    account: Account


def _visit_result(podcast: Podcast, account: Account, pushed: Pushed, claims: str) -> dict[str, Any]:
    return {
        "podcast": podcast.id,
        "title": podcast.title,
        **account.to_json(),
        "added": pushed.added,
        "finished": pushed.finished,
        "failed": pushed.failed,
        **({"claims": claims} if claims else {}),
    }


def _log(lease: Lease, account: Account, pushed: Pushed, podcast_id: str, claims: str) -> None:
    told = "" if account.is_complete else f" ({account})"
    logger.info("listed %s: %d episodes, %d of them new%s", lease.key, account.episodes, pushed.added, told)
    if claims:
        logger.warning(
            "%s (%s) declares the guid of %s, which any feed can do: it is kept apart. If it is the same podcast: "
            "podcrawler merge %s %s",
            podcast_id,
            lease.key,
            claims,
            podcast_id,
            claims,
        )
