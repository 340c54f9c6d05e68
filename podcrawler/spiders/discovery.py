"""Puts what a list page lists into the queue, and into the record of the archive."""

import asyncio
import logging
import time
from math import inf
from typing import Any, NamedTuple
from uuid import uuid4

from scrapy.http import Response
from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.items import Podcast
from podcrawler.logins import LOGIN, TOLD_LOGIN, Login
from podcrawler.networks import named_host
from podcrawler.queue.acks import finish_page
from podcrawler.queue.broker import Pushed
from podcrawler.queue.choices import Choices
from podcrawler.queue.dates import Dates, Visit
from podcrawler.queue.entries import IS_WEB_PAGE, NEW, WANTED, told_by
from podcrawler.queue.followed import followed
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.leases import Lease
from podcrawler.queue.legacy_ids import Imports
from podcrawler.queue.listings import Listings
from podcrawler.queue.naming import GUID, Names
from podcrawler.queue.podcasts import record_of
from podcrawler.queue.scheduler import Scheduler
from podcrawler.queue.versions import Versions
from podcrawler.reading.messages import Batch, Settle
from podcrawler.reading.readers import Reading
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import Listing
from podcrawler.sites.links import is_web_page
from podcrawler.spiders.checking import Checks
from podcrawler.spiders.paging import Paging, page_number
from podcrawler.spiders.referrals import Led, addresses_that_led, claimed_move, declared_guid
from podcrawler.spiders.settling import begins_visit, possible_ids, settled
from podcrawler.store.records import lacks_record, write_record
from podcrawler.store.visits import keep_visit
from podcrawler.store.withdrawing import note_withdrawn

logger = logging.getLogger(__name__)


