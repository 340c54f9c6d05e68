"""Scrapy's downloader, which keeps to the limits of its slots: how many transfers a host sees at once.

Scrapy 2.19 counts a transfer when the task for it begins to run. Until then its limits (``DOWNLOAD_SLOTS``,
``CONCURRENT_REQUESTS_PER_DOMAIN``) do not see it, so that one transfer that ends lets everything go that waits for the
host. tests/spiders/test_politeness.py tells whether this is still needed, and whether it still works.
"""

from collections.abc import Coroutine
from typing import Any

from scrapy import Request
from scrapy.core.downloader import Downloader as ScrapyDownloader
from scrapy.core.downloader import Slot
from scrapy.http import Response
from twisted.internet.defer import Deferred


class Downloader(ScrapyDownloader):
    """Counts a transfer as soon as it is decided on."""

    def _wait_for_download(
        self, slot: Slot, request: Request, queue_dfd: "Deferred[Response]"
    ) -> Coroutine[Any, Any, None]:
        slot.transferring.add(request)
        return super()._wait_for_download(slot, request, queue_dfd)
