"""Scrapy's downloader: media files come by a shorter way than pages, and both keep to the limits of their host.

The engine's way (``engine.download_async``) is for pages: it wakes the scheduler after each, and asks middlewares that
have nothing to do for a media file. Where files are small, that is an eighth of a node's time.
"""

from collections.abc import Coroutine
from typing import Any

from scrapy import Request, signals
from scrapy.core.downloader import Downloader as ScrapyDownloader
from scrapy.core.downloader import Slot
from scrapy.core.downloader.middleware import DownloaderMiddlewareManager
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.downloadtimeout import DownloadTimeoutMiddleware
from scrapy.downloadermiddlewares.httpcache import HttpCacheMiddleware
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware
from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.http import Response
from twisted.internet.defer import Deferred

from podcrawler.queue.stream import DirectEpisodeMiddleware

#: What would let a media file pass untouched: because its request says so (pipeline.py), or because it is no page.
_FOR_PAGES = (
    DirectEpisodeMiddleware,
    DownloadTimeoutMiddleware,
    HttpCacheMiddleware,
    HttpCompressionMiddleware,
    MetaRefreshMiddleware,
    OffsiteMiddleware,
    RobotsTxtMiddleware,
)


class Downloader(ScrapyDownloader):
    """Takes pages from the engine, and media files from the pipeline."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        for_media = [middleware for middleware in self.middleware.middlewares if type(middleware) not in _FOR_PAGES]
        self._media_middleware = DownloaderMiddlewareManager(*for_media, crawler=crawler)
        # Below Scrapy's public interface. Fails here, and not at the first file, where there is no such method.
        self._wait_for_turn = self._enqueue_request

    async def download_media(self, request: Request) -> Response:
        """The answer to a request for a media file, redirects followed, as ``engine.download_async`` gives it: asked
        for when it is its host's turn. Raises what the middlewares and the handler raise."""
        answer: Request | Response = request
        while isinstance(answer, Request):
            request = answer
            self.active.add(request)
            try:
                answer = await self._media_middleware.download_async(self._wait_for_turn, request)
            finally:
                self.active.remove(request)
        if answer.request is None:
            answer.request = request
        self.signals.send_catch_log(
            signal=signals.response_received, response=answer, request=answer.request, spider=self.crawler.spider
        )
        return answer

    def _wait_for_download(
        self, slot: Slot, request: Request, queue_dfd: "Deferred[Response]"
    ) -> Coroutine[Any, Any, None]:
        # Scrapy 2.19 counts a transfer when the task for it begins to run. Until then its limits (``DOWNLOAD_SLOTS``,
        # ``CONCURRENT_REQUESTS_PER_DOMAIN``) do not see it, so that one transfer that ends lets everything go that
        # waits for the host. tests/spiders/test_politeness.py tells whether this is still needed, and still works.
        slot.transferring.add(request)
        return super()._wait_for_download(slot, request, queue_dfd)
