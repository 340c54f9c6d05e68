"""What both spiders are: workers on a shared queue, whose requests come as leases."""

import gc
import logging
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares import redirect as scrapy_redirect
from scrapy.downloadermiddlewares import useragent as scrapy_useragent
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.exceptions import CloseSpider
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from podcrawler.config import Config
from podcrawler.exceptions import EntryError, FetchError, PodcrawlerError, SettingError
from podcrawler.http.auth import LoginMiddleware, UserAgentMiddleware
from podcrawler.http.errors import explain
from podcrawler.http.proxy import ProxyMiddleware
from podcrawler.http.redirects import RedirectMiddleware
from podcrawler.media.pipeline import EpisodeFilesPipeline
from podcrawler.queue.entries import Lease, page_request
from podcrawler.queue.scheduler import Scheduler, scheduler_of
from podcrawler.queue.seeds import check_address
from podcrawler.queue.stream import DirectEpisodeMiddleware

#: Stronger than Scrapy's own values, weaker than whatever a user sets.
_ABOVE_DEFAULT = 1
#: By setting: what a node cannot do without, as in settings.py.
_COMPONENTS: dict[str, dict[type, int | None]] = {
    "DOWNLOADER_MIDDLEWARES": {
        DirectEpisodeMiddleware: 10,
        LoginMiddleware: 310,
        scrapy_useragent.UserAgentMiddleware: None,
        UserAgentMiddleware: 500,
        scrapy_redirect.RedirectMiddleware: None,
        RedirectMiddleware: 600,
        HttpProxyMiddleware: None,
        ProxyMiddleware: 750,
    },
    "ITEM_PIPELINES": {EpisodeFilesPipeline: 500},
}
#: Items in the pipelines for each episode that is worked on.
_ITEMS_PER_EPISODE = 8
#: Objects that are made, and not let go, before Python looks for garbage; every seventh look is at all of them.
_BETWEEN_LOOKS = 1000
#: Tries of an address that the archive does not know.
_TRIES_OF_UNKNOWN = 3


class QueueSpider(Spider):
    """A spider that works the queue of its name until it is stopped, or until the queue is done."""

    def __init__(self, *args: Any, address: str | None = None, **kwargs: Any) -> None:
        """``address`` is one more seed, given on the command line: ``-a address=https://...``"""
        super().__init__(*args, **kwargs)
        self.addresses = [check_address(address)] if address else []

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        # Scrapy makes a record of every request and item for its handler to throw away below LOG_LEVEL.
        logging.getLogger("scrapy.core").setLevel(crawler.settings["LOG_LEVEL"])
        return super().from_crawler(crawler, *args, **kwargs)

    @classmethod
    @abstractmethod
    def capacity(cls, config: Config) -> int:
        """How many entries a node works on at once."""

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Make Scrapy's own limits fit: what a node has leased, it shall be about to download. And keep the components
        that a node cannot do without when a user's setting names only the user's own."""
        super().update_settings(settings)
        for name, components in _COMPONENTS.items():
            _keep_components(settings, name, components)
        capacity = cls.capacity(Config.read(settings))
        settings.set("CONCURRENT_REQUESTS_PER_DOMAIN", capacity, priority=_ABOVE_DEFAULT)
        settings.set("CONCURRENT_REQUESTS", 2 * capacity, priority=_ABOVE_DEFAULT)
        # An item lasts until Redis has heard of its end; most of those take up no room any more.
        settings.set("CONCURRENT_ITEMS", _ITEMS_PER_EPISODE * capacity, priority=_ABOVE_DEFAULT)

    @property
    def scheduler(self) -> Scheduler:
        scheduler = scheduler_of(self.crawler)
        assert scheduler is not None
        return scheduler

    async def start(self) -> AsyncIterator[Any]:
        _collect_often()
        for address in self.addresses:
            yield page_request(address)
        try:
            async for request in self.scheduler.leased_requests():
                yield request
        except PodcrawlerError as error:
            self.logger.critical("This node cannot go on: %s", error)
            raise CloseSpider("error") from None
        finally:
            # Scrapy cancels start() as the first thing of a graceful stop, and waits for transfers afterwards.
            self.scheduler.drain()

    async def failed(self, failure: Failure) -> None:
        """The errback of every leased request."""
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        assert failure.value is not None
        if lease := request.meta.get("lease"):
            error = explain(failure.value, request.url)
            if lease.kind == "page" and await self._is_hopeless(lease):
                error = FetchError(error.kind, str(error))
            await self.scheduler.give_up(lease, error)

    async def give_up(self, lease: Lease | None, error: EntryError) -> None:
        """End the lease in an error; without one (``scrapy parse``) only say so."""
        if lease:
            await self.scheduler.give_up(lease, error)
        else:
            self.logger.error("%s", error)

    async def _is_hopeless(self, lease: Lease) -> bool:
        """Whether an address was tried a few times and never led to a podcast: it is more likely wrong than unlucky."""
        scheduler = self.scheduler
        if lease.tries + 1 < _TRIES_OF_UNKNOWN or lease.key != lease.group:
            return False
        return await scheduler.call(scheduler.queue.podcast_id, [lease.key]) is None


def _collect_often() -> None:
    """Make Python's full collections frequent, and cheap, for only those give back the tuples that CPython keeps for
    reuse (up to 2,000 of each length, some of which it never reuses). What is there before the first entry stays, so it
    is not looked at again: a full collection takes half a millisecond then, and fifty without this."""
    # A crawl before this one, in the same process, may have ended.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    # A full collection waits for a quarter more objects than the last one left, and that one left them all.
    gc.collect()
    gc.set_threshold(_BETWEEN_LOOKS, 1, 1)


def _keep_components(settings: BaseSettings, name: str, components: dict[type, int | None]) -> None:
    """Add the components to those that the setting names, unless it says where they stand."""
    given = settings.getpriority(name) or 0
    try:
        for component, order in components.items():
            settings.setdefault_in_component_priority_dict(name, component, order)
    except (ImportError, NameError, TypeError, ValueError) as error:
        raise SettingError(f"{name} names something that cannot be loaded: {error}.") from None
    # One more than it had, because Scrapy lays what was given over the spider's settings a second time.
    settings.set(name, settings.getdict(name), priority=given + 1)
