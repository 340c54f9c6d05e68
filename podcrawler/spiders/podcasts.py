"""The list spider: reads feeds and list pages, and pushes their episodes into the shared queue."""

import logging
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any, ClassVar

from scrapy import Request
from scrapy.http import Response
from typing_extensions import override

from podcrawler.config import Config, TransferConfig
from podcrawler.exceptions import EntryError, ListingError
from podcrawler.items import Episode
from podcrawler.queue.acks import finish_visit
from podcrawler.queue.entries import CHECK, WANTED, episode_request, page_request
from podcrawler.queue.leases import Lease
from podcrawler.reading.messages import Page, ReadPage, Referred, Show
from podcrawler.reading.readers import Reading
from podcrawler.sites.base import Listing, Referral
from podcrawler.spiders.base import QueueSpider
from podcrawler.spiders.changes import Changes
from podcrawler.spiders.checking import Checks
from podcrawler.spiders.discovery import Discovery
from podcrawler.spiders.referrals import Trail, moved_page, requests_for, visit_result
from podcrawler.tasks import keep_running

logger = logging.getLogger(__name__)


class PodcastsSpider(QueueSpider):
    """Works on the queue ``podcasts``: list pages, and addresses that were seeded to ``podcasts:start_urls``."""

    name = "podcasts"
    reads_at_once: ClassVar[bool] = True

    @cached_property
    def checks(self) -> Checks:
        return Checks(self.scheduler, self.settings)

    @cached_property
    def _discovery(self) -> Discovery:
        return Discovery(self.scheduler, self.settings, self.checks)

    @override
    async def start(self) -> AsyncIterator[Any]:
        """As for every node; and the checks of subscriptions, unless the node is there for other work alone."""
        tasks = []
        if not Config.read(self.settings).exit_when_done:
            changes = Changes(self.scheduler, self.settings)
            tasks.append(keep_running("the checks of subscriptions", self.checks.run))
            tasks.append(keep_running("the list of feeds that have changed", changes.run))
        try:
            async for output in super().start():
                yield output
        finally:
            for task in tasks:
                task.cancel()

    @classmethod
    @override
    def capacity(cls, config: Config) -> int:
        return config.concurrent_pages

    async def parse_page(self, response: Response) -> AsyncIterator[Episode | Request]:
        """Push what the page lists into the queue. Without a lease (``scrapy parse``) yield it instead."""
        request = response.request
        assert request is not None
        lease: Lease | None = response.meta.get("lease")
        if lease and CHECK in response.meta and await self.checks.is_unchanged(lease, response):
            return
        try:
            async for output in self._read(response):
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
            return
        failure = trail.failure or error
        note = await self.checks.failed(request, lease, failure) if lease and CHECK in request.meta else None
        await self.give_up(lease, failure, last=note)

    async def _read(self, response: Response) -> AsyncIterator[Episode | Request]:
        """Read a page, and go on from there. Raises EntryError."""
        assert response.request is not None
        # A further page may be the empty one that ends the list.
        lease: Lease | None = response.meta.get("lease")
        is_further = lease is not None and lease.key not in (lease.group, response.meta.get("podcast_address"))
        as_list = Trail.of(response.request).as_list
        config = TransferConfig.read(self.settings)
        limits = (config.media, config.enclosures, config.max_entries)
        job = ReadPage(Page.of(response), *limits, may_be_empty=is_further, as_list=as_list)
        async with self.readers.reading(job, response) as reading:
            if isinstance(reading.first, Referred):
                reading.end()
            else:
                async for output in self._list(lease, response, reading):
                    yield output
        if isinstance(reading.first, Referred):
            async for output in self._follow(response, reading.first):
                yield output

    async def _follow(self, response: Response, referred: Referred) -> AsyncIterator[Request]:
        """Go where a page leads that is no podcast itself."""
        assert response.request is not None
        lease: Lease | None = response.meta.get("lease")
        referral = referred.referral
        if len(referral.podcasts) == 1:
            trail = Trail.of(response.request).referred(response, referral, is_list=referred.is_list)
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
        requests = requests_for(referral, lease.group, response.url, response.meta.get(WANTED))
        await scheduler.push(scheduler.queue, requests, lease)
        result = visit_result(referral)
        noted = self.checks.referred(lease, response)
        visit_ttl = scheduler.queue.visit_seconds
        ack = finish_visit(lease, result, pushed_count=len(requests), visit_ttl=visit_ttl, before=noted)
        if await scheduler.finish(lease, ack):
            logger.info("%s leads to %d podcasts", lease.key, len(requests))
            for sentence in referral.left_out:
                logger.warning("left out of %s: %s", lease.key, sentence)

    async def _list(
        self, lease: Lease | None, response: Response, reading: Reading
    ) -> AsyncIterator[Episode | Request]:
        """Push what a page lists. Without a lease yield it instead."""
        if lease:
            if await self._discovery.record(lease, response, reading):
                self.crawler.stats.inc_value("podcrawler/listed")
            return
        answer = await reading.ask(Show())
        while isinstance(answer, list):
            for episode in answer:
                yield episode
                if episode.enclosure is None:
                    yield episode_request(episode).replace(callback=getattr(self, "parse_episode", None))
            answer = await reading.receive()
        reading.end()
        listing: Listing = reading.first.listing
        for url in [*listing.next_urls, *moved_page(listing, [response.url])]:
            yield self._bound(page_request(url, root=response.url))

    def _bound(self, request: Request) -> Request:
        return request.replace(callback=self.parse_page, errback=self.failed)
