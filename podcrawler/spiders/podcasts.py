"""The list spider: reads feeds and list pages, and pushes their episodes into the shared queue."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from scrapy import Request
from scrapy.http import Response, TextResponse
from typing_extensions import override

from podcrawler.config import Config, TransferConfig
from podcrawler.exceptions import EntryError, ListingError
from podcrawler.items import Episode, Podcast
from podcrawler.logins import Login
from podcrawler.queue.acks import finish_page
from podcrawler.queue.broker import Pushed
from podcrawler.queue.entries import Lease, episode_request, is_requestable, page_request
from podcrawler.queue.identities import Identities
from podcrawler.queue.legacy_ids import Imports
from podcrawler.queue.listings import Listings
from podcrawler.sites import site_for
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import Cause, LeftOut, Listing
from podcrawler.sites.selection import with_all_files, with_wanted_files
from podcrawler.spiders.base import QueueSpider
from podcrawler.spiders.paging import Paging, page_number

logger = logging.getLogger(__name__)

_PODCAST = TypeAdapter(Podcast)


class PodcastsSpider(QueueSpider):
    """Works on the queue ``podcasts``: list pages, and addresses that were seeded to ``podcasts:start_urls``."""

    name = "podcasts"

    @classmethod
    @override
    def capacity(cls, config: Config) -> int:
        return config.concurrent_pages

    async def parse_page(self, response: Response) -> AsyncIterator[Episode | Request]:
        """Push what the page lists into the queue. Without a lease (``scrapy parse``) yield it instead."""
        lease: Lease | None = response.meta.get("lease")
        try:
            # A further page may be the empty one that ends the list.
            is_further = lease is not None and lease.key != lease.group
            config = TransferConfig.read(self.settings)
            listing = await asyncio.to_thread(read_listing, response, config, may_be_empty=is_further)
            if lease:
                await self._discover(lease, response, listing)
                return
        except EntryError as error:
            await self.give_up(lease, error)
            return
        for episode in listing.episodes:
            yield episode
            if episode.enclosure is None:
                yield episode_request(episode).replace(callback=getattr(self, "parse_episode", None))
        for url in listing.next_urls:
            yield page_request(url, root=response.url).replace(callback=self.parse_page)

    async def _discover(self, lease: Lease, response: Response, listing: Listing) -> None:
        """Push what the page lists, then acknowledge its lease. If this node dies in between, another node reads the
        page again, and pushes only what is not queued yet."""
        scheduler = self.scheduler
        addresses = list(dict.fromkeys([lease.group, lease.name, response.url]))
        listings = Listings.from_settings(self.settings, scheduler.server)
        podcast = listing.podcast
        # Before anything is pushed: another node may read the next page before this page is finished.
        podcast.id = await scheduler.call(scheduler.archive.name_podcast, addresses, podcast.id)
        if login := Login.read(response.meta.get("login")):
            await scheduler.call(scheduler.archive.keep_login, [lease.group, podcast.id], login)
        announced, listing = await scheduler.call(_settled, listings, listing)
        await scheduler.call(Imports(scheduler.episodes, scheduler.archive).claim, podcast.id, announced)
        episodes = [episode_request(_to_queue(episode, podcast.id)) for episode in announced]
        page = page_number(response)
        paging = Paging(listings, Config.read(self.settings).max_pages, scheduler.queue.visit_seconds)
        pages = await scheduler.call(paging.further_pages, lease, page, listing)
        pushed = await scheduler.push(scheduler.episodes, episodes, lease)
        await scheduler.push(scheduler.queue, pages, lease, len(episodes))
        account = Account.of(listing)
        kept = None if account.is_complete else account.to_json()
        await scheduler.call(listings.keep_account, podcast.id, lease.name, kept, is_first=page == 1)
        record = (podcast.id, _PODCAST.dump_json(podcast).decode())
        ack = finish_page(
            lease,
            _visit_result(podcast, account, pushed),
            record,
            addresses,
            pushed_count=len(episodes) + len(pages),
            visit_ttl=scheduler.queue.visit_seconds,
        )
        if await scheduler.finish(lease, ack):
            told = "" if account.is_complete else f" ({account})"
            logger.info("listed %s: %d episodes, %d of them new%s", lease.key, account.episodes, pushed.added, told)
            self.crawler.stats.inc_value("podcrawler/listed")


def read_listing(response: Response, config: TransferConfig, *, may_be_empty: bool) -> Listing:
    """What a list page lists of the kinds of files that are wanted. Raises ListingError if it cannot be read, or lists
    nothing unless it ``may_be_empty``."""
    if not isinstance(response, TextResponse):
        raise ListingError(
            "unknown-page",
            f"{response.url} is neither a feed nor a web page; give the address of the podcast, not of a file.",
        )
    listing = site_for(response).parse_list(response)
    assert isinstance(listing, Listing)
    listing = with_wanted_files(listing, config.media)
    if config.enclosures == "all":
        listing = with_all_files(listing)
    announces = listing.episodes or listing.next_urls or any(entry.episode for entry in listing.left_out)
    if announces or may_be_empty:
        return listing
    if not listing.left_out:
        raise ListingError("no-episodes", f"{response.url} lists nothing; check the address of the podcast.")
    raise ListingError(
        "no-enclosures",
        f"{response.url} has {Account.of(listing)}; it may be the feed of a blog: give the address of the podcast's "
        "own feed, or name the kind of its files in PODCRAWLER_MEDIA.",
    )


def _settled(listings: Listings, listing: Listing) -> tuple[list[Episode], Listing]:
    """All episodes that the page announces under the ids that they had at earlier visits, and the listing with them.
    Those whose address cannot be requested are announced, too, and are to fail with that reason. Blocks on Redis."""
    unrequestable = [entry.episode for entry in listing.left_out if entry.episode]
    settled = Identities(listings).settle(listing.podcast.id, [*listing.episodes, *unrequestable])
    requestable = [episode for episode in settled.episodes if is_requestable(episode)]
    duplicates = [LeftOut(Cause.DUPLICATE, episode.title) for episode in settled.duplicates if is_requestable(episode)]
    return settled.episodes, replace(listing, episodes=requestable, left_out=[*listing.left_out, *duplicates])


def _to_queue(episode: Episode, podcast_id: str) -> Episode:
    return replace(episode, podcast_id=podcast_id, twin_id="", alternates=[])


def _visit_result(podcast: Podcast, account: Account, pushed: Pushed) -> dict[str, Any]:
    return {
        "podcast": podcast.id,
        "title": podcast.title,
        **account.to_json(),
        "added": pushed.added,
        "finished": pushed.finished,
        "failed": pushed.failed,
    }
