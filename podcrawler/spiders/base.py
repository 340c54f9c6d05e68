"""The base of both spiders: a worker on the shared queue of its name, whose requests carry leases."""

import asyncio
import gc
import logging
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Self

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure
from typing_extensions import override

# For its effect: whoever exports items gets them from a spider.
import podcrawler.item_adapter  # noqa: F401
from podcrawler.addon import Addon
from podcrawler.config import Config
from podcrawler.exceptions import EntryError, FetchError, PodcrawlerError, TransferCancelledError
from podcrawler.http.errors import explain
from podcrawler.queue.acks import ScriptCall
from podcrawler.queue.given_hosts import GivenHosts
from podcrawler.queue.leases import Lease
from podcrawler.queue.naming import Names
from podcrawler.queue.scheduler import Scheduler, scheduler_of
from podcrawler.queue.seeds import address_request
from podcrawler.reading.readers import Readers
from podcrawler.signals import node_draining, node_stopping

#: Tries of an address that never led to a podcast.
_TRIES_OF_UNKNOWN = 3


class QueueSpider(Spider):
    """A spider that works the queue of its name until it is stopped, or until the queue is done."""

    #: Whether nearly all entries of the queue are pages to be read. Else a reader is started for the first one.
    reads_at_once: ClassVar[bool] = False
    #: CONCURRENT_ITEMS for each leased entry. Scrapy makes a task for each that there could be, at each response.
    items_per_entry: ClassVar[int] = 1
    readers: Readers

    def __init__(self, *args: Any, address: str | None = None, **kwargs: Any) -> None:
        """``address`` is one more seed: ``-a address=https://...``. Raises AddressError."""
        super().__init__(*args, **kwargs)
        self.seeds = [address_request(address)] if address else []

    @classmethod
    @override
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        # Scrapy creates a log record for every request and item. Below LOG_LEVEL its handler only discards them.
        logging.getLogger("scrapy.core").setLevel(crawler.settings["LOG_LEVEL"])
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.readers = Readers.from_settings(crawler.settings)
        crawler.signals.connect(spider.readers.drain, signal=node_draining)
        crawler.signals.connect(spider.readers.stop, signal=node_stopping)
        crawler.signals.connect(spider.readers.close, signal=signals.spider_closed)
        return spider

    @classmethod
    @abstractmethod
    def capacity(cls, config: Config) -> int:
        """How many entries a node works on at once."""

    @classmethod
    @override
    def update_settings(cls, settings: BaseSettings) -> None:
        """Set Scrapy's limits so that a node can download all that it has leased, unless a user sets them.

        A user's ``ADDONS`` may name the user's add-ons alone: podcrawler's is added.
        """
        super().update_settings(settings)
        settings.setdefault_in_component_priority_dict("ADDONS", Addon, 0)
        capacity = cls.capacity(Config.read(settings))
        settings.set("CONCURRENT_REQUESTS_PER_DOMAIN", capacity, priority="addon")
        settings.set("CONCURRENT_REQUESTS", 2 * capacity, priority="addon")
        settings.set("CONCURRENT_ITEMS", cls.items_per_entry * capacity, priority="addon")

    @property
    def scheduler(self) -> Scheduler:
        scheduler = scheduler_of(self.crawler)
        assert scheduler is not None
        return scheduler

    @override
    async def start(self) -> AsyncIterator[Any]:
        """The seeds of the command line, then a request for each leased entry."""
        # All that was loaded until now lives as long as the node. If each full collection visited it, that would take
        # a tenth of the time of small files.
        gc.collect()
        gc.freeze()
        if self.reads_at_once:
            # While the first page is leased and fetched.
            self._starting = asyncio.get_running_loop().create_task(self.readers.start())
        if self.seeds and (scheduler := scheduler_of(self.crawler)) is not None:
            given = GivenHosts.from_settings(self.settings, scheduler.server)
            await scheduler.call(given.note_addresses, [request.url for request in self.seeds])
        for request in self.seeds:
            yield request
        try:
            async for request in self.scheduler.leased_requests():
                yield request
        except PodcrawlerError as error:
            self.logger.critical("This node cannot go on: %s", error)
            raise CloseSpider("error") from None
        finally:
            # A graceful stop begins with Scrapy cancelling start(). It waits for transfers afterwards.
            self.scheduler.drain()

    async def failed(self, failure: Failure) -> AsyncIterator[Any]:
        """The errback of every leased request."""
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        assert failure.value is not None
        async for output in self.ended_in(request, explain(failure.value, request.url)):
            yield output

    @abstractmethod
    def ended_in(self, request: Request, error: EntryError) -> AsyncIterator[Any]:
        """What follows when a request ended in an error: another request under its lease, or the end of the lease."""

    async def give_up(self, lease: Lease | None, error: EntryError, *, last: ScriptCall | None = None) -> None:
        """End the lease in an error. Without a lease (``scrapy parse``) only log the error. ``last`` as in
        ``Scheduler.give_up``."""
        if lease is None:
            self.logger.error("%s", error)
            return
        if lease.kind == "page" and not isinstance(error, TransferCancelledError) and await self._is_hopeless(lease):
            error = FetchError(error.kind, str(error))
        await self.scheduler.give_up(lease, error, last=last)

    async def _is_hopeless(self, lease: Lease) -> bool:
        """Whether a seed failed a few times and never led to a podcast: its address is probably wrong."""
        scheduler = self.scheduler
        if lease.tries + 1 < _TRIES_OF_UNKNOWN or lease.key != lease.group:
            return False
        names = Names.from_settings(self.settings, scheduler.server)
        return await scheduler.call(names.podcast_of, [lease.key]) is None
