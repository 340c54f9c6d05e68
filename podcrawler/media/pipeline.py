"""The media pipeline: streams an episode's audio to disk, checks it, publishes it, and only then finishes it.

A FilesPipeline that never holds a file in memory: the download handler writes the body into the PartFile that the
request carries (handler.py), and this pipeline gives that file its name in the archive. What becomes of the lease is
said in ``process_item`` alone.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.pipelines.files import FilesPipeline
from scrapy.pipelines.media import FileInfo, MediaPipeline

from podcrawler.config import Config
from podcrawler.exceptions import DiskFullError, EntryError, LeaseEndedError, MediaError, TransferCancelledError
from podcrawler.http.downloader import Downloader
from podcrawler.http.errors import explain, explain_response
from podcrawler.http.redirects import chain
from podcrawler.items import Episode
from podcrawler.media.backpressure import DiskFullBackoff
from podcrawler.queue.acks import finish
from podcrawler.queue.entries import Lease, private_request
from podcrawler.queue.scheduler import Scheduler, scheduler_of
from podcrawler.signals import lease_lost, node_draining
from podcrawler.store import sniff
from podcrawler.store.base import Store
from podcrawler.store.factory import open_store
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.names import file_name
from podcrawler.store.part import PartFile
from podcrawler.store.publisher import Publisher, is_small

logger = logging.getLogger(__name__)

#: What the request for a media file tells middlewares that are for pages: the enclosure may be on any host, and what is
#: streamed to the disk is not in the response that a cache would keep.
_FOR_MEDIA = {"allow_offsite": True, "dont_cache": True, "dont_obey_robotstxt": True}


@dataclass(slots=True)
class Transfer:
    """An episode on its way to the disk."""

    episode: Episode
    lease: Lease
    #: None until it is known that the file is not there yet.
    part: PartFile | None = None

    @property
    def made_progress(self) -> bool:
        """Whether the next lease has more to go on from than this one had. Where an earlier one left nothing, no more
        is trusted to be left: the episode would be tried for ever."""
        return (
            self.part is not None and self.part.made_progress and (self.part.is_resumed or not self.lease.redelivered)
        )


class EpisodeFilesPipeline(FilesPipeline):
    """Archives episodes that this node holds a lease on. Items of other types pass untouched, as all
    items do where there is no queue (``scrapy parse --pipelines``)."""

    store: Store  # type: ignore[assignment]  # of Scrapy's own interface nothing is used

    def __init__(self, store_uri: str, *, crawler: Crawler) -> None:
        self._settings = crawler.settings
        super().__init__(store_uri, crawler=crawler)
        self._publisher = Publisher(self.store)
        #: The transfers in hand, by their token.
        self.transfers: dict[str, Transfer] = {}
        self._draining = False
        config = Config.read(crawler.settings)
        self._min_size = config.min_size
        self._room = DiskFullBackoff(
            lambda: self._scheduler.prefetcher.pause(), lambda: self._scheduler.prefetcher.resume(), config.min_free
        )
        crawler.signals.connect(self._lease_lost, signal=lease_lost)
        crawler.signals.connect(self._drain, signal=node_draining)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "EpisodeFilesPipeline":
        return cls(crawler.settings["FILES_STORE"], crawler=crawler)

    def _get_store(self, uri: str) -> Any:  # noqa: ARG002 (Scrapy's signature)
        return open_store(self._settings)

    @property
    def holds_off(self) -> str:
        """Why the node takes nothing up for now; empty while it does."""
        return self._room.reason

    @property
    def _scheduler(self) -> Scheduler:
        scheduler = scheduler_of(self.crawler)
        assert scheduler is not None
        return scheduler

    async def process_item(self, item: Any) -> Any:  # type: ignore[override]  # the spider argument is deprecated
        if not isinstance(item, Episode) or scheduler_of(self.crawler) is None:
            return item
        lease = self._scheduler.lease_of(item.key)
        if lease is None:
            raise LeaseEndedError(f"This node holds no lease on {item.key}", log_level="WARNING")
        transfer = self.transfers[lease.token] = Transfer(item, lease)
        try:
            archived = await self._archive(transfer)
        except EntryError as error:
            if isinstance(error, DiskFullError):
                self._room.wait(error)
            if transfer.part and error.failure_class == "permanent":
                transfer.part.invalidate()
            await self._let_go(transfer)
            if isinstance(error, TransferCancelledError):
                # Who has the lease by now cleans up when it publishes, and may have done so already.
                with suppress(MediaError):
                    await asyncio.to_thread(self._clean_if_published, item)
            await self._scheduler.give_up(lease, error, counts=not transfer.made_progress)
            raise LeaseEndedError(str(error), log_level="DEBUG") from None
        finally:
            self.transfers.pop(lease.token, None)
            await self._let_go(transfer)
        assert archived.file is not None
        assert archived.size is not None
        if transfer.part is None:
            logger.info("already there %s: %s (%d bytes)", archived.key, archived.file, archived.size)
            await self._scheduler.prefetcher.end(lease, finish(lease, size=archived.size, path=""), False)
        elif await self._scheduler.prefetcher.end(lease, finish(lease, size=archived.size, path=archived.file), False):
            logger.info("finished %s: %s (%d bytes)", archived.key, archived.file, archived.size)
            self._room.note_success()
            self.crawler.stats.inc_value("podcrawler/finished")
            self.crawler.stats.inc_value("podcrawler/bytes", archived.size)
        return archived

    async def close_spider(self) -> None:
        await self._publisher.close()

    async def _archive(self, transfer: Transfer) -> Episode:
        """Bring the file into the store, and tell the item where it is. Raises EntryError.

        These are the steps of Scrapy's MediaPipeline, under its names, without what it does for items of many files,
        and for files of many items: two episodes with one enclosure are two files.
        """
        info = self.spiderinfo
        (request,) = self.get_media_requests(transfer.episode, info)
        file = await self.media_to_download(request, info, item=transfer.episode)
        if file is None:
            try:
                response = await self._download(request)
                file = await self.media_downloaded(response, request, info, item=transfer.episode)
            except EntryError:
                # It is no cause of itself.
                raise
            except Exception as error:
                raise explain(error, request.url) from error
        self.inc_stats(file["status"])
        return replace(transfer.episode, file=file["path"], size=file["size"], **file["more"])  # type: ignore[typeddict-item]  # _file_info

    async def _download(self, request: Request) -> Response:
        engine = self.crawler.engine
        if isinstance(engine.downloader, Downloader):
            return await engine.downloader.download_media(request)
        # A user's own (``DOWNLOADER``).
        return await engine.download_async(request)

    async def _let_go(self, transfer: Transfer) -> None:
        """Let the next lease have the part: before it can be given, because a part that is locked is left alone."""
        if transfer.part:
            await transfer.part.suspend()

    def _clean_if_published(self, episode: Episode) -> None:
        self.store.refresh(episode.podcast_id, episode.id)
        if self.store.find(episode.podcast_id, episode.id):
            self.store.clean(episode.podcast_id, episode.id)

    def get_media_requests(self, item: Episode, info: MediaPipeline.SpiderInfo) -> list[Request]:  # noqa: ARG002
        assert item.enclosure is not None
        lease = self._scheduler.lease_of(item.key)
        assert lease is not None
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        request = private_request(item.enclosure.url, headers=headers, callback=NO_CALLBACK)
        request.meta.update(_FOR_MEDIA, transfer=lease.token, podcast=lease.group)
        return [request]

    async def media_to_download(  # type: ignore[override]  # Scrapy's is no coroutine
        self,
        request: Request,
        info: MediaPipeline.SpiderInfo,  # noqa: ARG002
        *,
        item: Any = None,  # noqa: ARG002
    ) -> FileInfo | None:
        transfer = self.transfers[request.meta["transfer"]]
        episode = transfer.episode
        if transfer.lease.redelivered or self.store.may_have(episode.podcast_id, episode.id):
            taken_up = await asyncio.to_thread(self._take_up, transfer, request.url)
        else:
            taken_up = self._new_part(transfer, request.url)
        if not isinstance(taken_up, PartFile):
            return _file_info(request, *taken_up, "uptodate")
        request.meta["part"] = transfer.part = taken_up
        return None

    async def media_downloaded(
        self,
        response: Response,
        request: Request,
        info: MediaPipeline.SpiderInfo,  # noqa: ARG002
        *,
        item: Any = None,  # noqa: ARG002
    ) -> FileInfo:
        transfer = self.transfers[request.meta["transfer"]]
        part = transfer.part
        assert part is not None
        if not part.complete:
            raise explain_response(response)
        prefetcher = self._scheduler.prefetcher
        prefetcher.note_downloaded(transfer.lease)
        examined = await self._examined(part, response, transfer.episode)
        name = file_name(transfer.episode.id, transfer.episode.title, examined.extension)
        held_until = partial(prefetcher.surely_held_until, transfer.lease)
        while (published := await self._publisher.publish(part, transfer.episode.podcast_id, name, held_until)) is None:
            if not await prefetcher.still_held(transfer.lease):
                raise TransferCancelledError
        path, size = published
        if not examined.verified:
            self.crawler.stats.inc_value("podcrawler/unverified")
        sha256 = None if part.superseded else part.sha256
        more = {"sha256": sha256, "verified": examined.verified, "redirects": chain(response)}
        return _file_info(request, path, size, "downloaded", more)

    def _take_up(self, transfer: Transfer, url: str) -> tuple[str, int] | PartFile:
        """The episode's file (path and bytes) if the store has it, else a part for its transfer. Blocking."""
        episode = transfer.episode
        if transfer.lease.redelivered:
            self.store.refresh(episode.podcast_id, episode.id)
        if found := self.store.find(episode.podcast_id, episode.id):
            self.store.clean(episode.podcast_id, episode.id)
            return found
        return self._new_part(transfer, url)

    def _new_part(self, transfer: Transfer, url: str) -> PartFile:
        episode = transfer.episode
        if self._draining:
            raise TransferCancelledError
        return self.store.new_part(episode.podcast_id, episode.id, transfer.lease.token, url)

    async def _examined(self, part: PartFile, response: Response, episode: Episode) -> sniff.Examined:
        """What came. Raises MediaError if it cannot be the file."""
        try:
            if is_small(part):
                return self._check(response, part, episode)
            return await asyncio.to_thread(self._check, response, part, episode)
        except DiskFullError:
            # Its last bytes found no room: what came before them is as good as it was.
            raise
        except MediaError:
            # What was refused is not gone on with.
            part.invalidate()
            raise

    def _check(self, response: Response, part: PartFile, item: Episode) -> sniff.Examined:
        """As ``_examined``. Blocking, unless all of the part is in memory."""
        assert item.enclosure is not None
        host = urlsplit(response.url).hostname
        if part.received == 0:
            raise MediaError("empty", f"{host} sent an empty file; try again later.", "passing")
        try:
            with part.content() as file:
                examined = sniff.examine(
                    file,
                    url=response.url,
                    content_type=(response.headers.get("Content-Type") or b"").decode("latin-1"),
                    enclosure=item.enclosure,
                    counted=part.verified,
                )
        except OSError as error:
            raise disk_error(part.path, error) from error
        if part.received < self._min_size:
            raise MediaError(
                "too-small",
                f"{host} sent {part.received} bytes, fewer than a media file is trusted to have "
                f"({self._min_size}, PODCRAWLER_MIN_SIZE); try again later.",
                "passing",
            )
        return examined

    def _drain(self) -> None:
        self._draining = True
        self._room.close()

    def _lease_lost(self, token: str) -> None:
        if (transfer := self.transfers.get(token)) and transfer.part:
            transfer.part.cancel()


def _file_info(request: Request, path: str, size: int, status: str, more: dict[str, Any] | None = None) -> FileInfo:
    """Scrapy's record of a file, its size in bytes, and what ``more`` the item shall tell."""
    known = {"url": request.url, "path": path, "checksum": None, "status": status}
    return {**known, "size": size, "more": more or {}}  # type: ignore[typeddict-item]
