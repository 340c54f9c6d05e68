"""The part of reading a list page that depends on what Redis knows: the ids of its episodes, and which are wanted."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from scrapy.http import Response

from podcrawler.items import Podcast
from podcrawler.queue.entries import CHECK
from podcrawler.queue.leases import Lease
from podcrawler.queue.listings import Listings
from podcrawler.reading.messages import AskSizes, Settle, Settled
from podcrawler.reading.readers import Reading
from podcrawler.sites import identity
from podcrawler.spiders.paging import page_number


def begins_visit(lease: Lease, response: Response) -> bool:
    """Whether the page is the first one of a visit. The page that a podcast has moved to is not: its episodes count as
    those of a further page."""
    own = lease.group, response.meta.get("podcast_address")
    return page_number(response) == 1 and (lease.name in own or CHECK in response.meta)


def possible_ids(podcast: Podcast, address: str, guid: str) -> tuple[str, ...]:
    """The ids that a podcast at an address that leads to none may get, the best first; ``guid`` is a random one."""
    guids = (identity.podcast_guid(address), guid)
    return podcast.id, *(identity.podcast_id(podcast.title, each) for each in guids)


async def settled(
    reading: Reading,
    settle: Settle,
    listings: Listings,
    call: Callable[..., Awaitable[Any]],
    more: Mapping[str, str] | None = None,
) -> Settled:
    """Let the reader give the page's episodes the ids that they had at earlier visits, and choose among them. ``call``
    calls a function that blocks on Redis, off the event loop. ``more`` is what is known of the podcast's episodes
    beside what Redis knows, in the same form."""
    podcast_id = settle.podcast_id
    await reading.tell(settle)
    if reading.first.needs_identities:
        cursor, is_last = 0, False
        while not is_last:
            cursor, known = await call(listings.identities, podcast_id, cursor)
            is_last = not cursor
            if known:
                await reading.tell(known)
        if more:
            await reading.tell(dict(more))
        await reading.tell({})
    answer = await reading.receive()
    while isinstance(answer, AskSizes):
        answer = await reading.ask(await call(listings.finished_sizes, podcast_id, answer.names))
    assert isinstance(answer, Settled)
    return answer
