"""Fetches what belongs beside a media file that a node has published: its cover, transcripts and chapters
(``PODCRAWLER_BESIDE``), under the same lease, and before its episode is finished. And, under the lease of any episode,
the cover of its podcast.

None of these ever fails an episode. What cannot be had is told in the sidecar. What may be had later sends the entry
back for another try, which finds the media file in the store; with the last try that is told in the sidecar, too.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from redis.exceptions import RedisError as RedisAwayError
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http.request import NO_CALLBACK

from podcrawler import clock
from podcrawler.agent import Agent
from podcrawler.config import BesideConfig, TransferConfig
from podcrawler.exceptions import (
    DiskFullError,
    EntryError,
    FetchError,
    RedisError,
    TransferCancelledError,
)
from podcrawler.http.body import Limits
from podcrawler.http.errors import explain
from podcrawler.http.handler import MediaResponse
from podcrawler.items import Episode
from podcrawler.logins import without_login
from podcrawler.media.fetch import fetch_media
from podcrawler.media.transfer import FOR_MEDIA, HEADERS, Transfer
from podcrawler.queue.acks import turn
from podcrawler.queue.scheduler import Scheduler
from podcrawler.sites.reading import is_web_url
from podcrawler.store import beside_content, sniff
from podcrawler.store.base import Store
from podcrawler.store.beside import is_same
from podcrawler.store.fs_errors import disk_error
from podcrawler.store.part import PartFile
from podcrawler.store.sidecar import PODCAST_NAME, AbsentFile, BesideFile, BesideKind
from podcrawler.tokens import without_secrets

logger = logging.getLogger(__name__)

#: Files beside one media file: none has more, unless somebody means harm.
_MOST = 20
#: Seconds between two looks whether the store has the cover of a podcast; podcasts that are remembered.
_COVER_INTERVAL, _MOST_PODCASTS = 3600.0, 10_000
#: Seconds between two questions for a connection of a host, and after which the entry waits for its turn.
_PAUSE, _PATIENCE = 0.25, 60.0
_NAMES = {"cover": "cover", "transcript": "transcript", "chapters": "list of chapters"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that belongs beside a media file."""

    #: All that is known of it; without a name.
    told: BesideFile
    #: As its publisher told it, and its media type.
    url: str
    type: str = ""


class NoTurnError(FetchError):
    """Raised when a host has had no connection to spare for too long. That costs the entry no try."""

    def __init__(self, host: str) -> None:
        sentence = f"{host} has had no connection to spare for {_PATIENCE:g} s, or rests; it waits for its turn."
        super().__init__("timeout", sentence, "passing")


