"""How the web is asked: pages, cancellation, and Scrapy's signals."""

import asyncio
import base64
import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from scrapy import Request, signals
from scrapy.exceptions import (
    DownloadCancelledError,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import TextResponse

from podcrawler.exceptions import TransferCancelledError
from podcrawler.http.handler import DownloadHandler
from podcrawler.http.page_memory import PageMemory, Room
from podcrawler.queue import codec
from podcrawler.queue.archive import Archive
from podcrawler.queue.keys import Keys
from podcrawler.queue.node import Node
from podcrawler.queue.scheduler import Scheduler
from podcrawler.sites.direct import MEDIA_FILE
from podcrawler.store import sniff
from tests.builders import make_broker
from tests.conftest import Client
from tests.http.handling import download, fetch, handling, receiving
from tests.origin import RunningOrigin, content

# Pages


async def test_a_page_comes_back_whole(origin: RunningOrigin) -> None:
    response = await fetch(f"{origin.address}/feed.xml?episodes=500")
    assert isinstance(response, TextResponse)
    assert len(response.selector.xpath("//enclosure")) == 500


@pytest.mark.parametrize("query", ["type=text/html&stall_after=5000", "type=text/html&chunked=1&stall_after=2000000"])
async def test_a_page_that_is_too_large_is_given_up_early(origin: RunningOrigin, query: str) -> None:
    url = f"{origin.address}/bytes/5000000.html?{query}"
    with pytest.raises(DownloadCancelledError, match="more than 1000000 bytes; raise DOWNLOAD_MAXSIZE"):
        await fetch(url, DOWNLOAD_MAXSIZE=1_000_000)
    with pytest.raises(DownloadCancelledError, match="more than 100 bytes"):
        await fetch(url, meta={"download_maxsize": 100})
    origin.release()
    assert len((await fetch(url, DOWNLOAD_MAXSIZE=0)).body) == 5_000_000


async def test_decompressing_a_page_is_for_scrapy(origin: RunningOrigin) -> None:
    response = await fetch(f"{origin.address}/bytes/5000.html?gzip=1")
    assert response.headers["Content-Encoding"] == b"gzip"
    assert gzip.decompress(response.body) == b"".join(content(5000))


async def test_half_a_page_is_an_error_unless_it_is_wanted(origin: RunningOrigin) -> None:
    url = f"{origin.address}/bytes/1000.html?truncate=500"
    with pytest.raises(ResponseDataLossError):
        await fetch(url)
    for response in (
        await fetch(url, meta={"download_fail_on_dataloss": False}),
        await fetch(url, DOWNLOAD_FAIL_ON_DATALOSS=False),
    ):
        assert (len(response.body), response.flags) == (500, ["dataloss"])


async def test_an_address_goes_out_as_it_was_given(origin: RunningOrigin) -> None:
    path = "/bytes/1.mp3?sig=a%2Fb%2bc%20~%7E+d&x="
    await fetch(origin.address + path + "#fragment")
    assert origin.requests()[0].target == path


async def test_headers_are_those_of_the_request(origin: RunningOrigin) -> None:
    async with handling() as handler:
        request = Request(f"{origin.address}/bytes/1.mp3", headers={"Accept-Encoding": "identity", "X-One": "1"})
        await handler.download_request(request)
    host = origin.address.removeprefix("http://")
    assert origin.requests()[0].headers == {"host": host, "accept-encoding": "identity", "x-one": "1"}


async def test_a_login_in_the_address_is_sent(origin: RunningOrigin) -> None:
    await fetch(origin.address.replace("http://", "http://me:secret@") + "/bytes/1.mp3")
    assert origin.requests()[0].headers["authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()


# Giving up


def when_bytes_came(handler: DownloadHandler) -> asyncio.Event:
    came = asyncio.Event()

    def receive() -> None:
        came.set()

    handler.crawler.signals.connect(receive, signal=signals.bytes_received, weak=False)
    return came


async def assert_given_up(handler: DownloadHandler, request: Request, give_up: Callable[[], object]) -> None:
    came = when_bytes_came(handler)
    transfer = asyncio.create_task(handler.download_request(request))
    await came.wait()
    give_up()
    assert (await asyncio.wait({transfer}, timeout=5))[0] == {transfer}
    with pytest.raises(TransferCancelledError):
        transfer.result()


async def test_cancelling_a_part_ends_its_transfer_and_no_other(origin: RunningOrigin, tmp_path: Path) -> None:
    async with handling() as handler, receiving(tmp_path) as part, receiving(tmp_path, "2.t.part") as other:
        url = f"{origin.address}/bytes/5000000.mp3?stall_after=3000000"
        going_on = asyncio.create_task(handler.download_request(Request(url, meta={"part": other})))
        await assert_given_up(handler, Request(url, meta={"part": part}), part.cancellation.request)
        await asyncio.to_thread(origin.release)
        assert (await going_on).status == 200
        assert other.received == 5_000_000
        with pytest.raises(TransferCancelledError):
            await handler.download_request(Request(url, meta={"part": part}))


def node_of(handler: DownloadHandler, redis: Client) -> Node:
    """The node of a scheduler that works the queue beside the handler."""
    broker = make_broker(redis)
    scheduler = Scheduler(
        redis,
        crawler=handler.crawler,
        queue=broker,
        episodes=broker,
        archive=Archive(redis, Keys()),
        capacity=1,
        heartbeat=15,
        shutdown_grace=30,
        until_done=False,
        max_idle=0,
        serializer=codec,
        seed_encoding="utf-8",
    )
    # Of the engine, only its scheduler matters here.
    handler.crawler.engine = SimpleNamespace(scheduler=scheduler)  # type: ignore[assignment]
    return scheduler.node


async def test_a_node_that_stops_cancels_everything(origin: RunningOrigin, tmp_path: Path, redis: Client) -> None:
    async with handling() as handler, receiving(tmp_path) as part:
        node = node_of(handler, redis)
        page = Request(f"{origin.address}/bytes/5000.mp3?stall_after=3000")
        waiting = asyncio.create_task(handler.download_request(page))
        await assert_given_up(handler, page.replace(meta={"part": part}), node.stop)
        with pytest.raises(TransferCancelledError):
            await waiting
        with pytest.raises(TransferCancelledError):
            await handler.download_request(Request(f"{origin.address}/bytes/1.mp3"))


async def test_a_cancelled_caller_is_not_told_another_story(origin: RunningOrigin, tmp_path: Path) -> None:
    async with handling() as handler, receiving(tmp_path) as part:
        came = when_bytes_came(handler)
        url = f"{origin.address}/bytes/5000.mp3?stall_after=3000"
        transfer = asyncio.create_task(handler.download_request(Request(url, meta={"part": part})))
        await came.wait()
        transfer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await transfer


def stop_on(handler: DownloadHandler, signal: object, *, fail: bool) -> None:
    def receive() -> None:
        raise StopDownload(fail=fail)

    handler.crawler.signals.connect(receive, signal=signal, weak=False)


@pytest.mark.parametrize("signal", [signals.headers_received, signals.bytes_received])
async def test_a_receiver_of_scrapys_signals_can_stop_a_page(origin: RunningOrigin, signal: object) -> None:
    url = f"{origin.address}/bytes/5000000.mp3"
    async with handling() as handler:
        stop_on(handler, signal, fail=False)
        response = await handler.download_request(Request(url))
        assert response.flags == ["download_stopped"]
        assert len(response.body) < 5_000_000
    async with handling() as handler:
        stop_on(handler, signal, fail=True)
        with pytest.raises(StopDownload) as caught:
            await handler.download_request(Request(url))
        assert caught.value.response
        assert caught.value.response.flags == ["download_stopped"]


@pytest.mark.parametrize("signal", [signals.headers_received, signals.bytes_received])
async def test_a_stopped_transfer_into_a_part_fails(origin: RunningOrigin, tmp_path: Path, signal: object) -> None:
    async with handling() as handler, receiving(tmp_path) as part:
        stop_on(handler, signal, fail=False)
        request = Request(f"{origin.address}/bytes/5000000.mp3?no_length=1", meta={"part": part})
        with pytest.raises(StopDownload):
            await handler.download_request(request)


# A media file in place of a page


@pytest.mark.parametrize(
    "query", ["seed=1", "status=203", "body=SUQzBAAAAAAAAA==&type=text/html", "chunked=1&type=audio/x-whatever"]
)
async def test_of_a_media_file_only_the_beginning_is_read_as_a_page(origin: RunningOrigin, query: str) -> None:
    response = await fetch(f"{origin.address}/bytes/50000000.mp3?{query}&stall_after=1000000", DOWNLOAD_MAXSIZE=10_000)
    assert response.flags == [MEDIA_FILE]
    assert len(response.body) <= sniff.MAX_HEAD


@pytest.mark.parametrize(
    "query",
    [
        "type=application/octet-stream",
        "gzip=1",
        "type=audio/x-mpegurl",
        # An image, a feed, compressed text, each labelled as audio
        "body=iVBORw0KGgoAAAAA",
        "body=PHJzcz48Y2hhbm5lbD48L2NoYW5uZWw%2BPC9yc3M%2B",
        "body=H4sIAAAAAAAAA7Mp",
    ],
)
async def test_what_is_no_media_is_read_to_its_end_as_a_page(origin: RunningOrigin, query: str) -> None:
    response = await fetch(f"{origin.address}/bytes/5000.mp3?{query}")
    assert MEDIA_FILE not in response.flags
    assert "body" in query or "gzip" in query or len(response.body) == 5000


async def test_the_time_for_which_a_page_waits_for_memory_does_not_count(origin: RunningOrigin) -> None:
    async with handling(DOWNLOAD_MAXSIZE=64_000_000) as handler:
        large = Room(PageMemory.of(handler.crawler))
        await large.grow(200_000_000)
        came = when_bytes_came(handler)
        meta = {"lease": "", "download_timeout": 2}
        page = asyncio.create_task(
            handler.download_request(Request(f"{origin.address}/bytes/5000000.html?type=text/html", meta=meta))
        )
        await came.wait()
        done, _ = await asyncio.wait([page], timeout=2.5)
        assert not done
        del large
        assert len((await page).body) == 5_000_000


async def test_the_body_of_a_redirect_or_a_refusal_is_not_waited_for(origin: RunningOrigin, tmp_path: Path) -> None:
    async def status(answered: int, *, is_page: bool) -> int:
        head = f"HTTP/1.1 {answered} X\r\nLocation: /b\r\nContent-Length: 999\r\n\r\n"
        query = {"head": base64.b64encode(head.encode()).decode(), "stall_after": 9}
        url = f"{origin.address}/bytes/999.mp3?{urlencode(query)}"
        if is_page:
            return (await fetch(url)).status
        folder = tmp_path / str(answered)
        folder.mkdir()
        return (await download(url, folder))[0].status

    # By default the idle timeout is a minute, and that of pages three.
    async with asyncio.timeout(30):
        found = await asyncio.gather(*(status(code, is_page=page) for code in (302, 404) for page in (True, False)))
    assert found == [302, 302, 404, 404]


async def test_of_a_page_no_more_is_read_than_is_enough(origin: RunningOrigin) -> None:
    url = f"{origin.address}/bytes/5000000.html?type=text/html&stall_after=200000"
    assert len((await fetch(url, meta={"enough": 100_000})).body) == 100_000
