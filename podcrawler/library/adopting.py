"""Adopts the archive of another program: its files become files of the store as well, by hard links, and their episodes
are recorded as finished. Nothing of the other program is moved or changed.

A file is in the store, and described there, before its episode is recorded: a run that is interrupted can start again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal

from redis import Redis
from scrapy.settings import Settings

from podcrawler.agent import Agent
from podcrawler.config import BesideConfig, SidecarConfig, TransferConfig
from podcrawler.exceptions import MediaError
from podcrawler.items import Enclosure, Episode
from podcrawler.library.leavings import Leavings, LeftFile
from podcrawler.library.matching import Matched, Reason, Unmatched, match
from podcrawler.library.presence import Presence
from podcrawler.library.restoring import record_podcast
from podcrawler.queue.archive import Archive, Imported
from podcrawler.queue.broker import Broker
from podcrawler.queue.followed import followed
from podcrawler.queue.identities import Traits
from podcrawler.queue.legacy_ids import Imports
from podcrawler.queue.listings import Listings
from podcrawler.spiders.preview import Found, Preview
from podcrawler.store import names, sniff
from podcrawler.store.adoption import adopt
from podcrawler.store.base import StoredFile
from podcrawler.store.description import Description
from podcrawler.store.factory import open_store
from podcrawler.store.folder import store_folder
from podcrawler.store.fs import Folder, open_below
from podcrawler.store.fs_errors import disk_error

#: Why a file is not adopted.
Refusal = Reason | Literal["part", "empty", "changed", "broken", "removed"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not adopted."""

    #: Relative to the folder.
    path: str
    why: Refusal


@dataclass(slots=True)
class Plan:
    """Which files are to be adopted, and which are not."""

    wanted: list[Matched] = field(default_factory=list)
    #: Those whose episodes are finished.
    finished: list[Matched] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(slots=True)
class Adopted:
    """What became of a plan."""

    #: By podcast, how many files the store has now.
    files: dict[str, int] = field(default_factory=dict)
    #: How many episodes were not recorded as finished before.
    recorded: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    #: What the user should know.
    sentences: list[str] = field(default_factory=list)


def plan(leavings: Leavings, preview: Preview, *, keep_changed: bool) -> Plan:
    """Which files are which episodes of podcasts that were read. ``keep_changed``: files that have other sizes than the
    program has written are right as they are."""
    planned = Plan(left_out=[LeftOut(one.path, one.why) for one in leavings.refused])
    episodes = [episode for found in preview.found.values() for episode in found.episodes.values()]
    for one in match(leavings.files, episodes, slack=leavings.slack):
        match one:
            case Unmatched(file, why):
                planned.left_out.append(LeftOut(file.path, why))
            case Matched(file) if file.written not in (None, file.size) and not keep_changed:
                planned.left_out.append(LeftOut(file.path, "changed"))
            case Matched(file, episode):
                outcome = preview.episodes[episode.podcast_id, episode.id].outcome
                if outcome == "removed":
                    planned.left_out.append(LeftOut(file.path, "removed"))
                else:
                    (planned.finished if outcome == "finished" else planned.wanted).append(one)
    return planned


class Adopter:
    """Adopts the files of one folder into the store of the settings, which is a folder, too. Blocks on Redis and on the
    disk."""

    def __init__(self, settings: Settings, redis: Redis, folder: Path) -> None:
        """Raises StoreError."""
        self._settings = settings
        self._redis = redis
        self._folder = folder
        self._root = store_folder(settings)
        self._store = open_store(settings)
        self._store.check()
        self._is_described = SidecarConfig.read(settings).sidecars
        self._reads_chapters = "chapters" in BesideConfig.read(settings).beside
        self._media = TransferConfig.read(settings).media
        self._agent = Agent.read(settings)

    def adopt(self, wanted: Sequence[Matched], podcasts: dict[str, Found], tell: Callable[[str, int], None]) -> Adopted:
        """Adopt these files of podcasts (by id), and ``tell`` of each podcast that is done how many files the store has
        now. Raises MediaError if the store cannot be written, and ImportFolderError."""
        done = Adopted()
        if wanted and self._is_described:
            self._store.introduce()
        for podcast_id in sorted({one.episode.podcast_id for one in wanted}):
            self._adopt_podcast(podcasts[podcast_id], wanted, done)
            if count := done.files.get(podcast_id):
                tell(podcast_id, count)
        return done

    def _adopt_podcast(self, found: Found, wanted: Sequence[Matched], done: Adopted) -> None:
        podcast_id = found.podcast.id
        # Before there are files in a folder of that name.
        record_podcast(self._settings, self._redis, found)
        files = []
        for one in wanted:
            told = one.episode
            if told.podcast_id == podcast_id and (stored := self._adopt_file(one.file, told, done)):
                traits = str(Traits.of(told))
                files.append(Imported(podcast_id, told.id, told.title, stored.size, told.version, traits))
        if not files:
            return
        if self._is_described:
            subscriptions = followed(self._settings, self._redis, [podcast_id])
            self._store.note_podcast(found.podcast, subscriptions.get(podcast_id))
        Listings.from_settings(self._settings, self._redis).keep_identities(podcast_id, found.traits)
        broker = Broker.from_settings(self._settings, self._redis, "episodes")
        archive = Archive.from_settings(self._settings, self._redis)
        done.files[podcast_id] = len(files)
        done.recorded += Imports(broker, archive).record(files)
        done.sentences += Presence(self._settings, self._redis).check(podcast_id, adopt=True).sentences

    def _adopt_file(self, file: LeftFile, episode: Episode, done: Adopted) -> StoredFile | None:
        """What the store has of the episode; None if the file is no whole media. Raises MediaError."""
        description = None
        if self._is_described:
            description = Description(episode, self._agent, reads_chapters=self._reads_chapters)
        if found := self._store.find(episode.podcast_id, episode.id, episode.version):
            if description:
                self._store.note_found(found, description)
            return found
        *folders, name = PurePath(file.path).parts
        try:
            source = open_below(self._folder, folders)
        except OSError:
            done.left_out.append(LeftOut(file.path, "broken"))
            return None
        with source:
            if (extension := self._extension(source, name, episode)) is None:
                done.left_out.append(LeftOut(file.path, "broken"))
                return None
            default = names.default_destination(episode.podcast_id, episode.id, episode.title, extension)
            try:
                return adopt(self._root, source, name, default.versioned(episode.version), description)
            except OSError as error:
                raise disk_error(self._root / default.path, error) from error

    def _extension(self, source: Folder, name: str, episode: Episode) -> str | None:
        """That of a file in the store; None if it is no whole media, or cannot be read."""
        enclosure = episode.enclosure or Enclosure("")
        try:
            with source.read(name) as opened:
                return sniff.examine(
                    opened, url=enclosure.url, content_type="", enclosure=enclosure, counted=False, wanted=self._media
                ).extension
        except (MediaError, OSError):
            return None
