"""A store in a folder: of this machine, or one that machines share.

A file gets its final name in one step, when it is complete, and never in place of another: whatever has a media name
in the store is a whole file, at any moment, even after a crash.
"""

import errno
import fcntl
import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BufferedReader
from pathlib import Path

from scrapy.pipelines.files import FSFilesStore

from podcrawler.agent import Agent
from podcrawler.exceptions import StoreError
from podcrawler.following import Following
from podcrawler.items import Podcast
from podcrawler.store import beside, covers, names, readme, sniff
from podcrawler.store.base import Published, StoredFile
from podcrawler.store.checkpoint import OWN_KEY
from podcrawler.store.description import Description, note, note_found, note_podcast
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.fs import Folder, open_below, open_folder
from podcrawler.store.fs_errors import FULL, disk_error, names_in
from podcrawler.store.index import EpisodeIndex
from podcrawler.store.names import Destination
from podcrawler.store.part import GiveName, PartFile
from podcrawler.store.resume import clean, kept, open_part
from podcrawler.store.sidecar import PODCAST_NAME, BesideFile, Sidecar
from podcrawler.store.validators import resource

#: Reserved paths that are remembered: more than any node publishes at once.
_MAX_RESERVED = 1000


class LocalStore(FSFilesStore):
    """A store in a folder."""

    def __init__(self, basedir: str | os.PathLike[str], *, min_free: int = 0, keep_cached: bool = False) -> None:
        """``min_free`` bytes of the disk stay free. ``keep_cached``: files are read again soon after they came."""
        try:
            try:
                super().__init__(basedir)
            except FileExistsError:
                # Another node has made the folder after Scrapy had looked for it.
                super().__init__(basedir)
        except OSError as error:
            raise _unusable(Path(basedir), error) from error
        self.root = Path(self.basedir)
        self._budget = DiskBudget(min_free)
        self._keep_cached = keep_cached
        self._key = OWN_KEY
        self._index = EpisodeIndex()
        #: The latest ones: some of their files may not be there yet.
        self._reserved: deque[Destination] = deque(maxlen=_MAX_RESERVED)
        #: The folder of a podcast, by its id. Needed several times for each episode.
        self._folder = lru_cache(1000)(self._folder_of)

    def check(self, *, again: bool = False) -> None:
        try:
            # Later it may be on a disk that is not mounted any more.
            if not again:
                self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.root, prefix=".check-") as probe:
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
                probe.write(b"podcrawler")
                probe.flush()
                os.fsync(probe.fileno())
        except OSError as error:
            raise (_away(self.root, error) if again else _unusable(self.root, error)) from error

    def prove_with(self, key: bytes) -> None:
        self._key = key

    def open_file(self, path: str) -> BufferedReader:
        """A file in the store, for reading; ``path`` is relative to it. Blocking. Raises OSError."""
        *folders, name = path.split("/")
        with open_below(self.root, folders) as folder:
            return folder.read(name)

    def remove_file(self, path: str) -> None:
        """Remove it. Blocking. Raises OSError."""
        *folders, name = path.split("/")
        with open_below(self.root, folders) as folder:
            folder.remove(name)

    def refresh(self, podcast_id: str, episode_id: str) -> None:
        self._index.refresh(self._folder(podcast_id), episode_id)

    def may_have(self, podcast_id: str, episode_id: str) -> bool:
        return self._index.may_have(self._folder(podcast_id), episode_id)

    def find(self, podcast_id: str, episode_id: str, version: int = 1) -> StoredFile | None:
        folder = self._folder(podcast_id)
        self._index.load(folder)
        if not self._index.may_have(folder, episode_id):
            return None
        try:
            with open_folder(folder) as opened:
                for name in names.of_version(opened.names(), episode_id, version):
                    if size := _sound_size(opened, name):
                        return StoredFile(f"{podcast_id}/{name}", size)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise disk_error(folder, error) from error
        return None

    def new_part(
        self, podcast_id: str, episode_id: str, token: str, enclosure: str, *, is_first: bool = False
    ) -> PartFile:
        folder = self._folder(podcast_id)
        if not is_first and self._index.may_have(folder, episode_id):
            self._index.load(folder)
            return open_part(
                folder,
                episode_id,
                token,
                enclosure,
                key=self._key,
                budget=self._budget,
                keep_cached=self._keep_cached,
            )
        path = folder / names.part_name(episode_id, token)
        return PartFile(path, resource(enclosure), key=self._key, budget=self._budget, keep_cached=self._keep_cached)

    def clean(self, podcast_id: str, episode_id: str) -> None:
        folder = self._folder(podcast_id)
        if self._index.may_have(folder, episode_id):
            clean(folder, episode_id)

    def kept(self, podcast_id: str, episode_id: str) -> int:
        return kept(self._folder(podcast_id), episode_id)

    def reserve_path(self, destination: Destination) -> Path | None:
        folder = self._folder(destination.podcast_id)
        if not destination.is_default or self._index.may_have(folder, destination.episode_id):
            return None
        self._index.add(folder, destination.episode_id)
        self._reserved.append(destination)
        return self.root / destination.path

    def introduce(self) -> None:
        try:
            readme.write(self.root)
        except OSError as error:
            raise disk_error(self.root, error) from error

    def note_podcast(self, podcast: Podcast, subscription: Following | None = None) -> None:
        path = self._folder(podcast.id)
        try:
            with open_folder(path, create=True) as folder:
                note_podcast(folder, podcast, subscription)
        except OSError as error:
            raise disk_error(path, error) from error

    def note_found(self, found: StoredFile, description: Description) -> None:
        with self._beside(found.path) as (folder, name):
            note_found(folder, name, description)

    def described(self, path: str) -> Sidecar | None:
        with self._beside(path) as (folder, name):
            return beside.present(folder, name)

    def amend(self, path: str, change: Callable[[Sidecar], Sidecar]) -> None:
        with self._beside(path) as (folder, name):
            beside.amend(folder, name, change)

    def publish_beside(
        self, part: PartFile, path: str, told: BesideFile, is_held: Callable[[], bool], agent: Agent
    ) -> BesideFile | None:
        part.seal()
        if not is_held():
            return None
        with self._beside(path) as (folder, name):
            if name == PODCAST_NAME:
                return covers.publish(folder, part, told, agent)
            return beside.publish(folder, name, part, told, agent)

    def podcast_cover(self, podcast_id: str) -> BesideFile | None:
        with self._beside(f"{names.folder_name(podcast_id)}/") as (folder, _):
            return covers.present(folder)

    @contextmanager
    def _beside(self, path: str) -> Iterator[tuple[Folder, str]]:
        """The folder of a media file, and the file's name in it."""
        *folders, name = path.split("/")
        try:
            with open_below(self.root, folders) as folder:
                yield folder, name
        except OSError as error:
            raise disk_error(self.root / path, error) from error

    def publish(
        self,
        part: PartFile,
        destination: Destination,
        is_held: Callable[[], bool],
        description: Description | None = None,
    ) -> Published | None:
        folder = self._folder(destination.podcast_id)
        part.seal(destination.mtime)
        if not is_held():
            return None
        had_files = self._index.may_have(folder, destination.episode_id)
        try:
            published = part.publish(lambda give_name: self._link(part, destination, give_name, description))
            if had_files:
                clean(folder, destination.episode_id)
            self._index.add(folder, destination.episode_id)
        except OSError as error:
            raise disk_error(self.root / destination.path, error) from error
        return published

    def _link(
        self, part: PartFile, destination: Destination, give_name: GiveName, description: Description | None
    ) -> Published:
        """Give the part its final name, or a disambiguated one. Raises OSError."""
        if destination.is_default and self._collides(destination):
            destination = destination.disambiguated()
        # What has the name is not removed or replaced: it may be all that somebody has.
        for candidate in (destination, destination.disambiguated()):
            if published := self._link_as(part, candidate, give_name, description):
                return published
        raise FileExistsError(errno.EEXIST, "a broken file is in the way")

    def _link_as(
        self, part: PartFile, destination: Destination, give_name: GiveName, description: Description | None
    ) -> Published | None:
        """None if a broken file, one of another episode, or what is no file has the name. Raises OSError."""
        *folders, name = destination.path.split("/")
        with open_below(self.root, folders, create=True) as folder:
            try:
                give_name(folder, name)
                if description:
                    note(folder, name, description.notes(name, part.received, part.sha256), part.sha256)
                folder.sync()
                return Published(destination.path, part.received, part.sha256)
            except FileExistsError:
                pass
            # Any other name than the default may belong to another episode: the bytes decide.
            size = _sound_size(folder, name) if destination.is_default else _size_of_same(folder, name, part)
            if size and description:
                note_found(folder, name, description, part.sha256)
            folder.sync()
            return Published(destination.path, size, None, adopted=True) if size else None

    def _collides(self, destination: Destination) -> bool:
        """Whether a file that is there, or on its way there, has a name that differs in upper and lower case alone."""
        folder, _, name = destination.path.rpartition("/")
        reserved = [other.path.removeprefix(f"{folder}/") for other in self._reserved.copy()]
        return names.collides_ignoring_case(name, [*names_in(self.root / folder), *reserved])

    def _folder_of(self, podcast_id: str) -> Path:
        return self.root / names.folder_name(podcast_id)


