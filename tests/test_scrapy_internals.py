"""The private parts of Scrapy that podcrawler leans on: each still does what is expected of it, or a crawl says so."""

import asyncio
import socket
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
import scrapy
from scrapy import Request, Spider
from scrapy.core.downloader import Downloader as ScrapyDownloader
from scrapy.core.downloader import Slot as DownloadSlot
from scrapy.core.scraper import Slot as ScraperSlot
from scrapy.downloadermiddlewares import cookies
from scrapy.http import Response
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.test import get_crawler

from podcrawler.exceptions import UnsupportedScrapyError
from podcrawler.scrapy_internals import Downloader, assert_engine_supported, assert_supported, use_shipped_suffixes
from tests.conftest import Commands
from tests.origin import RunningOrigin

# What each part does


class Handler:
    """Answers each request after a few turns of the event loop, and counts how many are in hand at most."""

    lazy = False
    active = most_active = 0

    async def download_request(self, request: Request) -> Response:
        Handler.active += 1
        Handler.most_active = max(Handler.most_active, Handler.active)
        for _ in range(5):
            await asyncio.sleep(0)
        Handler.active -= 1
        return Response(request.url)

    async def close(self) -> None:
        pass


async def most_transfers_at_once(downloader_class: type[ScrapyDownloader]) -> int:
    """The most transfers that a host sees of twelve, where two are allowed."""
    handlers = {"http": Handler, "https": None, "data": None, "file": None, "ftp": None, "s3": None}
    crawler = get_crawler(settings_dict={"CONCURRENT_REQUESTS_PER_DOMAIN": 2, "DOWNLOAD_HANDLERS": handlers})
    crawler.spider = Spider("test")
    downloader = downloader_class(crawler)
    Handler.most_active = 0
    try:
        requests = [Request(f"http://host.invalid/{number}") for number in range(12)]
        await asyncio.gather(*(maybe_deferred_to_future(downloader.fetch(request)) for request in requests))
    finally:
        downloader.close()
    return Handler.most_active


async def test_a_host_never_gets_more_transfers_than_allowed() -> None:
    assert await most_transfers_at_once(Downloader) == 2


async def test_scrapys_own_downloader_still_exceeds_the_limit() -> None:
    """When this fails, Scrapy is mended: remove Downloader from scrapy_internals."""
    assert await most_transfers_at_once(ScrapyDownloader) > 2


#: Prints what the functions say of a node at the signals that its methods are named after.
OBSERVER = """
    from scrapy import signals

    from podcrawler.scrapy_internals import is_closing, items_in_progress, requests_in_progress


    class Observer:
        @classmethod
        def from_crawler(cls, crawler):
            self = cls()
            self.crawler = crawler
            for name in ("spider_opened", "request_reached_downloader", "item_scraped", "spider_closed"):
                crawler.signals.connect(getattr(self, name), signal=getattr(signals, name))
            return self

        def say(self, name, requests):
            print(name, requests, items_in_progress(self.crawler), is_closing(self.crawler), flush=True)

        def spider_opened(self):
            self.say("opened", len(requests_in_progress(self.crawler)))

        def request_reached_downloader(self, request):
            self.say("page" if "lease" in request.meta else "file", request in requests_in_progress(self.crawler))

        def item_scraped(self, response):
            self.say("item", response.request in requests_in_progress(self.crawler))

        def spider_closed(self):
            self.say("closed", len(requests_in_progress(self.crawler)))
"""


def test_the_engine_tells_what_is_in_progress(fleet: Commands, origin: RunningOrigin) -> None:
    """Each line: signal, requests in progress (or whether this one is), items in progress, whether it is closing.

    A file is in progress as long as its item is."""
    (fleet.folder / "own.py").write_text(dedent(OBSERVER))
    address = f"{origin.address}/feed.xml?episodes=1&size=10"
    extension = 'EXTENSIONS={"own.Observer": 0}'
    ended = fleet.drain("-a", f"address={address}", "-s", extension, PYTHONPATH=str(fleet.folder))
    assert ended.status == 0, ended.err
    assert ended.out.splitlines() == [
        "opened 0 0 False",
        "page True 0 False",
        "file False 1 False",
        "item True 1 False",
        "closed 0 0 True",
    ]


