"""What an archive has, read from its files alone: the records and the sidecars in a folder (store/sidecar.py). It needs
no Redis, and works on any copy.

A store in a folder is read as ``<folder>/<podcast id>/``; what users have put beside it is left alone. Everything here
blocks on the disk.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from podcrawler.ids import PODCAST_ID
from podcrawler.store import names
from podcrawler.store.sidecar import (
    PODCAST_NAME,
    PodcastRecord,
    Sidecar,
    SidecarError,
    load_podcast,
    loads,
    of_file,
    sidecar_name,
)


class Place(NamedTuple):
    """Where a file is, or should be."""

    podcast_id: str
    #: In the podcast's folder.
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """A media file, its sidecar, or both."""

    #: Where the media file is, or should be.
    path: Path
    #: None if there is none, or it cannot be read.
    sidecar: Sidecar | None
    #: Why the sidecar cannot be read; empty if it can, or if there is none.
    problem: str = ""


class Catalog:
    """The archive in a folder. Cheap to make."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def podcast_ids(self) -> list[str]:
        """The podcasts that have a folder, in order."""
        with os.scandir(self.root) as entries:
            found = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
        return sorted(name for name in found if PODCAST_ID.fullmatch(name))

    def podcast(self, podcast_id: str) -> PodcastRecord | None:
        """What is told of the podcast; None if there is no record of it. Raises SidecarError."""
        try:
            return load_podcast((self._folder(podcast_id) / PODCAST_NAME).read_bytes())
        except FileNotFoundError:
            return None

    def files(self, podcast_id: str) -> Iterator[Found]:
        """The media files of a podcast, with and without sidecar, and sidecars without file, by name.

        Raises OSError."""
        folder = self._folder(podcast_id)
        with os.scandir(folder) as entries:
            present = {one.name for one in entries}
        for name in sorted(present):
            if names.episode_of(name):
                yield self._read(folder / name) if sidecar_name(name) in present else Found(folder / name, None)
            elif names.episode_of(media := of_file(name)) and media not in present:
                yield self._read(folder / media)

    def sidecar(self, podcast_id: str, name: str) -> Sidecar | None:
        """That of the media file with this name; None if there is none, or it cannot be read."""
        return self._read(self._folder(podcast_id) / name).sidecar

    def _read(self, path: Path) -> Found:
        """What the sidecar of a media file tells."""
        try:
            return Found(path, loads(path.with_name(sidecar_name(path.name)).read_bytes()))
        except (SidecarError, OSError) as error:
            return Found(path, None, str(error))

    def _folder(self, podcast_id: str) -> Path:
        return self.root / names.folder_name(podcast_id)