def _read(folder: Folder, name: str) -> BufferedReader | None:
    """A file; None if there is none, or what has the name is none. Raises OSError."""
    try:
        return folder.read(name)
    except OSError:
        if folder.found_file(name):
            raise
        return None


def _sound_size(folder: Folder, name: str) -> int:
    """The bytes of a file that may be what its name says; 0 if it is broken, or none. Raises OSError."""
    if (opened := _read(folder, name)) is None:
        return 0
    with opened as file:
        return os.fstat(file.fileno()).st_size if sniff.is_sound(file, name) else 0


def _size_of_same(folder: Folder, name: str, part: PartFile) -> int:
    """The bytes of a file that has those of the sealed part; 0 if it has not, or is none. Raises OSError."""
    if (opened := _read(folder, name)) is None:
        return 0
    with opened as file:
        if os.fstat(file.fileno()).st_size != part.received:
            return 0
        return part.received if hashlib.file_digest(file, "sha256").hexdigest() == part.sha256 else 0


def _away(root: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The store {root} cannot be written to ({error.strerror}); see that its disk is mounted, and that this user "
        "may write there, and podcrawler goes on by itself."
    )


def _unusable(root: Path, error: OSError) -> StoreError:
    if error.errno in FULL:
        return StoreError(f"The store {root} is full; free some space or set FILES_STORE to a folder on another disk.")
    return StoreError(
        f"The store {root} cannot be written to ({error.strerror}); set FILES_STORE to a folder that this user may "
        "write in and lock files in."
    )
