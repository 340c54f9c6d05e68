"""The media pipeline: streams an episode's audio to disk, checks it, publishes it, and only then finishes it.

A FilesPipeline that never holds a file in memory: the download handler writes the body into the PartFile that the
request carries (http/handler.py), and this pipeline gives that file its name in the archive. What becomes of the lease
is decided in ``process_item`` alone.
"""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from redis.exceptions import RedisError as RedisAwayError
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.pipelines.files import FilesPipeline
from scrapy.pipelines.media import MediaPipeline
from typing_extensions import override

from podcrawler.config import TransferConfig
from podcrawler.exceptions import (
    DiskFullError,
    EntryError,
    MediaError,
    TransferCancelledError,
)
from podcrawler.http.errors import explain
from podcrawler.http.handler import MediaResponse, Range
from podcrawler.http.redirects import chain
from podcrawler.items import Episode
from podcrawler.media.backpressure import StoreBackoff
from podcrawler.media.beside import Beside, NoTurnError
from podcrawler.media.describing import Describer
from podcrawler.media.fetch import fetch_media
from podcrawler.media.transfer import FOR_MEDIA, HEADERS, Transfer, bad_address, forget_logins, publication_time
from podcrawler.networks import host_of
from podcrawler.queue.acks import finish
from podcrawler.queue.entries import is_requestable, private_request
from podcrawler.queue.held_lease import LeaseEndedError
from podcrawler.queue.media_hosts import MediaHosts
from podcrawler.queue.parts_key import parts_key
from podcrawler.queue.scheduler import Scheduler, scheduler_of
from podcrawler.signals import episode_finished, lease_lost, node_draining
from podcrawler.store import names, sniff
from podcrawler.store.base import Store, StoredFile
from podcrawler.store.chapters import chapters_in
from podcrawler.store.factory import open_store
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.identity import store_id
from podcrawler.store.part import WORTH_KEEPING, PartFile
from podcrawler.store.publisher import Publisher, is_small

logger = logging.getLogger(__name__)

#: Episodes that are remembered between two tries.
_MOST_UNFINISHED = 1000


