"""Every private part of Scrapy that podcrawler leans on. No other module uses one.

Private parts may change with any release of Scrapy. `assert_supported` and `assert_engine_supported` look for them when
a crawl starts, so that an unsupported Scrapy ends in one sentence and not in the middle of the work.
tests/test_scrapy_internals.py has a test of the behaviour of each.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Coroutine
from importlib.abc import InspectLoader
from typing import Any, Protocol

import scrapy
from scrapy import Request
from scrapy.core.downloader import Downloader as ScrapyDownloader
from scrapy.core.downloader import Slot as DownloadSlot
from scrapy.core.scraper import Slot as ScraperSlot
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.internet.defer import Deferred
from typing_extensions import override

from podcrawler.exceptions import UnsupportedScrapyError

_COOKIES = "scrapy.downloadermiddlewares.cookies"


class Downloader(ScrapyDownloader):
    """A downloader that never exceeds the limits of a host (``DOWNLOAD_SLOTS``, ``CONCURRENT_REQUESTS_PER_DOMAIN``).

    Leans on ``Downloader._wait_for_download``, which runs one transfer, and on ``Slot.transferring``, the transfers
    that count. Scrapy 2.19 adds a transfer to that set when the task for it begins to run. Until then the limit does
    not see it, and one transfer that ends starts all that wait for the host. Without these parts a host would get more
    connections than the settings allow.
    """

    @override
    def _wait_for_download(
        self, slot: DownloadSlot, request: Request, queue_dfd: "Deferred[Response]"
    ) -> Coroutine[Any, Any, None]:
        slot.transferring.add(request)
        return super()._wait_for_download(slot, request, queue_dfd)


def requests_in_progress(crawler: Crawler) -> set[Request]:
    """The requests that the engine has started and not removed, their items included.

    Leans on ``engine._slot.inprogress``. Without it a node could not tell leases that nothing works on any more.
    """
    slot = crawler.engine._slot
    return slot.inprogress if slot else set()


def items_in_progress(crawler: Crawler) -> int:
    """How many items are in the item pipelines.

    Leans on ``engine.scraper.slot.itemproc_size``. Without it, see `requests_in_progress`.
    """
    slot = crawler.engine.scraper.slot
    return slot.itemproc_size if slot else 0


def is_closing(crawler: Crawler) -> bool:
    """Whether the spider is being closed, or is closed, so that the engine starts no more requests.

    Leans on ``engine._slot.closing``. Without it a node would lease entries while it closes, and its last leases would
    wait until they expire.
    """
    slot = crawler.engine._slot
    return slot is None or slot.closing is not None


def use_shipped_suffixes() -> None:
    """Let cookies be checked against the list of public suffixes that the package tldextract ships.

    Leans on ``cookies._split_domain``. Scrapy's own asks hosts on the internet for the list, at the first Set-Cookie of
    a process, from the event loop, and without a limit of time if they do not answer; and it keeps what it got in the
    home of the user. Both modules take time to load, so this is for who needs cookies, or has Scrapy's module already.
    """
    import tldextract
    from scrapy.downloadermiddlewares import cookies

    _assert_reads("CookiesMiddleware._split_domain", lambda: cookies._split_domain, tldextract.TLDExtract)
    cookies._split_domain = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


class CookiesMiddleware(Protocol):
    """Scrapy's middleware for cookies, as far as it is used."""

    def process_request(self, request: Request) -> Request | Response | None: ...
    def process_response(self, request: Request, response: Response) -> Request | Response: ...


def new_cookies_middleware(crawler: Crawler) -> CookiesMiddleware:
    """Scrapy's middleware for cookies, with the list of `use_shipped_suffixes`."""
    use_shipped_suffixes()
    from scrapy.downloadermiddlewares import cookies

    return cookies.CookiesMiddleware.from_crawler(crawler)


def has_scrapys_cookies() -> bool:
    """Whether something has imported Scrapy's module for cookies."""
    return _COOKIES in sys.modules


def assert_supported() -> None:
    """Raise UnsupportedScrapyError if Scrapy's classes lack a part that this module leans on."""
    _assert_written("CookiesMiddleware._split_domain", _COOKIES, "\n_split_domain = TLDExtract(")
    _assert_takes(ScrapyDownloader, "_wait_for_download", ["self", "slot", "request", "queue_dfd"])
    _assert_reads("Slot.transferring", lambda: DownloadSlot(concurrency=1, delay=0).transferring, set)
    _assert_reads("Slot.itemproc_size", lambda: ScraperSlot().itemproc_size, int)


def assert_engine_supported(crawler: Crawler) -> None:
    """Raise UnsupportedScrapyError if the engine lacks a part that this module leans on. It must have a scheduler."""
    _assert_reads("ExecutionEngine._slot.inprogress", lambda: requests_in_progress(crawler), set)
    _assert_reads("ExecutionEngine._slot.closing", lambda: is_closing(crawler), bool)
    _assert_reads("ExecutionEngine.scraper.slot", lambda: items_in_progress(crawler), int)


def _assert_takes(cls: type, method: str, parameters: list[str]) -> None:
    function = getattr(cls, method, None)
    if function is None or list(inspect.signature(function).parameters) != parameters:
        raise _unsupported(f"{cls.__name__}.{method}")


def _assert_reads(part: str, read: Callable[[], object], kind: type) -> None:
    try:
        value = read()
    except (AttributeError, TypeError):
        value = None
    if not isinstance(value, kind):
        raise _unsupported(part)


def _assert_written(part: str, module: str, text: str) -> None:
    """Look for the text in the source of a module that takes time to import; where there is no source, it must be
    imported to be looked at."""
    spec = importlib.util.find_spec(module)
    source = spec.loader.get_source(module) if spec and isinstance(spec.loader, InspectLoader) else None
    if source is not None and text not in source:
        raise _unsupported(part)


def _unsupported(part: str) -> UnsupportedScrapyError:
    return UnsupportedScrapyError(
        f"Scrapy {scrapy.__version__} is not supported, because its {part} is missing or different; install the "
        "version that requirements.txt names."
    )