class Beside:
    """What one node fetches beside media files. Nothing, if PODCRAWLER_BESIDE says so. SettingError if it asks for
    what has no sidecar to be told in."""

    def __init__(self, crawler: Crawler, store: Store, scheduler: Callable[[], Scheduler]) -> None:
        settings = crawler.settings
        self._kinds = BesideConfig.fetched(settings)
        self._crawler = crawler
        self._store = store
        self._scheduler = scheduler
        self._agent = Agent.read(settings)
        #: By podcast: the address of its cover, and until when nobody looks for it (``time.monotonic``).
        self._covers: dict[str, tuple[str, float]] = {}
        most = settings.getint("DOWNLOAD_MAXSIZE")
        self._limits = replace(Limits.of(TransferConfig.read(settings)), max_size=most, size_setting="DOWNLOAD_MAXSIZE")

    def wants(self, episode: Episode) -> bool:
        """Whether there may be something to fetch under the lease of an episode, beside its file."""
        if not self._kinds:
            return False
        return next(self._wanted(episode), None) is not None or self._looks_for_cover(episode.podcast_id)

    async def complete(self, transfer: Transfer, path: str) -> None:
        """Fetch what is missing beside a media file that is in the store. Raises EntryError if that is to be tried
        again."""
        wanted = list(self._wanted(transfer.episode))
        sidecar = await asyncio.to_thread(self._store.described, path) if wanted else None
        if sidecar is None:
            return
        known: list[BesideFile | AbsentFile] = [*sidecar.beside, *sidecar.absent]
        failures: list[tuple[_Wanted, EntryError]] = []
        for number, one in enumerate(wanted):
            if any(is_same(one.told, other) for other in known):
                continue
            try:
                await self._bring(transfer, one, number, path)
            except (DiskFullError, NoTurnError, TransferCancelledError):
                raise
            except EntryError as error:
                failures.append((one, error))
        later = [(one, error) for one, error in failures if self._is_tried_again(transfer, error)]
        if absent := [_absent(one, error) for one, error in failures if (one, error) not in later]:
            await self._note_absent(transfer, path, absent)
        if later:
            raise _not_yet(*later[0])

    async def complete_podcast(self, transfer: Transfer, image: str) -> None:
        """Fetch the cover of the episode's podcast, which is at the address ``image``, unless the store has it. Once an
        hour, whatever becomes of it. Raises DiskFullError and TransferCancelledError."""
        podcast_id = transfer.episode.podcast_id
        if not self._looks_for_cover(podcast_id, image):
            return
        if len(self._covers) >= _MOST_PODCASTS:
            self._covers.clear()
        self._covers[podcast_id] = image, time.monotonic() + _COVER_INTERVAL
        if not image:
            return
        one = _Wanted(_told("cover", image), image)
        try:
            cover = await asyncio.to_thread(self._store.podcast_cover, podcast_id)
            if cover is None or cover.url != one.told.url:
                await self._bring(transfer, one, _MOST, f"{podcast_id}/{PODCAST_NAME}")
        except (DiskFullError, TransferCancelledError):
            del self._covers[podcast_id]
            raise
        except EntryError as error:
            logger.warning("The cover of %s is not archived: %s", podcast_id, error)

    def _looks_for_cover(self, podcast_id: str, image: str = "") -> bool:
        """Whether it is time to look whether the store has a podcast's cover, at this address if that is known."""
        known, until = self._covers.get(podcast_id, ("", 0.0))
        return "cover" in self._kinds and (time.monotonic() >= until or (image not in ("", known)))

    def _wanted(self, episode: Episode) -> Iterator[_Wanted]:
        """What the feed names, each once."""
        found: list[_Wanted] = []
        for one in self._named(episode):
            if len(found) < _MOST and not any(is_same(one.told, other.told) for other in found):
                found.append(one)
        yield from found

    def _named(self, episode: Episode) -> Iterator[_Wanted]:
        if "cover" in self._kinds and episode.image:
            yield _Wanted(_told("cover", episode.image), episode.image)
        if "transcripts" in self._kinds:
            for one in episode.transcripts:
                told = replace(_told("transcript", one.url), language=one.language, rel=one.rel)
                yield _Wanted(told, one.url, one.type)
        if "chapters" in self._kinds and (file := episode.chapters_file):
            yield _Wanted(_told("chapters", file.url), file.url, file.type)

    def _is_tried_again(self, transfer: Transfer, error: EntryError) -> bool:
        policy = self._scheduler().queue.retry_policy
        return transfer.lease.tries + 1 < policy.tries(error)

    async def _note_absent(self, transfer: Transfer, path: str, absent: list[AbsentFile]) -> None:
        await asyncio.to_thread(
            self._store.amend, path, lambda sidecar: replace(sidecar, absent=[*sidecar.absent, *absent])
        )
        for one in absent:
            logger.warning("%s is archived without its %s: %s", transfer.lease.key, _NAMES[one.kind], one.reason)
        self._crawler.stats.inc_value("podcrawler/beside_absent", len(absent))

    async def _bring(self, transfer: Transfer, one: _Wanted, number: int, path: str) -> None:
        """Fetch one file, the one of this number, and publish it beside what is at the path. Raises EntryError."""
        request = self._request(transfer.episode, one)
        episode, lease = transfer.episode, transfer.lease
        open_part = partial(self._store.new_part, is_first=not lease.redelivered)
        token = f"{lease.token}-beside{number}"
        part = await asyncio.to_thread(open_part, episode.podcast_id, episode.id, token, request.url)
        transfer.part = request.meta["part"] = part
        try:
            fetched = await fetch_media(self._crawler, request, partial(self._turn, transfer))
            await self._publish(transfer, one, part, fetched.response, path)
        except EntryError as error:
            if error.failure_class == "permanent":
                part.invalidate()
            raise
        except Exception as error:
            raise explain(error, request.url) from error
        finally:
            await part.suspend()

    def _request(self, episode: Episode, one: _Wanted) -> Request:
        if not is_web_url(one.url):
            raise FetchError("address", "It is said to be at an address that is not on the web.")
        # What a login was masked with in an address is none.
        request = Request(without_login(one.url), headers=HEADERS, callback=NO_CALLBACK)
        limits = replace(self._limits, refuse=partial(_refuse, one))
        request.meta.update(FOR_MEDIA, podcast=episode.podcast_id, limits=limits)
        return request

    async def _publish(
        self, transfer: Transfer, one: _Wanted, part: PartFile, response: MediaResponse, path: str
    ) -> None:
        prefetcher = self._scheduler().prefetcher
        ending = await asyncio.to_thread(_examine, one, part, response.url)
        told = replace(one.told, name=ending, type=beside_content.MEDIA_TYPES[ending])

        def is_held() -> bool:
            return clock.now() < prefetcher.surely_held_until(transfer.lease)

        publish = partial(self._store.publish_beside, part, path, told, is_held, self._agent)
        while (published := await asyncio.to_thread(publish)) is None:
            if not await prefetcher.still_held(transfer.lease):
                raise TransferCancelledError
        await part.discard()
        logger.info("fetched beside %s: %s (%d bytes)", transfer.lease.key, published.name, published.size)
        self._crawler.stats.inc_value("podcrawler/beside")

    async def _turn(self, transfer: Transfer, host: str) -> bool:
        """Have the lease count for a host, as soon as that has a connection to spare. False if this node holds it no
        more, or stops. Raises NoTurnError if that takes too long."""
        scheduler = self._scheduler()
        broker, moves = scheduler.prefetcher.broker, scheduler.prefetcher.async_broker.move
        end = time.monotonic() + _PATIENCE
        while not scheduler.node.is_stopping:
            try:
                counted = await moves(turn(transfer.lease, host, transfer.came_from, broker.host_limits))
            except (RedisAwayError, RedisError):
                return False
            transfer.came_from = ""
            if counted:
                return counted > 0
            if time.monotonic() > end:
                raise NoTurnError(host)
            await asyncio.sleep(_PAUSE)
        return False


def _told(kind: BesideKind, url: str) -> BesideFile:
    return BesideFile(kind, name="", size=0, sha256="", url=without_secrets(url))


def _not_yet(one: _Wanted, error: EntryError) -> EntryError:
    sentence = f"The media file is archived; its {_NAMES[one.told.kind]} is not yet: {error}"
    return EntryError(error.kind, sentence, error.failure_class, retry_after=error.retry_after, host=error.host)


def _absent(one: _Wanted, error: EntryError) -> AbsentFile:
    return AbsentFile(one.told.kind, one.told.url, str(error))


def _refuse(one: _Wanted, head: bytes, *, url: str, content_type: str) -> None:  # noqa: ARG001 (as Limits calls it)
    beside_content.ending(one.told.kind, one.type, head, url)


def _examine(one: _Wanted, part: PartFile, url: str) -> str:
    """What the name of a file that was received ends with. Blocking. Raises MediaError if it cannot be what it should
    be."""
    try:
        with part.content() as file:
            ending = beside_content.ending(one.told.kind, one.type, sniff.head_of(file), url)
            file.seek(0)
            beside_content.check(one.told.kind, file, url)
    except OSError as error:
        raise disk_error(part.path, error) from error
    return ending
