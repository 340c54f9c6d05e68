"""The detail spider, on every node: takes an episode from the shared queue and hands it to the media pipeline."""

import asyncio
from collections.abc import AsyncIterator

from scrapy.http import Response, TextResponse

from podcrawler.config import Config
from podcrawler.exceptions import EntryError, EpisodeError, ListingError
from podcrawler.items import Episode
from podcrawler.sites import site_for
from podcrawler.spiders.podcasts import PodcastsSpider, read_listing


class EpisodesSpider(PodcastsSpider):
    """Works the queue ``episodes``: episodes, and any address that was seeded to ``episodes:start_urls``.

    List pages that were seeded there are served as the list spider serves them, so that nodes of this one kind are
    enough for the whole job.
    """

    name = "episodes"

    @classmethod
    def capacity(cls, config: Config) -> int:
        return config.concurrent_episodes

    async def parse_episode(self, response: Response) -> AsyncIterator[Episode]:
        episode: Episode | None = response.meta.get("episode")
        try:
            if episode is None:
                # ``scrapy parse`` with the page of an episode: a listing of one.
                episode = (await asyncio.to_thread(read_listing, response, True)).episodes[0]
            else:
                episode = await asyncio.to_thread(_complete, response, episode)
        except EntryError as error:
            await self.give_up(response.meta.get("lease"), error)
            return
        yield episode


def _complete(response: Response, episode: Episode) -> Episode:
    try:
        if not isinstance(response, TextResponse):
            raise ListingError("unknown-page", f"{response.url} is no web page.")
        site = site_for(response)
    except ListingError:
        raise EpisodeError(
            "no-audio",
            f"{response.url} is not the page of an episode any more; open it in a browser to see what became of it.",
        ) from None
    return site.parse_episode(response, episode)
