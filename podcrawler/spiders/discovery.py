"""Puts what a list page lists into the queue, and into the record of the archive."""

import logging
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import TypeAdapter
from scrapy.http import Response
from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.items import Podcast
from podcrawler.logins import Login
from podcrawler.networks import named_host
from podcrawler.queue.acks import finish_page
from podcrawler.queue.broker import Pushed
from podcrawler.queue.entries import Lease, told_by
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.legacy_ids import Imports
from podcrawler.queue.listings import Listings
from podcrawler.queue.scheduler import Scheduler
from podcrawler.reading.messages import AskSizes, Batch, Settle
from podcrawler.reading.readers import Reading
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import Listing
from podcrawler.spiders.paging import Paging, page_number
from podcrawler.spiders.referrals import GUID, claimed_move, own_addresses

logger = logging.getLogger(__name__)

_PODCAST = TypeAdapter(Podcast)


class Discovery:
    """The way of a listing into Redis. If the node dies on it, another node reads the page again, and pushes only what
    is not queued yet."""

    def __init__(self, scheduler: Scheduler, settings: BaseSettings) -> None:
        self._scheduler = scheduler
        self._archive = scheduler.archive
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
        addresses = own_addresses(lease, response, listing)
        # Before anything is pushed: another node may read the next page before this page is finished.
        podcast.id, same_as = await call(self._name, addresses, podcast.id)
        await call(self._given.note_podcast, lease.group, podcast.id, named_host(response.url))
        if login := Login.read(response.meta.get("login")):
            await call(self._archive.keep_login, [addresses[0], podcast.id], login)
        number = page_number(response)
        await self._settle(reading, podcast.id, wants_names=self._paging.wants_names(number, listing))
        moved = await call(claimed_move, self._archive, podcast.id, listing, [lease.name, response.url])
        told = await self._push(reading, lease, podcast.id, is_first_page=number == 1)
        pages = await call(
            self._paging.further_pages, lease, number, listing, moved, addresses[0], is_new=told.lists_new
        )
        for page in pages:
            told_by(page, response.url, lease.group)
        await self._scheduler.push(self._scheduler.queue, pages, lease, told.entries)
        await call(self._keep_account, podcast.id, lease.name, told.account, number)
        ack = finish_page(
            lease,
            _visit_result(podcast, told.account, told.pushed, same_as),
            (podcast.id, _PODCAST.dump_json(podcast).decode()),
            addresses,
            pushed_count=told.entries + len(pages),
            visit_ttl=self._visit_seconds,
        )
        is_finished = await self._scheduler.finish(lease, ack)
        if is_finished:
            _log(lease, told.account, told.pushed, podcast.id, same_as)
        return is_finished

    def _name(self, addresses: list[str], podcast_id: str) -> tuple[str, str]:
        """The podcast's id in the archive; and the address that it is known by, if it is not known by any of these."""
        own = addresses[:-1] if addresses[-1].startswith(GUID) else addresses
        is_known = self._archive.podcast_id(own)
        podcast_id = self._archive.name_podcast(addresses, podcast_id)
        other = "" if is_known else self._archive.podcast_address(podcast_id)
        # The same feed on another port, or by another scheme, needs no word.
        return podcast_id, "" if _place(other) in map(_place, own) else other

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


class _Told(NamedTuple):
    """What became of a page's entries."""

    pushed: Pushed
    #: How many entries were pushed.
    entries: int
    #: Whether no page before this one has listed one of them in this visit.
    lists_new: bool
    account: Account


def _place(address: str) -> tuple[str | None, str, str]:
    """Where an address leads, whatever its scheme and port."""
    parts = urlsplit(address)
    return parts.hostname, parts.path, parts.query


def _visit_result(podcast: Podcast, account: Account, pushed: Pushed, same_as: str) -> dict[str, Any]:
    return {
        "podcast": podcast.id,
        "title": podcast.title,
        **account.to_json(),
        "added": pushed.added,
        "finished": pushed.finished,
        "failed": pushed.failed,
        **({"same_as": same_as} if same_as else {}),
    }


def _log(lease: Lease, account: Account, pushed: Pushed, podcast_id: str, same_as: str) -> None:
    told = "" if account.is_complete else f" ({account})"
    logger.info("listed %s: %d episodes, %d of them new%s", lease.key, account.episodes, pushed.added, told)
    if same_as:
        logger.warning("%s has the guid of %s, and is taken for the same podcast (%s)", lease.key, same_as, podcast_id)