async def test_a_cookie_for_a_public_suffix_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the list that is shipped: nobody is asked."""
    monkeypatch.setattr(socket, "getaddrinfo", None)
    use_shipped_suffixes()
    middleware = cookies.CookiesMiddleware()
    first, second = Request("http://a.co.uk/"), Request("http://b.co.uk/")
    for domain in ("co.uk", "a.co.uk"):
        headers = {"Set-Cookie": f"at={domain}; Domain={domain}"}
        middleware.process_response(first, Response(first.url, headers=headers))
    middleware.process_request(first)
    middleware.process_request(second)
    assert first.headers["Cookie"] == b"at=a.co.uk"
    assert "Cookie" not in second.headers


# What happens where a part is missing


def test_this_scrapy_is_supported() -> None:
    assert_supported()


@pytest.mark.parametrize(("owner", "part"), [(ScrapyDownloader, "_wait_for_download")])
def test_a_method_that_is_missing_or_different_is_named(
    monkeypatch: pytest.MonkeyPatch, owner: type, part: str
) -> None:
    monkeypatch.setattr(owner, part, lambda: None)
    with pytest.raises(UnsupportedScrapyError, match=f"{owner.__name__}.{part} is missing or different"):
        assert_supported()
    monkeypatch.delattr(owner, part)
    with pytest.raises(UnsupportedScrapyError, match=f"{owner.__name__}.{part} is missing or different"):
        assert_supported()


def test_cookies_have_another_list_of_suffixes_or_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cookies, "_split_domain", None)
    with pytest.raises(UnsupportedScrapyError, match=r"_split_domain is missing or different"):
        use_shipped_suffixes()
    # Where nothing has imported the module yet, another one stands for it that lacks the name.
    monkeypatch.setattr("podcrawler.scrapy_internals._COOKIES", "scrapy.downloadermiddlewares.retry")
    with pytest.raises(UnsupportedScrapyError, match=r"_split_domain is missing or different"):
        assert_supported()


class ReadOnly:
    """An attribute that is always the same text."""

    def __get__(self, instance: object, owner: type) -> str:
        return "different"

    def __set__(self, instance: object, value: object) -> None:
        pass


@pytest.mark.parametrize(("owner", "part"), [(DownloadSlot, "transferring"), (ScraperSlot, "itemproc_size")])
def test_an_attribute_that_is_different_is_named(monkeypatch: pytest.MonkeyPatch, owner: type, part: str) -> None:
    monkeypatch.setattr(owner, part, ReadOnly(), raising=False)
    with pytest.raises(UnsupportedScrapyError, match=rf"Slot\.{part} is missing or different"):
        assert_supported()


@pytest.mark.parametrize(
    ("slot", "part"),
    [
        ({}, "_slot.inprogress"),
        ({"_slot": SimpleNamespace()}, "_slot.inprogress"),
        ({"_slot": SimpleNamespace(inprogress=[])}, "_slot.inprogress"),
        ({"_slot": SimpleNamespace(inprogress=set())}, "_slot.closing"),
    ],
)
def test_an_engine_that_is_different_is_named(slot: dict[str, Any], part: str) -> None:
    engine = SimpleNamespace(scraper=SimpleNamespace(slot=None), **slot)
    crawler: Any = SimpleNamespace(engine=engine)
    with pytest.raises(UnsupportedScrapyError, match=part):
        assert_engine_supported(crawler)


#: An add-on that takes a part from Scrapy, before podcrawler's looks for it.
OTHER_SCRAPY = """
    from scrapy.core.downloader import Downloader


    class OtherScrapy:
        def update_settings(self, settings):
            del Downloader._wait_for_download
"""


def test_a_node_does_not_start_on_another_scrapy(fleet: Commands) -> None:
    (fleet.folder / "own.py").write_text(dedent(OTHER_SCRAPY))
    ended = fleet.drain("-s", 'ADDONS={"own.OtherScrapy": -1}', PYTHONPATH=str(fleet.folder))
    assert ended.status == 2
    assert ended.err.splitlines()[-1] == (
        f"podcrawler: Scrapy {scrapy.__version__} is not supported, because its Downloader._wait_for_download is "
        "missing or different; install the version that requirements.txt names."
    )
    assert "Traceback" not in ended.err