class Discovery:
    """The way of a listing into Redis. If the node dies on it, another node reads the page again, and pushes only what
    is not queued yet."""

    def __init__(self, scheduler: Scheduler, settings: BaseSettings, checks: Checks) -> None:
        self._settings = settings
        self._scheduler = scheduler
        self._checks = checks
        self._archive = scheduler.archive
        self._names = Names.from_settings(settings, scheduler.server)
        self._listings = Listings.from_settings(settings, scheduler.server)
        self._choices = Choices.from_settings(settings, scheduler.server)
        self._dates = Dates.from_settings(settings, scheduler.server)
        self._versions = Versions.from_settings(settings, scheduler.server)
        self._given = GivenHosts.from_settings(settings, scheduler.server)
        self._visit_seconds = scheduler.queue.visit_seconds
        self._serializer: str = settings["SCHEDULER_SERIALIZER"]
        self._imports = Imports(scheduler.episodes, scheduler.archive)
        self._paging = Paging(self._listings, Config.read(settings).max_pages, self._visit_seconds)

    async def record(self, lease: Lease, response: Response, reading: Reading) -> bool:
        """Push what the page lists while it is read, then acknowledge its lease; False if that was lost."""
        call = self._scheduler.call
        listing: Listing = reading.first.listing
        podcast = listing.podcast
        if not await self._holds(lease):
            _log_loss(lease)
            return False
        # Before anything is pushed: another node may read the next page before this page is finished.
        named = await call(self._name, addresses_that_led(lease, response, listing), podcast, listing.known_as)
        podcast.id = named.id
        await call(self._given.note_podcast, lease.group, podcast.id, named_host(response.url))
        await call(self._keep_login, named, response)
        await self._settle(lease, response, reading)
        number = page_number(response)
        if (told := await self._push(reading, lease, podcast.id, is_first_page=number == 1)) is None:
            _log_loss(lease)
            return False
        page_count = await self._push_pages(lease, response, listing, named, told)
        await call(self._keep_account, podcast.id, lease.name, told.account, number)
        if number == 1 and not listing.next_urls:
            await self._note_withdrawn(lease, podcast.id, told.span)
        await asyncio.to_thread(keep_visit, self._settings, podcast.id, response)
        ack = finish_page(
            lease,
            _visit_result(podcast, told, named.claims),
            (podcast.id, record_of(podcast)),
            named.told,
            newest=told.newest,
            pushed_count=told.entries + page_count,
            visit_ttl=self._visit_seconds,
            before=self._checks.changed(lease, response, listing, told.latest, is_new=told.pushed.added > 0),
        )
        is_finished = await self._scheduler.finish(lease, ack)
        if is_finished:
            await self._write_record(podcast)
            _log(lease, told.account, told.pushed, podcast.id, named.claims)
        return is_finished

    async def _settle(self, lease: Lease, response: Response, reading: Reading) -> None:
        """Let the reader know what it needs from Redis: which entries are which episodes, and which are wanted."""
        call = self._scheduler.call
        listing: Listing = reading.first.listing
        podcast_id, wanted = listing.podcast.id, response.meta.get(WANTED)
        begins = begins_visit(lease, response)
        if wanted and begins:
            await call(self._choices.forget, podcast_id)
        settle = Settle(
            podcast_id,
            await call(self._imports.of, podcast_id),
            self._serializer,
            self._paging.wants_names(page_number(response), listing),
            NEW if self._checks.is_repeated(response) else 0,
            wanted,
            time.time(),
            {} if begins or not wanted else await call(self._choices.latest, podcast_id),
        )
        answer = await settled(reading, settle, self._listings, call)
        await call(self._imports.claim, podcast_id, answer.claimed)
        if answer.latest:
            await call(self._choices.keep_latest, podcast_id, answer.latest, seconds=self._visit_seconds)

    async def _push_pages(
        self, lease: Lease, response: Response, listing: Listing, named: "_Named", told: "_Told"
    ) -> int:
        """Push the further pages that the page names, and the one that its podcast has moved to; how many."""
        call = self._scheduler.call
        moved = await call(claimed_move, self._names, named.id, listing, [lease.name, response.url])
        # In a thread, because a page may name a thousand others.
        pages = await call(
            self._paging.further_pages,
            lease,
            page_number(response),
            listing,
            moved,
            named.address,
            is_new=told.lists_new,
            wanted=response.meta.get(WANTED),
        )
        for page in pages:
            told_by(page, response.url, lease.group)
            if page_number(page) > 1 and is_web_page(response):
                page.meta[IS_WEB_PAGE] = True
        await self._scheduler.push(self._scheduler.queue, pages, lease, told.entries)
        return len(pages)

    async def _note_withdrawn(self, lease: Lease, podcast_id: str, span: tuple[float, float]) -> None:
        """Note which episodes a feed does not list any more; ``span`` is as in ``_Told``."""
        if gone := await self._scheduler.call(self._dates.note_withdrawn, podcast_id, Visit.of(lease), *span):
            logger.info("%s does not list %d episodes any more; what is archived of them stays.", lease.key, len(gone))
            await asyncio.to_thread(note_withdrawn, self._settings, podcast_id, gone)

    async def _write_record(self, podcast: Podcast) -> None:
        """See that the store has a record of the podcast, if it has files of it."""
        if await asyncio.to_thread(lacks_record, self._settings, podcast.id):
            server = self._scheduler.server
            found = await self._scheduler.call(followed, self._settings, server, [podcast.id])
            await asyncio.to_thread(write_record, self._settings, podcast, found.get(podcast.id))

    async def _holds(self, lease: Lease) -> bool:
        """Whether Redis has not forgotten the lease, and nobody else has it; it is renewed."""
        return not await self._scheduler.call(self._scheduler.queue.extend, [lease])

    def _name(self, led: Led, podcast: Podcast, known_as: str) -> "_Named":
        """Which podcast of the archive a page is of."""
        guid = declared_guid(podcast)
        if found := self._names.find(led.by_weight):
            address, name = found
            # Those before it have but pointed to it, and may point elsewhere the next time.
            told = led.telling[led.telling.index(address) :]
        else:
            address, told = led.by_weight[0], led.telling
            ids = possible_ids(podcast, address, str(uuid4()))
            name = self._names.name(known_as or address, ids, is_known=bool(known_as))
            name = self._names.record(address, name)
        claimed = self._names.claimed(guid)
        told = [*told, f"{GUID}{guid}"] if guid else told
        return _Named(name, address, led.telling[0], told, claimed if claimed and claimed != name else "")

    def _keep_login(self, named: "_Named", response: Response) -> None:
        """Keep the login that the user gave; one that a page told only for a podcast that was not there before."""
        login = Login.read(response.meta.get(LOGIN))
        if login is None:
            # That of a subscription is kept for its address.
            own, of_given = self._archive.logins_of([named.id, named.given])
            login = None if own else of_given
        told = Login.read(response.meta.get(TOLD_LOGIN))
        if login is None and told and not self._archive.podcast_address(named.id):
            login = told
        if login:
            is_its_own = named.given in named.told
            self._archive.keep_login([named.given, *((named.address, named.id) if is_its_own else ())], login)

    async def _push(self, reading: Reading, lease: Lease, podcast_id: str, *, is_first_page: bool) -> "_Told | None":
        """Push the page's episodes, batch by batch, as long as its lease is held; None if that was lost."""
        call, scheduler = self._scheduler.call, self._scheduler
        pushed, count, dropped, lists_new, has_noted = Pushed(), 0, 0, False, False
        visit, span = Visit.of(lease), (inf, -inf)
        while isinstance(batch := await reading.receive(), Batch):
            if batch.traits:
                await call(self._listings.keep_identities, podcast_id, batch.traits)
            if batch.dates:
                await call(self._dates.keep, podcast_id, batch.dates, visit)
                span = min(span[0], *batch.dates.values()), max(span[1], *batch.dates.values())
            if batch.left_out:
                dropped += await call(self._choices.leave_out, podcast_id, batch.left_out)
            if batch.names:
                is_first = is_first_page and not has_noted
                lists_new |= await call(self._paging.note, lease, podcast_id, batch.names, is_first=is_first)
                has_noted = True
            if batch.entries:
                # A Redis that has forgotten the lease has forgotten, too, who gave the host of these episodes.
                if not await self._holds(lease):
                    return None
                entries = await call(self._versions.numbered, podcast_id, list(batch.made()))
                pushed += await call(scheduler.episodes.push_many, entries, lease, count)
                count += len(batch.entries)
                scheduler.prefetcher.poll_soon()
        reading.end()
        account = Account.from_json(batch.account)
        return _Told(pushed, count, dropped, lists_new, account, batch.newest, batch.latest, span)

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
    #: How many episodes were to be fetched that are not wanted any more.
    dropped: int
    #: Whether no page before this one has listed one of them in this visit.
    lists_new: bool
    account: Account
    #: As in ``messages.Told``.
    newest: dict[str, str] | None
    latest: list[float]
    #: The first and the last date of its episodes, in seconds since 1970; infinite if none has a date.
    span: tuple[float, float]


def _visit_result(podcast: Podcast, told: _Told, claims: str) -> dict[str, Any]:
    return {
        "podcast": podcast.id,
        "title": podcast.title,
        **told.account.to_json(),
        "added": told.pushed.added,
        "finished": told.pushed.finished,
        "failed": told.pushed.failed,
        **({"dropped": told.dropped} if told.dropped else {}),
        **({"claims": claims} if claims else {}),
    }


def _log_loss(lease: Lease) -> None:
    logger.warning("The lease on %s was lost while the page was read: it is read again.", lease.key)


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
