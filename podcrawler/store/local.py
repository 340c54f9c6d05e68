"""A store in a folder: of this machine, or one that machines share.

A file gets its final name in one step, when it is complete, and never in place of another: whatever has a media name
in the store is a whole file, at any moment, even after a crash.
"""

import errno
import fcntl
import os
import stat
import tempfile
from collections import deque
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from scrapy.pipelines.files import FSFilesStore

from podcrawler.exceptions import StoreError
from podcrawler.store import names, sniff
from podcrawler.store.fs import link, sync_folder
from podcrawler.store.fs_errors import FULL, disk_error, file_in, names_in
from podcrawler.store.index import EpisodeIndex
from podcrawler.store.part import PartFile
from podcrawler.store.resume import clean, open_part
from podcrawler.store.validators import resource

#: Files that are placed at the same time, at most: more than any node works on at once.
_MOST_ON_THEIR_WAY = 1000


class LocalStore(FSFilesStore):
    """A store in a folder."""

    def __init__(self, basedir: str | os.PathLike[str]) -> None:
        try:
            super().__init__(basedir)
        except OSError as error:
            raise _unusable(Path(basedir), error) from error
        self.root = Path(self.basedir)
        self._known = EpisodeIndex()
        #: Where files were placed last: some may be on their way yet.
        self._placed: deque[tuple[Path, str]] = deque(maxlen=_MOST_ON_THEIR_WAY)
        #: The folder of a podcast, by its id, which is asked for several times an episode.
        self._folder = lru_cache(1000)(self._folder_of)

    def refresh(self, podcast_id: str, episode_id: str) -> None:
        self._known.look_anew(self._folder(podcast_id), episode_id)

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

    def may_have(self, podcast_id: str, episode_id: str) -> bool:
        return self._known.may_have(self._folder(podcast_id), episode_id)

    def find(self, podcast_id: str, episode_id: str) -> tuple[str, int] | None:
        folder = self._folder(podcast_id)
        self._known.look(folder)
        if not self._known.may_have(folder, episode_id):
            return None
        try:
            for name in names.of_episode(names_in(folder), episode_id):
                path = folder / name
                if names.belongs_to(name, episode_id) and path.is_file() and not path.is_symlink():
                    size = path.stat().st_size
                    if sniff.is_sound(path):
                        return f"{podcast_id}/{name}", size
        except FileNotFoundError:
            pass
        except OSError as error:
            raise disk_error(folder, error) from error
        return None

    def new_part(self, podcast_id: str, episode_id: str, token: str, enclosure: str) -> PartFile:
        folder = self._folder(podcast_id)
        if not self._known.may_have(folder, episode_id):
            return PartFile(file_in(folder, names.part_name(episode_id, token)), resource(enclosure))
        return open_part(folder, episode_id, token, enclosure)

    def clean(self, podcast_id: str, episode_id: str) -> None:
        folder = self._folder(podcast_id)
        if self._known.may_have(folder, episode_id):
            clean(folder, episode_id)

    def reserve_path(self, podcast_id: str, name: str) -> str | None:
        folder = self._folder(podcast_id)
        episode_id = _episode_of(name)
        if self._known.may_have(folder, episode_id):
            return None
        self._known.add(folder, episode_id)
        self._placed.append((folder, name))
        return file_in(folder, name)

    def publish(self, part: PartFile, podcast_id: str, name: str) -> tuple[str, int]:
        folder = self._folder(podcast_id)
        episode_id = _episode_of(name)
        worked_on = self._known.may_have(folder, episode_id)
        try:
            if worked_on and names.collides_ignoring_case(name, self._names_in(folder)):
                name = names.disambiguated(name)
            size = _publish(part, file_in(folder, name))
            if size is None:
                # Not ours to remove or to replace: it may be all that somebody has.
                name = names.disambiguated(name)
                size = _publish(part, file_in(folder, name))
            if size is None:
                raise FileExistsError(errno.EEXIST, "a broken file is in the way")
            part.unlink()
            if worked_on:
                clean(folder, episode_id)
            self._known.add(folder, episode_id)
        except OSError as error:
            raise disk_error(folder / name, error) from error
        return f"{podcast_id}/{name}", size

    def _names_in(self, folder: Path) -> list[str]:
        """The names that are in a folder, or on their way there."""
        return names_in(folder) + [name for place, name in self._placed.copy() if place == folder]

    def sync(self, podcast_id: str) -> None:
        folder = self._folder(podcast_id)
        try:
            sync_folder(folder)
        except OSError as error:
            raise disk_error(folder, error) from error

    def _folder_of(self, podcast_id: str) -> Path:
        return self.root / names.folder_name(podcast_id)


def _episode_of(name: str) -> str:
    return name.partition(".")[0]


def _publish(part: PartFile, final: str) -> int | None:
    """Give the part the name ``final`` too (or instead), unless a file has it. How many bytes the file of that name has
    then; None if it is broken. Raises OSError."""
    with suppress(FileExistsError):
        link(part.location, final)
        return part.received
    found = os.lstat(final)
    if not stat.S_ISREG(found.st_mode):
        raise FileExistsError(errno.EEXIST, "something that is no file is in the way")
    if not sniff.is_sound(Path(final)):
        return None
    part.superseded = True
    return found.st_size


def _unusable(root: Path, error: OSError) -> StoreError:
    if error.errno in FULL:
        return StoreError(f"The store {root} is full; free some space or set FILES_STORE to a folder on another disk.")
    return StoreError(
        f"The store {root} cannot be written to ({error.strerror}); set FILES_STORE to a folder that this user may "
        "write in and lock files in."
    )
