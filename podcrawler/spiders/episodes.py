"""The spider of nodes that download: leases episodes from the shared queue and yields them to the media pipeline."""

from collections.abc import AsyncIterator
from typing import ClassVar

from scrapy import Request
from scrapy.http import Response
from typing_extensions import override

from podcrawler.config import Config
from podcrawler.exceptions import EntryError
from podcrawler.items import Episode
from podcrawler.reading.messages import Page, ReadEpisode
from podcrawler.spiders.podcasts import PodcastsSpider


class EpisodesSpider(PodcastsSpider):
    """Works on the queue ``episodes``: episodes, and any address that was seeded to ``episodes:start_urls``.

    It reads list pages that were seeded there as the list spider does, so that nodes of this kind suffice for a whole
    job.
    """

    name = "episodes"
    reads_at_once: ClassVar[bool] = False
    # An item counts until Redis has acknowledged the end of its lease, and most of that time it uses no other resource.
    items_per_entry: ClassVar[int] = 8

    @classmethod
    @override
    def capacity(cls, config: Config) -> int:
        return config.concurrent_episodes

    async def parse_episode(self, response: Response) -> AsyncIterator[Episode | Request]:
        episode: Episode | None = response.meta.get("episode")
        if episode is None:
            # ``scrapy parse`` on the page of an episode, which reads as a listing of one.
            async for output in self._read(response):
                yield output
            return
        try:
            async with self.readers.reading(ReadEpisode(Page.of(response), episode), response) as reading:
                reading.end()
        except EntryError as error:
            await self.give_up(response.meta.get("lease"), error)
            return
        yield reading.first
