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

from podcrawler.config import Config
from podcrawler.exceptions import EntryError, ListingError
from podcrawler.items import Episode, Podcast
from podcrawler.logins import Login
from podcrawler.queue.acks import finish_page, finish_referral
from podcrawler.queue.broker import Pushed
from podcrawler.queue.entries import Lease, episode_request, page_request
from podcrawler.queue.legacy_ids import Imports
from podcrawler.sites import site_for
from podcrawler.sites.base import Listing, Referral
from podcrawler.spiders.base import QueueSpider
from podcrawler.spiders.referrals import Trail, claimed_move, moved_page, own_addresses, requests_for, visit_result

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
        request = response.request
        assert request is not None
        # A further page may be the empty one that ends the list.
        lease: Lease | None = request.meta.get("lease")
        is_further = lease is not None and lease.key not in (lease.group, request.meta.get("podcast_address"))
        try:
            found = await asyncio.to_thread(read_page, response, may_be_empty=is_further)
            outputs = (
                self._follow(response, found) if isinstance(found, Referral) else self._list(lease, response, found)
            )
            async for output in outputs:
                yield output
        except EntryError as error:
            async for output in self.ended_in(request, error):
                yield output

    @override
    async def ended_in(self, request: Request, error: EntryError) -> AsyncIterator[Episode | Request]:
        """Ask the next candidate for the podcast; without one, the lease ends in the failure that tells most."""
        trail = Trail.of(request).failed(error)
        lease: Lease | None = request.meta.get("lease")
        if following := trail.next_request(request):
            yield self._bound(following)
        elif trail.otherwise:
            async for output in self._list(lease, *trail.otherwise):
                yield output
        else:
            await self.give_up(lease, trail.failure or error)

    async def _follow(self, response: Response, referral: Referral) -> AsyncIterator[Request]:
        """Go where a page leads that is no podcast itself."""
        assert response.request is not None
        lease: Lease | None = response.meta.get("lease")
        if len(referral.podcasts) == 1:
            trail = Trail.of(response.request).referred(response, referral)
            if (following := trail.next_request(response.request)) is None:
                raise ListingError(
                    "no-feed", f"{response.url} leads to itself; give the address of the podcast's feed."
                )
            yield self._bound(following)
        elif lease:
            await self._refer(lease, referral)
        else:
            for request in requests_for(referral, response.url):
                yield self._bound(request)

    async def _refer(self, lease: Lease, referral: Referral) -> None:
        """Push an entry for each podcast of a list, then acknowledge the lease of the list."""
        scheduler = self.scheduler
        requests = requests_for(referral, lease.group)
        await scheduler.push(scheduler.queue, requests, lease)
        result = visit_result(referral)
        ack = finish_referral(lease, result, pushed_count=len(requests), visit_ttl=scheduler.queue.visit_seconds)
        if await scheduler.finish(lease, ack):
            logger.info("%s leads to %d podcasts", lease.key, len(requests))
            for sentence in referral.left_out:
                logger.warning("left out of %s: %s", lease.key, sentence)

    async def _list(
        self, lease: Lease | None, response: Response, listing: Listing
    ) -> AsyncIterator[Episode | Request]:
        """Push what a page lists. Without a lease yield it instead."""
        if lease:
            await self._discover(lease, response, listing)
            return
        for episode in listing.episodes:
            yield episode
            if episode.enclosure is None:
                yield episode_request(episode).replace(callback=getattr(self, "parse_episode", None))
        for url in [*listing.next_urls, *moved_page(listing, [response.url])]:
            yield self._bound(page_request(url, root=response.url))

    def _bound(self, request: Request) -> Request:
        return request.replace(callback=self.parse_page, errback=self.failed)

    async def _discover(self, lease: Lease, response: Response, listing: Listing) -> None:
        """Push what the page lists, then acknowledge its lease. If this node dies in between, another node reads the
        page again, and pushes only what is not queued yet."""
        scheduler = self.scheduler
        podcast = listing.podcast
        addresses = own_addresses(lease, response, listing)
        home = addresses[0]
        # Before anything is pushed: another node may read the next page before this page is finished.
        podcast.id = await scheduler.call(scheduler.archive.name_podcast, addresses, podcast.id)
        if login := Login.read(response.meta.get("login")):
            await scheduler.call(scheduler.archive.keep_login, [home, podcast.id], login)
        await scheduler.call(Imports(scheduler.episodes, scheduler.archive).claim, podcast.id, listing.episodes)
        episodes = [episode_request(replace(episode, podcast_id=podcast.id)) for episode in listing.episodes]
        moved = await scheduler.call(claimed_move, scheduler.archive, podcast.id, listing, [lease.name, response.url])
        further = [*listing.next_urls, *moved]
        pages = [
            page_request(url, root=lease.group, podcast_address=home if home != lease.group else "") for url in further
        ]
        pushed = await scheduler.push(scheduler.episodes, episodes, lease)
        await scheduler.push(scheduler.queue, pages, lease, len(episodes))
        record = (podcast.id, _PODCAST.dump_json(podcast).decode())
        ack = finish_page(
            lease,
            _visit_result(podcast, len(episodes), pushed),
            record,
            addresses,
            pushed_count=len(episodes) + len(pages),
            visit_ttl=scheduler.queue.visit_seconds,
        )
        if await scheduler.finish(lease, ack):
            logger.info("listed %s: %d episodes, %d of them new", lease.key, len(episodes), pushed.added)
            self.crawler.stats.inc_value("podcrawler/listed")


def read_page(response: Response, *, may_be_empty: bool) -> Listing | Referral:
    """What a page lists, or refers to. Raises ListingError if it cannot be read, or lists nothing unless it
    ``may_be_empty``."""
    # Scrapy takes for binary what its label, or a few odd bytes, make look so; the sites know better.
    page = response if isinstance(response, TextResponse) else response.replace(cls=TextResponse)
    found = site_for(page).parse_list(page)
    if isinstance(found, Referral) or found.episodes or found.next_urls:
        return found
    if moved := moved_page(found, [response.url]):
        return Referral([moved])
    if not may_be_empty:
        raise ListingError("no-episodes", f"{response.url} lists no episodes; look at it in a browser.")
    return found


def _visit_result(podcast: Podcast, listed: int, pushed: Pushed) -> dict[str, Any]:
    return {
        "podcast": podcast.id,
        "title": podcast.title,
        "listed": listed,
        "added": pushed.added,
        "finished": pushed.finished,
        "failed": pushed.failed,
    }
