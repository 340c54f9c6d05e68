"""Puts what a list page lists into the queue, and into the record of the archive."""

import logging
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter
from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings

from podcrawler.config import Config
from podcrawler.items import Episode, Podcast
from podcrawler.logins import Login
from podcrawler.networks import host_of
from podcrawler.queue.acks import finish_page
from podcrawler.queue.broker import Pushed
from podcrawler.queue.entries import Lease, episode_request, is_requestable, told_by
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.identities import Identities
from podcrawler.queue.legacy_ids import Imports
from podcrawler.queue.listings import Listings
from podcrawler.queue.scheduler import Scheduler
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import Cause, LeftOut, Listing
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
        self._paging = Paging(self._listings, Config.read(settings).max_pages, self._visit_seconds)

    async def record(self, lease: Lease, response: Response, listing: Listing) -> bool:
        """Push what the page lists, then acknowledge its lease; False if that was lost."""
        call = self._scheduler.call
        podcast = listing.podcast
        addresses = own_addresses(lease, response, listing)
        # Before anything is pushed: another node may read the next page before this page is finished.
        podcast.id, same_as = await call(self._name, addresses, podcast.id)
        await call(self._given.note_podcast, lease.group, podcast.id, host_of(response.url))
        if login := Login.read(response.meta.get("login")):
            await call(self._archive.keep_login, [addresses[0], podcast.id], login)
        episodes, listing = await call(self._settle, listing)
        moved = await call(claimed_move, self._archive, podcast.id, listing, [lease.name, response.url])
        number = page_number(response)
        pages = await call(self._paging.further_pages, lease, number, listing, moved, addresses[0])
        for page in pages:
            told_by(page, response.url, lease.group)
        pushed = await self._scheduler.push(self._scheduler.episodes, episodes, lease)
        await self._scheduler.push(self._scheduler.queue, pages, lease, len(episodes))
        account = Account.of(listing)
        await call(self._keep_account, podcast.id, lease.name, account, number)
        ack = finish_page(
            lease,
            _visit_result(podcast, account, pushed, same_as),
            (podcast.id, _PODCAST.dump_json(podcast).decode()),
            addresses,
            pushed_count=len(episodes) + len(pages),
            visit_ttl=self._visit_seconds,
        )
        is_finished = await self._scheduler.finish(lease, ack)
        if is_finished:
            _log(lease, account, pushed, podcast.id, same_as)
        return is_finished

    def _name(self, addresses: list[str], podcast_id: str) -> tuple[str, str]:
        """The podcast's id in the archive; and the address that it is known by, if it is not known by any of these."""
        own = addresses[:-1] if addresses[-1].startswith(GUID) else addresses
        is_known = self._archive.podcast_id(own)
        podcast_id = self._archive.name_podcast(addresses, podcast_id)
        other = "" if is_known else self._archive.podcast_address(podcast_id)
        # The same feed on another port, or by another scheme, needs no word.
        return podcast_id, "" if _place(other) in map(_place, own) else other

    def _settle(self, listing: Listing) -> tuple[list[Request], Listing]:
        """The requests for all episodes that the page announces, under the ids that they had at earlier visits, and the
        listing with those ids. Episodes whose address cannot be requested are to fail with that reason."""
        podcast_id = listing.podcast.id
        unrequestable = [entry.episode for entry in listing.left_out if entry.episode]
        settled = Identities(self._listings).settle(podcast_id, [*listing.episodes, *unrequestable])
        Imports(self._scheduler.episodes, self._archive).claim(podcast_id, settled.episodes)
        requestable = [episode for episode in settled.episodes if is_requestable(episode)]
        twice = [LeftOut(Cause.DUPLICATE, episode.title) for episode in settled.duplicates if is_requestable(episode)]
        requests = [episode_request(_of_podcast(episode, podcast_id)) for episode in settled.episodes]
        return requests, replace(listing, episodes=requestable, left_out=[*listing.left_out, *twice])

    def _keep_account(self, podcast_id: str, page: str, account: Account, number: int) -> None:
        kept = None if account.is_complete else account.to_json()
        self._listings.keep_account(podcast_id, page, kept, is_first=number == 1)


def _place(address: str) -> tuple[str | None, str, str]:
    """Where an address leads, whatever its scheme and port."""
    parts = urlsplit(address)
    return parts.hostname, parts.path, parts.query


def _of_podcast(episode: Episode, podcast_id: str) -> Episode:
    return episode if episode.podcast_id == podcast_id else replace(episode, podcast_id=podcast_id)


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