class EpisodeFilesPipeline(FilesPipeline):
    """Archives episodes that this node holds a lease on. Items of other types pass untouched, as all items do where
    there is no queue (``scrapy parse --pipelines``).

    Of Scrapy's hooks, ``get_media_requests`` makes the one request for an episode, and ``file_path`` names its file.
    """

    store: Store  # type: ignore[assignment]  # of Scrapy's own interface nothing is used

    def __init__(self, store_uri: str, *, crawler: Crawler) -> None:
        config = TransferConfig.read(crawler.settings)
        # Scrapy opens the store by its scheme. Which schemes there are, ``open_store`` knows.
        store = open_store(crawler.settings, min_free=config.min_free)
        self.STORE_SCHEMES = defaultdict(lambda: lambda _: store)  # type: ignore[misc,arg-type,return-value]
        super().__init__(store_uri, crawler=crawler)
        self._publisher = Publisher(self.store)
        self._describer = Describer(crawler.settings, self.store, lambda: self._scheduler)
        self._beside = Beside(crawler, self.store, lambda: self._scheduler)
        #: The transfers in flight, by their token.
        self.transfers: dict[str, Transfer] = {}
        #: Episodes whose file this node has downloaded, and not yet what belongs beside it; by key.
        self._unfinished: dict[str, Episode] = {}
        #: Whether the store has the key of the fleet, and is known by its id.
        self._is_ready = False
        #: Empty if files have names by which the store does not show whose they are.
        self._store_id = ""
        self._min_size = config.min_size
        self._wanted = config.media
        self._dates_files = config.mtime == "published"
        self._backoff = StoreBackoff(lambda: self._scheduler.node, config.min_free, self.store)
        #: Whether files have the names by which the store finds them again.
        self._has_default_paths = type(self).file_path is EpisodeFilesPipeline.file_path
        crawler.signals.connect(self._cancel_transfer, signal=lease_lost)
        crawler.signals.connect(self._backoff.close, signal=node_draining)

    @classmethod
    @override
    def from_crawler(cls, crawler: Crawler) -> "EpisodeFilesPipeline":
        return cls(crawler.settings["FILES_STORE"], crawler=crawler)

    @cached_property
    def _scheduler(self) -> Scheduler:
        scheduler = scheduler_of(self.crawler)
        assert scheduler is not None
        return scheduler

    @cached_property
    def _hosts(self) -> MediaHosts:
        return MediaHosts.from_settings(self.crawler.settings, self._scheduler.server)

    @override
    def get_media_requests(self, item: Episode, info: MediaPipeline.SpiderInfo) -> list[Request]:
        assert item.enclosure is not None
        request = private_request(item.enclosure.url, is_told=True, headers=HEADERS, callback=NO_CALLBACK)
        request.meta.update(FOR_MEDIA, podcast=item.podcast_id)
        return [request]

    @override
    def file_path(
        self,
        request: Request,
        response: Response | None = None,
        info: MediaPipeline.SpiderInfo | None = None,
        *,
        item: Any = None,
    ) -> str:
        """Where the file of an episode goes, relative to the store. ``response`` is a MediaResponse, whose
        ``extension`` is that of the bytes that came.

        A subclass may name files in another way: in at least one folder, with the extension of a media file, visible,
        and at most 240 bytes of UTF-8 for each name. A name that is taken by other bytes gets a mark before its
        extension.
        """
        extension = response.extension if isinstance(response, MediaResponse) else names.UNKNOWN_EXTENSION
        return names.default_destination(item.podcast_id, item.id, item.title, extension).path

    @override
    async def process_item(self, item: Any) -> Any:  # type: ignore[override]  # the spider argument is deprecated
        if not isinstance(item, Episode) or scheduler_of(self.crawler) is None:
            return item
        lease = self._scheduler.lease_of(item.key)
        if lease is None:
            raise LeaseEndedError(f"This node holds no lease on {item.key}", log_level="WARNING")
        if not is_requestable(item):
            await self._scheduler.give_up(lease, error := bad_address(item))
            raise LeaseEndedError(str(error), log_level="DEBUG")
        (request,) = self.get_media_requests(item, self.spiderinfo)
        # Where another try finds the media file.
        has_more = self._has_default_paths and self._beside.wants(item)
        transfer = self.transfers[lease.token] = Transfer(item, lease, request, has_more=has_more)
        try:
            if not self._is_ready:
                await self._prepare_store()
            found = await self._find_or_open(transfer)
            if isinstance(found, StoredFile):
                return await self._finish_found(transfer, found)
            transfer.part = found
            return await self._finish_downloaded(transfer, await self._fetch(transfer, found))
        except EntryError as error:
            await self._give_up(transfer, error)
            raise LeaseEndedError(str(error), log_level="DEBUG") from None
        finally:
            self.transfers.pop(lease.token, None)
            if transfer.part:
                await transfer.part.suspend()

    async def close_spider(self) -> None:
        await self._publisher.close()
        await self._describer.close()

    async def _prepare_store(self) -> None:
        """Give the store the key of the fleet, and a folder its id. Raises MediaError, TransferCancelledError."""
        try:
            key = await self._scheduler.call(parts_key, self._scheduler.server, self.crawler.settings)
        except RedisAwayError:
            # This node stops.
            raise TransferCancelledError from None
        self.store.prove_with(key)
        if self._has_default_paths:
            self._store_id = (await asyncio.to_thread(store_id, self.crawler.settings, make=True)).id
        await self._describer.introduce()
        self._is_ready = True

    async def _find_or_open(self, transfer: Transfer) -> StoredFile | PartFile:
        """The episode's file if the store has it, else the part for its transfer. Raises EntryError."""
        episode = transfer.episode
        if transfer.lease.redelivered or self.store.may_have(episode.podcast_id, episode.id):
            return await asyncio.to_thread(self._look_in_store, transfer)
        return self._new_part(transfer)

    def _look_in_store(self, transfer: Transfer) -> StoredFile | PartFile:
        """As ``_find_or_open``. Blocking."""
        episode = transfer.episode
        if transfer.lease.redelivered:
            self.store.refresh(episode.podcast_id, episode.id)
        if found := self._find(episode):
            # Else a part may be of what belongs beside it.
            if not (transfer.has_more and transfer.lease.redelivered):
                self.store.clean(episode.podcast_id, episode.id)
            return found
        return self._new_part(transfer)

    def _find(self, episode: Episode) -> StoredFile | None:
        return self.store.find(episode.podcast_id, episode.id, episode.version) if self._has_default_paths else None

    def _new_part(self, transfer: Transfer) -> PartFile:
        episode = transfer.episode
        if self._scheduler.node.is_draining:
            raise TransferCancelledError
        return self.store.new_part(episode.podcast_id, episode.id, transfer.lease.token, transfer.request.url)

    async def _fetch(self, transfer: Transfer, part: PartFile) -> Episode:
        """Download the file and publish it; the episode with what is known of its file. Raises EntryError."""
        request = transfer.request
        request.meta["part"] = part
        podcast_id, host = transfer.episode.podcast_id, host_of(request.url)
        if part.received and await self._scheduler.call(self._hosts.refuses_ranges, podcast_id, host):
            request.meta["range"] = Range.FORBIDDEN
        try:
            fetched = await fetch_media(self.crawler, request, partial(self._scheduler.move, transfer.lease))
            if fetched.refused_range:
                await self._scheduler.call(self._hosts.note_range_refused, podcast_id, host)
            return await self._publish(transfer, part, fetched.response)
        except EntryError:
            # Already explained; do not wrap.
            raise
        except Exception as error:
            raise explain(error, request.url) from error

    async def _publish(self, transfer: Transfer, part: PartFile, response: MediaResponse) -> Episode:
        episode = transfer.episode
        prefetcher = self._scheduler.prefetcher
        transfer.came_from = host_of(response.url)
        if not transfer.has_more:
            prefetcher.note_downloaded(transfer.lease, transfer.came_from)
        examined = await self._examine(episode, part, response)
        destination = self._destination(transfer, response, examined.extension)
        if self._dates_files:
            destination = destination._replace(mtime=publication_time(episode))
        description = self._describer.of_came(episode, transfer.request.url, response, examined)
        held_until = partial(prefetcher.surely_held_until, transfer.lease)
        while (published := await self._publisher.publish(part, destination, held_until, description)) is None:
            if not await prefetcher.still_held(transfer.lease):
                raise TransferCancelledError
        # A copy of an item with so many fields takes a twelfth of a small file's time.
        episode.file, episode.size, episode.sha256 = published.path, published.size, published.sha256
        forget_logins(episode)
        episode.verified = examined.verified
        episode.redirects = chain(response)
        episode.remarks = response.received.remarks
        return episode

    async def _examine(self, episode: Episode, part: PartFile, response: MediaResponse) -> sniff.Examined:
        """Check what was received. Raises MediaError if it cannot be the file."""
        try:
            if is_small(part) and not self._describer.reads_chapters:
                return self._check(episode, part, response)
            return await asyncio.to_thread(self._check, episode, part, response)
        except DiskFullError:
            # There was no room for the last bytes: those before them are good.
            raise
        except MediaError:
            # What was refused is not resumed.
            part.invalidate()
            raise

    def _check(self, episode: Episode, part: PartFile, response: MediaResponse) -> sniff.Examined:
        """As ``_examine``. Blocking, unless all of the part is in memory."""
        assert episode.enclosure is not None
        host = urlsplit(response.url).hostname
        size = response.received.size
        if size == 0:
            raise MediaError("empty", f"{host} sent an empty file; try again later.", "passing")
        try:
            with part.content() as file:
                examined = sniff.examine(
                    file,
                    url=response.url,
                    content_type=(response.headers.get("Content-Type") or b"").decode("latin-1"),
                    disposition=(response.headers.get("Content-Disposition") or b"").decode("latin-1"),
                    enclosure=episode.enclosure,
                    counted=response.received.verified,
                    wanted=self._wanted,
                )
                if self._describer.reads_chapters:
                    examined = examined._replace(chapters=chapters_in(file))
        except OSError as error:
            raise disk_error(part.path, error) from error
        if size < self._min_size:
            raise MediaError(
                "too-small",
                f"{host} sent {size} bytes, fewer than a media file is trusted to have "
                f"({self._min_size}, PODCRAWLER_MIN_SIZE); try again later.",
                "passing",
            )
        return examined

    def _destination(self, transfer: Transfer, response: MediaResponse, extension: str) -> names.Destination:
        episode = transfer.episode
        if self._has_default_paths:
            default = names.default_destination(episode.podcast_id, episode.id, episode.title, extension)
            return default.versioned(episode.version)
        examined = response.replace(extension=extension)
        path = self.file_path(transfer.request, examined, self.spiderinfo, item=episode)
        try:
            return names.destination(episode.podcast_id, episode.id, path).versioned(episode.version)
        except ValueError as error:
            raise MediaError(
                "file-path", f"{error}; correct file_path of {type(self).__name__}, then queue the episode again."
            ) from None

    async def _finish_found(self, transfer: Transfer, found: StoredFile) -> Episode:
        lease = transfer.lease
        if (archived := self._unfinished.get(lease.key)) and archived.file == found.path:
            return await self._finish(transfer, archived)
        logger.info("already there %s: %s (%d bytes)", lease.key, found.path, found.size)
        self.inc_stats("uptodate")
        version = names.version_of(found.path)
        await self._describer.note_found(replace(transfer.episode, version=version), found)
        await self._complete(transfer, found.path)
        ack = finish(lease, size=found.size, path="", store=self._store_id, version=version)
        archived = replace(transfer.episode, file=found.path, size=found.size, version=version)
        forget_logins(archived)
        if await self._scheduler.finish(lease, ack):
            await self.crawler.signals.send_catch_log_async(episode_finished, episode=archived)
        return archived

    async def _finish_downloaded(self, transfer: Transfer, archived: Episode) -> Episode:
        self.inc_stats("downloaded")
        if not archived.verified:
            self.crawler.stats.inc_value("podcrawler/unverified")
        if transfer.has_more and len(self._unfinished) < _MOST_UNFINISHED:
            self._unfinished[archived.key] = archived
        return await self._finish(transfer, archived)

    async def _finish(self, transfer: Transfer, archived: Episode) -> Episode:
        assert archived.file is not None
        assert archived.size is not None
        lease = transfer.lease
        await self._complete(transfer, archived.file)
        self._unfinished.pop(archived.key, None)
        ack = finish(lease, size=archived.size, path=archived.file, store=self._store_id, version=archived.version)
        if await self._scheduler.finish(lease, ack):
            logger.info("finished %s: %s (%d bytes)", archived.key, archived.file, archived.size)
            self._backoff.note_success()
            self.crawler.stats.inc_value("podcrawler/finished")
            self.crawler.stats.inc_value("podcrawler/bytes", archived.size)
            await self.crawler.signals.send_catch_log_async(episode_finished, episode=archived)
        return archived

    async def _complete(self, transfer: Transfer, path: str) -> None:
        """See that the store has what belongs beside a file that is there, and tells of its podcast. Raises
        EntryError."""
        if transfer.has_more:
            await self._beside.complete(transfer, path)
        image = await self._describer.note_podcast(transfer.episode.podcast_id)
        if transfer.has_more:
            await self._beside.complete_podcast(transfer, image)
            if transfer.lease.redelivered:
                await asyncio.to_thread(self.store.clean, transfer.episode.podcast_id, transfer.episode.id)

    async def _give_up(self, transfer: Transfer, error: EntryError) -> None:
        """End the lease in an error, and keep for the next one what it can resume."""
        error = await self._backoff.weigh(error)
        made_progress = False
        if transfer.part:
            if error.failure_class == "permanent":
                transfer.part.invalidate()
            # Before the lease ends: the next node would leave a locked part alone.
            made_progress = _made_progress(transfer, transfer.part, await transfer.part.suspend())
        if isinstance(error, TransferCancelledError) and not transfer.has_more:
            # The node that has the lease by now removes the part when it publishes, and may have published already.
            with suppress(MediaError):
                await asyncio.to_thread(self._clean_if_published, transfer.episode)
        counts = not made_progress and not isinstance(error, NoTurnError)
        await self._scheduler.give_up(transfer.lease, error, counts=counts)

    def _clean_if_published(self, episode: Episode) -> None:
        self.store.refresh(episode.podcast_id, episode.id)
        if self._find(episode):
            self.store.clean(episode.podcast_id, episode.id)

    def _cancel_transfer(self, token: str) -> None:
        if (transfer := self.transfers.get(token)) and transfer.part:
            transfer.part.cancellation.request()


def _made_progress(transfer: Transfer, part: PartFile, kept: int) -> bool:
    """Whether the next lease can resume from at least one megabyte more than this one. A lease that found nothing of an
    earlier one proves that nothing lasts here: progress that does not count would then be tried for ever."""
    if kept < part.resumed_from + WORTH_KEEPING:
        return False
    return part.resumed_from > 0 or not transfer.lease.redelivered
