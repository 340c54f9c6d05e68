"""Where media files go: the store (``FILES_STORE``). A folder of this machine, one that machines share, or a
bucket (s3.py).

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
from typing import Protocol

from scrapy.pipelines.files import FSFilesStore
from scrapy.settings import BaseSettings

from podcrawler.exceptions import StoreError
from podcrawler.media import naming, sniffing
from podcrawler.media.disk import FULL, disk_error, file_in, names_in
from podcrawler.media.files import give_name, sync_folder
from podcrawler.media.folders import KnownEpisodes
from podcrawler.media.leftovers import clean, open_part
from podcrawler.media.part import PartFile
from podcrawler.media.version import resource
from podcrawler.redis.connection import state_dir

#: Files that are placed at the same time, at most: more than any node works on at once.
_MOST_ON_THEIR_WAY = 1000


class Store(Protocol):
    """What the pipeline asks of a store, beside Scrapy's own interface (``STORE_SCHEMES``).

    All methods but ``may_have``, ``place`` and, where ``may_have`` says no, ``new_part`` block: call
    them in threads. Ids that are illegal raise ValueError; the disk's refusals MediaError.
    """

    def check(self) -> None:
        """Raise StoreError if nothing can be written here."""

    def refresh(self, podcast_id: str, episode_id: str) -> None:
        """Another node may have worked on the episode: do not trust what was known of its files."""

    def may_have(self, podcast_id: str, episode_id: str) -> bool:
        """Whether a look is worth it: whether there may be a file, or leavings, of the episode. Does not block."""

    def find(self, podcast_id: str, episode_id: str) -> tuple[str, int] | None:
        """The complete media file of the episode: its path relative to the store, and its size in bytes. A file that
        shows to be something else, or cut off (sniffing.is_sound), is none."""

    def new_part(self, podcast_id: str, episode_id: str, token: str, enclosure: str) -> PartFile:
        """The file for a transfer of ``enclosure`` (the address): the best that dead nodes left, else a new one."""

    def clean(self, podcast_id: str, episode_id: str) -> None:
        """Remove what dead nodes left of the episode's transfers."""

    def place(self, podcast_id: str, name: str) -> str | None:
        """The path at which a file of that name (made by naming.file_name) is published, if ``files.give_name`` is
        all that this takes; from then on there may be one. None if it has to be adopted. Does not block."""

    def adopt(self, part: PartFile, podcast_id: str, name: str) -> tuple[str, int]:
        """Publish a sealed part under ``name`` (made by naming.file_name): relative path, and size in bytes. What dead
        nodes left of the episode's transfers goes. A power cut may take the name back until ``settle``.

        If a complete file of that name is already there it stays, and the part goes. If what is there is broken, or if
        there is one whose name differs in upper and lower case alone, the new one gets a name that is told apart.
        """

    def settle(self, podcast_id: str) -> None:
        """Have all that was adopted in the podcast outlast a power cut."""


def open_store(settings: BaseSettings) -> Store:
    """The store at ``FILES_STORE``. StoreError if it cannot be made, or podcrawler has no code for its kind."""
    uri = str(settings["FILES_STORE"])
    scheme, separator, _ = uri.partition("://")
    if separator and scheme == "s3":
        # What it needs is not installed everywhere.
        from podcrawler.media.s3 import BucketStore

        spool = Path(settings["PODCRAWLER_SPOOL_DIR"] or state_dir(settings) / "spool")
        return BucketStore.from_settings(settings, spool)
    if separator and scheme != "file":
        raise StoreError(
            f"The store {uri} is of a kind that podcrawler does not know; set FILES_STORE to a folder or s3://BUCKET."
        )
    return LocalStore(uri)


class LocalStore(FSFilesStore):
    """A store in a folder."""

    def __init__(self, basedir: str | os.PathLike[str]) -> None:
        try:
            super().__init__(basedir)
        except OSError as error:
            raise _unusable(Path(basedir), error) from error
        self.root = Path(self.basedir)
        self._known = KnownEpisodes()
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
            for name in naming.of_episode(names_in(folder), episode_id):
                path = folder / name
                if naming.belongs_to(name, episode_id) and path.is_file() and not path.is_symlink():
                    size = path.stat().st_size
                    if sniffing.is_sound(path):
                        return f"{podcast_id}/{name}", size
        except FileNotFoundError:
            pass
        except OSError as error:
            raise disk_error(folder, error) from error
        return None

    def new_part(self, podcast_id: str, episode_id: str, token: str, enclosure: str) -> PartFile:
        folder = self._folder(podcast_id)
        if not self._known.may_have(folder, episode_id):
            return PartFile(file_in(folder, naming.part_name(episode_id, token)), resource(enclosure))
        return open_part(folder, episode_id, token, enclosure)

    def clean(self, podcast_id: str, episode_id: str) -> None:
        folder = self._folder(podcast_id)
        if self._known.may_have(folder, episode_id):
            clean(folder, episode_id)

    def place(self, podcast_id: str, name: str) -> str | None:
        folder = self._folder(podcast_id)
        episode_id = _episode_of(name)
        if self._known.may_have(folder, episode_id):
            return None
        self._known.add(folder, episode_id)
        self._placed.append((folder, name))
        return file_in(folder, name)

    def adopt(self, part: PartFile, podcast_id: str, name: str) -> tuple[str, int]:
        folder = self._folder(podcast_id)
        episode_id = _episode_of(name)
        worked_on = self._known.may_have(folder, episode_id)
        try:
            if worked_on and naming.has_twin(name, self._names_in(folder)):
                name = naming.told_apart(name)
            size = _publish(part, file_in(folder, name))
            if size is None:
                # Not ours to remove or to replace: it may be all that somebody has.
                name = naming.told_apart(name)
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

    def settle(self, podcast_id: str) -> None:
        folder = self._folder(podcast_id)
        try:
            sync_folder(folder)
        except OSError as error:
            raise disk_error(folder, error) from error

    def _folder_of(self, podcast_id: str) -> Path:
        return self.root / naming.folder_name(podcast_id)


def _episode_of(name: str) -> str:
    return name.partition(".")[0]


def _publish(part: PartFile, final: str) -> int | None:
    """Give the part the name ``final`` too (or instead), unless a file has it. How many bytes the file of that name has
    then; None if it is broken. Raises OSError."""
    with suppress(FileExistsError):
        give_name(part.location, final)
        return part.received
    found = os.lstat(final)
    if not stat.S_ISREG(found.st_mode):
        raise FileExistsError(errno.EEXIST, "something that is no file is in the way")
    if not sniffing.is_sound(Path(final)):
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
