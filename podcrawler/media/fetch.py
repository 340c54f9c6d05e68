"""Asks Scrapy's downloader for a media file: by all downloader middlewares, when it is the host's turn.

Not through ``engine.download_async``, which is for pages: it wakes the scheduler after each response. Where files are
small, that takes a twelfth of a node's time.
"""

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.defer import maybe_deferred_to_future

from podcrawler.exceptions import TransferCancelledError
from podcrawler.queue.entries import Lease, host_of
from podcrawler.queue.scheduler import Scheduler


async def fetch(crawler: Crawler, request: Request, scheduler: Scheduler, lease: Lease) -> Response:
    """The response to the request, redirects followed. Raises what the middlewares and the download handler raise, and
    TransferCancelledError when the lease has gone because a host has no connection to spare."""
    answer: Request | Response = request
    while isinstance(answer, Request):
        request = answer
        if not await scheduler.move(lease, host_of(request.url)):
            raise TransferCancelledError
        answer = await maybe_deferred_to_future(crawler.engine.downloader.fetch(request))
    if answer.request is None:
        answer.request = request
    crawler.signals.send_catch_log(
        signal=signals.response_received, response=answer, request=answer.request, spider=crawler.spider
    )
    return answer
