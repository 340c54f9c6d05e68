"""The spider of nodes that download: leases episodes from the shared queue and yields them to the media pipeline."""

import asyncio
from collections.abc import AsyncIterator

from scrapy.http import Response, TextResponse
from typing_extensions import override

from podcrawler.config import Config, TransferConfig
from podcrawler.exceptions import EntryError, EpisodeError, ListingError
from podcrawler.items import Episode
from podcrawler.sites import site_for
from podcrawler.sites.base import Listing, Referral
from podcrawler.spiders.podcasts import PodcastsSpider, read_page


class EpisodesSpider(PodcastsSpider):
    """Works on the queue ``episodes``: episodes, and any address that was seeded to ``episodes:start_urls``.

    It reads list pages that were seeded there as the list spider does, so that nodes of this kind suffice for a whole
    job.
    """

    name = "episodes"

    @classmethod
    @override
    def capacity(cls, config: Config) -> int:
        return config.concurrent_episodes

    async def parse_episode(self, response: Response) -> AsyncIterator[Episode]:
        episode: Episode | None = response.meta.get("episode")
        try:
            if episode is None:
                # ``scrapy parse`` on the page of an episode, which reads as a listing of one.
                config = TransferConfig.read(self.settings)
                found = await asyncio.to_thread(read_page, response, config, may_be_empty=False)
                episode = _only_episode(found, response.url)
            else:
                episode = await asyncio.to_thread(_complete, response, episode)
        except EntryError as error:
            await self.give_up(response.meta.get("lease"), error)
            return
        yield episode


def _only_episode(found: Listing | Referral, url: str) -> Episode:
    if isinstance(found, Referral) or not found.episodes:
        raise ListingError("no-episodes", f"{url} is not the page of an episode; read it with -c parse_page.")
    return found.episodes[0]


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
