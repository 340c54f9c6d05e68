"""The node's side of reading processes, with real ones."""

from collections.abc import AsyncIterator
from contextlib import suppress

import psutil
import pytest
from scrapy.http import TextResponse

from podcrawler.exceptions import EntryError, TransferCancelledError
from podcrawler.items import Episode
from podcrawler.reading.messages import Head, Page, ReadPage, Settle, Show, Told
from podcrawler.reading.readers import Readers, Reading

ITEMS = "".join(
    f"<item><guid>{number}</guid><title>{number}</title><enclosure url='http://h.example/{number}.mp3'/></item>"
    for number in range(3_000)
)
FEED = TextResponse("http://h.example/feed", body=f"<rss><channel>{ITEMS}</channel></rss>".encode())
PAGE = TextResponse("http://h.example/page", body=b"<html>")


def job(response: TextResponse, max_entries: int = 100_000) -> ReadPage:
    return ReadPage(Page.of(response), frozenset(["audio", "video"]), "first", max_entries, may_be_empty=False)


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    readers = Readers("", 60, 64 * 2**20)
    yield readers
    await readers.close()
    assert pids() == set()


async def shown(reading: Reading) -> list[Episode]:
    """All episodes of a listing, as they are."""
    found: list[Episode] = []
    answer = await reading.ask(Show())
    while isinstance(answer, list):
        found += answer
        answer = await reading.receive()
    assert isinstance(answer, Told)
    reading.end()
    return found


async def taken(reading: Reading) -> None:
    """Take what is to be queued of a listing."""
    while not isinstance(await reading.receive(), Told):
        pass


def pids() -> set[int]:
    """The reading program and its forks: no other children of the tests."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found |= {process.pid} if any("podcrawler.reading" in argument for argument in process.cmdline()) else set()
    return found


async def test_a_process_reads_one_document_after_the_other(readers: Readers) -> None:
    for _ in range(3):
        async with readers.reading(job(FEED), FEED) as reading:
            assert isinstance(reading.first, Head)
            assert [episode.id for episode in await shown(reading)] == [str(number) for number in range(2_999, -1, -1)]
        with pytest.raises(EntryError, match="neither a feed nor a page"):
            async with readers.reading(job(PAGE), PAGE):
                pass
    # The program and one reader.
    assert len(pids()) == 2


async def test_a_listing_that_nobody_takes_to_its_end_costs_its_process(readers: Readers) -> None:
    async with readers.reading(job(FEED), FEED) as reading:
        await reading.ask(Show())
        first = pids()
    async with readers.reading(job(FEED), FEED) as reading:
        assert len(await shown(reading)) == 3_000
        assert len(first & pids()) == 1


async def test_others_are_read_while_listings_are_taken(readers: Readers) -> None:
    async with readers.reading(job(FEED), FEED) as one, readers.reading(job(FEED), FEED) as other:
        async with readers.reading(job(FEED), FEED) as third:
            assert len(await shown(third)) == 3_000
        assert len(await shown(other)) == len(await shown(one)) == 3_000


async def test_a_node_that_drains_still_takes_what_was_read_and_one_that_stops_does_not(readers: Readers) -> None:
    settle = Settle("p", {}, "podcrawler.queue.codec", wants_names=False)
    async with readers.reading(job(FEED), FEED) as one, readers.reading(job(FEED), FEED) as other:
        readers.drain()
        assert len(await shown(one)) == 3_000
        await other.tell(settle)
        await other.tell({})
        readers.stop()
        with pytest.raises(TransferCancelledError):
            await taken(other)
    with pytest.raises(TransferCancelledError):
        async with readers.reading(job(FEED), FEED):
            pass


async def test_a_process_that_has_grown_is_replaced(readers: Readers) -> None:
    large = FEED.replace(body=f"<rss><channel>{ITEMS * 40}</channel></rss>".encode())
    async with readers.reading(job(large), large) as reading:
        await shown(reading)
        first = pids()
    async with readers.reading(job(FEED), FEED) as reading:
        await shown(reading)
        assert len(first & pids()) == 1
