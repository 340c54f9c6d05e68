"""The list spider: reads feeds and list pages, and pushes their episodes into the shared queue."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

from scrapy import Request
from scrapy.http import Response, TextResponse
from typing_extensions import override

from podcrawler.config import Config, TransferConfig
from podcrawler.exceptions import EntryError, ListingError
from podcrawler.items import Episode
from podcrawler.queue.acks import finish_referral
from podcrawler.queue.entries import Lease, episode_request, page_request
from podcrawler.sites import site_for
from podcrawler.sites.accounting import Account
from podcrawler.sites.base import Listing, Referral
from podcrawler.sites.selection import with_all_files, with_newest, with_wanted_files
from podcrawler.spiders.base import QueueSpider
from podcrawler.spiders.discovery import Discovery
from podcrawler.spiders.referrals import Trail, moved_page, requests_for, visit_result

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


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
            config = TransferConfig.read(self.settings)
            found = await _within(config.parse_time, read_page, response, config, may_be_empty=is_further)
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
            await self._refer(lease, response, referral)
        else:
            for request in requests_for(referral, response.url, response.url):
                yield self._bound(request)

    async def _refer(self, lease: Lease, response: Response, referral: Referral) -> None:
        """Push an entry for each podcast of a list, then acknowledge the lease of the list."""
        scheduler = self.scheduler
        requests = requests_for(referral, lease.group, response.url)
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
            if await Discovery(self.scheduler, self.settings).record(lease, response, listing):
                self.crawler.stats.inc_value("podcrawler/listed")
            return
        for episode in listing.episodes:
            yield episode
            if episode.enclosure is None:
                yield episode_request(episode).replace(callback=getattr(self, "parse_episode", None))
        for url in [*listing.next_urls, *moved_page(listing, [response.url])]:
            yield self._bound(page_request(url, root=response.url))

    def _bound(self, request: Request) -> Request:
        return request.replace(callback=self.parse_page, errback=self.failed)


async def _within(seconds: float, read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call ``read`` in a thread. Raises ListingError if that takes longer: the thread goes on, but nobody waits."""
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(read, *args, **kwargs)
    except TimeoutError as error:
        raise ListingError(
            "parse-time",
            f"The page could not be read within {seconds:g} s; raise PODCRAWLER_PARSE_TIME if it is that large.",
            "passing",
        ) from error


def read_page(response: Response, config: TransferConfig, *, may_be_empty: bool) -> Listing | Referral:
    """What a page lists of the kinds of files that are wanted, or refers to. Raises ListingError if it cannot be read,
    or lists nothing unless it ``may_be_empty``."""
    # Scrapy takes for binary what its label, or a few odd bytes, make look so; the sites know better.
    page = response if isinstance(response, TextResponse) else response.replace(cls=TextResponse)
    found = site_for(page).parse_list(page)
    if isinstance(found, Referral):
        return found
    listing = with_wanted_files(found, config.media)
    if config.enclosures == "all":
        listing = with_all_files(listing)
    listing = with_newest(listing, config.max_entries)
    if listing.episodes or listing.next_urls or any(entry.episode for entry in listing.left_out):
        return listing
    if moved := moved_page(listing, [response.url]):
        return Referral([moved])
    if may_be_empty:
        return listing
    if not listing.left_out:
        raise ListingError(
            "no-episodes",
            f"{response.url} lists nothing; check the address of the podcast, and whether its page needs a script or a "
            "click to show the episodes, which cannot be read.",
        )
    raise ListingError(
        "no-enclosures",
        f"{response.url} has {Account.of(listing)}; it may be the feed of a blog: give the address of the podcast's "
        "own feed, or name the kind of its files in PODCRAWLER_MEDIA.",
    )
