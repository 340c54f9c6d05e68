"""What a node writes down beside the media files that it publishes, and of their podcasts (docs/sidecars.md).

The description of a file is made of what the pipeline knows. For the record of a podcast Redis is asked: when the first
file of the podcast is published, each minute after that as long as there are others, and when the node ends. So it does
not matter if a list page is not read to its end when its first episodes are archived.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from redis.exceptions import RedisError as RedisAwayError
from scrapy.settings import BaseSettings

from podcrawler.agent import Agent
from podcrawler.config import BesideConfig, SidecarConfig
from podcrawler.exceptions import MediaError, RedisError
from podcrawler.following import Following
from podcrawler.http.handler import MediaResponse
from podcrawler.http.redirects import chain
from podcrawler.items import Episode, Podcast
from podcrawler.queue.followed import followed
from podcrawler.queue.podcasts import Podcasts
from podcrawler.queue.scheduler import Scheduler
from podcrawler.store.base import Store, StoredFile
from podcrawler.store.description import Came, Description
from podcrawler.store.sidecar import HEADERS
from podcrawler.store.sniff import Examined
from podcrawler.tasks import keep_running

logger = logging.getLogger(__name__)

#: Seconds between two questions for the record of a podcast.
_INTERVAL = 60
#: Podcasts that are known to have been asked for; a bound for nodes that run for months.
_MOST = 10_000


class Describer:
    """What one node writes down. Nothing, if PODCRAWLER_SIDECARS says no."""

    def __init__(self, settings: BaseSettings, store: Store, scheduler: Callable[[], Scheduler]) -> None:
        self._settings = settings
        self._is_on = SidecarConfig.read(settings).sidecars
        #: Whether the chapters that media files themselves have are told.
        self.reads_chapters = self._is_on and "chapters" in BesideConfig.read(settings).beside
        self._agent = Agent.read(settings)
        self._store = store
        self._scheduler = scheduler
        #: The covers of podcasts whose record was asked for, and the podcasts that had files since it was.
        self._images: dict[str, str] = {}
        self._due: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def introduce(self) -> None:
        """Have the store tell what it is. Raises MediaError."""
        if self._is_on:
            await asyncio.to_thread(self._store.introduce)

    def of_came(self, episode: Episode, url: str, response: MediaResponse, examined: Examined) -> Description | None:
        """The description of a file that came as the answer to a request for ``url``."""
        if not self._is_on:
            return None
        headers = {name: _text(value) for name in HEADERS if (value := response.headers.get(name))}
        came = Came(url, chain(response), headers, response.received.remarks, examined.verified)
        return Description(episode, self._agent, came, examined.chapters, self.reads_chapters)

    async def note_found(self, episode: Episode, found: StoredFile) -> None:
        """See that a file that was there is described. Raises MediaError."""
        if self._is_on:
            description = Description(episode, self._agent, reads_chapters=self.reads_chapters)
            await asyncio.to_thread(self._store.note_found, found, description)

    async def note_podcast(self, podcast_id: str) -> str:
        """See that the store has the record of a podcast, one of whose files it has now. The address of its cover, as
        far as that is known."""
        if not self._is_on:
            return ""
        self._due.add(podcast_id)
        if podcast_id in self._images:
            return self._images[podcast_id]
        if len(self._images) >= _MOST:
            self._images.clear()
        self._images[podcast_id] = ""
        if self._task is None:
            self._task = keep_running("the records of podcasts", self._keep_current)
        await self._note([podcast_id])
        return self._images.get(podcast_id, "")

    async def close(self) -> None:
        """Bring the records up to date for the last time."""
        if self._task:
            self._task.cancel()
            await self._note_due()

    async def _keep_current(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL)
            await self._note_due()

    async def _note_due(self) -> None:
        due, self._due = self._due, set()
        await self._note(sorted(due))

    async def _note(self, podcast_ids: Sequence[str]) -> None:
        scheduler = self._scheduler()
        try:
            told = Podcasts.from_settings(self._settings, scheduler.server).told
            podcasts = await scheduler.call(told, podcast_ids)
            subscriptions = await scheduler.call(followed, self._settings, scheduler.server, podcast_ids)
        except (RedisAwayError, RedisError):
            # This node stops, and says why; its episodes are not finished either.
            return
        self._images.update({podcast.id: podcast.image for podcast in podcasts})
        await asyncio.to_thread(self._write, podcasts, subscriptions)

    def _write(self, podcasts: Sequence[Podcast], subscriptions: Mapping[str, Following]) -> None:
        for podcast in podcasts:
            try:
                self._store.note_podcast(podcast, subscriptions.get(podcast.id))
            except MediaError as error:
                # The files are worth more than that.
                logger.warning("The record of %s is not written: %s", podcast.id, error)


def _text(value: bytes) -> str:
    """The value of a header, which is meant to be ASCII, and may be anything."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
