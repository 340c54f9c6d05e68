"""A store in a folder: of this machine, or one that machines share.

A file gets its final name in one step, when it is complete, and never in place of another: whatever has a media name
in the store is a whole file, at any moment, even after a crash.
"""

import errno
import fcntl
import hashlib
import os
import stat
import tempfile
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from scrapy.pipelines.files import FSFilesStore

from podcrawler.exceptions import StoreError
from podcrawler.store import names, sniff
from podcrawler.store.base import Published, StoredFile
from podcrawler.store.disk_space import DiskBudget
from podcrawler.store.fs import link, sync_folder
from podcrawler.store.fs_errors import FULL, disk_error, names_in
from podcrawler.store.index import EpisodeIndex
from podcrawler.store.names import Destination
from podcrawler.store.part import PartFile
from podcrawler.store.resume import clean, open_part
from podcrawler.store.validators import resource

#: Reserved paths that are remembered: more than any node publishes at once.
_MAX_RESERVED = 1000


class LocalStore(FSFilesStore):
    """A store in a folder."""

    def __init__(self, basedir: str | os.PathLike[str], *, min_free: int = 0, keep_cached: bool = False) -> None:
        """``min_free`` bytes of the disk stay free. ``keep_cached``: files are read again soon after they came."""
        try:
            super().__init__(basedir)
        except OSError as error:
            raise _unusable(Path(basedir), error) from error
        self.root = Path(self.basedir)
        self._budget = DiskBudget(min_free)
        self._keep_cached = keep_cached
        self._index = EpisodeIndex()
        #: The latest ones: some of their files may not be there yet.
        self._reserved: deque[Destination] = deque(maxlen=_MAX_RESERVED)
        #: The folder of a podcast, by its id. Needed several times for each episode.
        self._folder = lru_cache(1000)(self._folder_of)

    def check(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.root, prefix=".check-") as probe:
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
                probe.write(b"podcrawler")
                probe.flush()
                os.fsync(probe.fileno())
        except OSError as error:
            raise _unusable(self.root, error) from error

    def refresh(self, podcast_id: str, episode_id: str) -> None:
        self._index.refresh(self._folder(podcast_id), episode_id)

    def may_have(self, podcast_id: str, episode_id: str) -> bool:
        return self._index.may_have(self._folder(podcast_id), episode_id)

    def find(self, podcast_id: str, episode_id: str) -> StoredFile | None:
        folder = self._folder(podcast_id)
        self._index.load(folder)
        if not self._index.may_have(folder, episode_id):
            return None
        try:
            for name in names.of_episode(names_in(folder), episode_id):
                path = folder / name
                if names.belongs_to(name, episode_id) and path.is_file() and not path.is_symlink():
                    size = path.stat().st_size
                    if sniff.is_sound(path):
                        return StoredFile(f"{podcast_id}/{name}", size)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise disk_error(folder, error) from error
        return None

    def new_part(self, podcast_id: str, episode_id: str, token: str, enclosure: str) -> PartFile:
        folder = self._folder(podcast_id)
        if self._index.may_have(folder, episode_id):
            self._index.load(folder)
            return open_part(folder, episode_id, token, enclosure, budget=self._budget, keep_cached=self._keep_cached)
        path = folder / names.part_name(episode_id, token)
        return PartFile(path, resource(enclosure), budget=self._budget, keep_cached=self._keep_cached)

    def clean(self, podcast_id: str, episode_id: str) -> None:
        folder = self._folder(podcast_id)
        if self._index.may_have(folder, episode_id):
            clean(folder, episode_id)

    def reserve_path(self, destination: Destination) -> Path | None:
        folder = self._folder(destination.podcast_id)
        if not destination.is_default or self._index.may_have(folder, destination.episode_id):
            return None
        self._index.add(folder, destination.episode_id)
        self._reserved.append(destination)
        return self.root / destination.path

    def publish(self, part: PartFile, destination: Destination, is_held: Callable[[], bool]) -> Published | None:
        folder = self._folder(destination.podcast_id)
        part.seal()
        if not is_held():
            return None
        had_files = self._index.may_have(folder, destination.episode_id)
        try:
            published = part.publish(lambda: self._link(part, destination))
            if had_files:
                clean(folder, destination.episode_id)
            self._index.add(folder, destination.episode_id)
            sync_folder((self.root / published.path).parent)
        except OSError as error:
            raise disk_error(self.root / destination.path, error) from error
        return published

    def _link(self, part: PartFile, destination: Destination) -> Published:
        """Give the part its final name, or a disambiguated one. Raises OSError."""
        if destination.is_default and self._collides(destination):
            destination = destination.disambiguated()
        # What has the name is not removed or replaced: it may be all that somebody has.
        for candidate in (destination, destination.disambiguated()):
            if published := self._link_as(part, candidate):
                return published
        raise FileExistsError(errno.EEXIST, "a broken file is in the way")

    def _link_as(self, part: PartFile, destination: Destination) -> Published | None:
        """None if a broken file, or one of another episode, has the name. Raises OSError."""
        final = self.root / destination.path
        if not destination.is_default:
            _make_folder(final.parent)
        with suppress(FileExistsError):
            link(part.path, final)
            return Published(destination.path, part.received, part.sha256)
        found = final.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise FileExistsError(errno.EEXIST, "something that is no file is in the way")
        # Any other name than the default may belong to another episode: the bytes decide.
        is_same = sniff.is_sound(final) if destination.is_default else _has_content_of(final, part)
        return Published(destination.path, found.st_size, None, adopted=True) if is_same else None

    def _collides(self, destination: Destination) -> bool:
        """Whether a file that is there, or on its way there, has a name that differs in upper and lower case alone."""
        folder, _, name = destination.path.rpartition("/")
        reserved = [other.path.removeprefix(f"{folder}/") for other in self._reserved.copy()]
        return names.collides_ignoring_case(name, [*names_in(self.root / folder), *reserved])

    def _folder_of(self, podcast_id: str) -> Path:
        return self.root / names.folder_name(podcast_id)


def _make_folder(folder: Path) -> None:
    """Create the folder and those around it, so that they survive a power cut. Raises OSError."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _has_content_of(path: Path, part: PartFile) -> bool:
    """Whether the file has the bytes of the sealed part. Raises OSError."""
    if path.stat().st_size != part.received:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == part.sha256


def _unusable(root: Path, error: OSError) -> StoreError:
    if error.errno in FULL:
        return StoreError(f"The store {root} is full; free some space or set FILES_STORE to a folder on another disk.")
    return StoreError(
        f"The store {root} cannot be written to ({error.strerror}); set FILES_STORE to a folder that this user may "
        "write in and lock files in."
    )
