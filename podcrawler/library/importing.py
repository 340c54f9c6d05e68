"""Finds the media files that podcrawler or its ancestor archived in a folder before, and what is told of them there."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from podcrawler.exceptions import ImportFolderError
from podcrawler.following import Following
from podcrawler.ids import EPISODE_ID, PODCAST_ID
from podcrawler.items import Podcast
from podcrawler.queue.archive import Imported
from podcrawler.queue.identities import Traits
from podcrawler.store import identity, names, sniff
from podcrawler.store.beside import is_beside, stems_in
from podcrawler.store.fs import Folder, open_below, open_file
from podcrawler.store.sidecar import (
    PODCAST_NAME,
    Sidecar,
    SidecarError,
    is_about,
    load_podcast,
    loads,
    of_file,
    sidecar_name,
)

_NAME = re.compile(rf"(?P<id>{EPISODE_ID.pattern})\.(?P<title>.+)\.(?P<extension>[A-Za-z0-9]{{1,5}})", re.DOTALL)

#: What `publish` writes (docs/publish.md), and nobody takes for a recording.
_PUBLISHED = re.compile(r".*\.(?:css|html|js|xml)|search\.json|icon\.svg")

#: Why a file is not imported.
Refusal = Literal["part", "empty", "no-id", "no-media", "broken", "damaged", "record"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not imported."""

    path: Path
    why: Refusal


@dataclass(frozen=True, slots=True)
class Recalled:
    """A podcast that has a record."""

    #: By its folder, or as the user says.
    id: str
    podcast: Podcast
    #: None if nobody followed it.
    subscription: Following | None = None


def find_media(
    folder: Path, podcast_id: str | None, *, keep_changed: bool = False
) -> Iterator[Imported | Refused | Recalled]:
    """Every file in ``folder`` and below, sorted by name; and the records of podcasts. Left out are hidden folders, the
    file with the id of a store, and files that describe media files (docs/sidecars.md) or were made of them.

    The files belong to ``podcast_id`` if it is given, else to the podcast that their folder is named after, as in a
    store. ``keep_changed``: files that have other sizes than their sidecars tell are right as they are. Raises
    ImportFolderError if the folder cannot be read, or is not named after a podcast.
    """
    if podcast_id is not None:
        _check_podcast(podcast_id, f"{podcast_id!r} is not the id of a podcast")
    with open_top(folder) as top:
        # Through open folders, because a symbolic link may take the place of one at any moment.
        for parent, folders, found, opened in os.fwalk(".", dir_fd=top.fd):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if PODCAST_NAME in found:
                yield _recall(folder / parent / PODCAST_NAME, opened, podcast_id)
            stems, present = stems_in(found), set(found)
            for name in sorted(present - {identity.NAME}):
                is_sidecar = of_file(name) in present
                if not (is_about(name) or is_sidecar or is_beside(name, stems) or _PUBLISHED.fullmatch(name)):
                    yield _examine(folder / parent / name, opened, podcast_id, keep_changed=keep_changed)


def open_top(folder: Path) -> Folder:
    """The folder that a user wants imported. Raises ImportFolderError."""
    try:
        return open_below(folder, ())
    except OSError:
        raise ImportFolderError(
            f"{folder} is no folder that can be read; give the folder that the media files are in."
        ) from None


def _examine(path: Path, folder: int, podcast_id: str | None, *, keep_changed: bool) -> Imported | Refused:
    """``folder`` is the descriptor of the one that the file is in."""
    if path.name.endswith(names.PART_SUFFIX):
        return Refused(path, "part")
    found = _NAME.fullmatch(path.name)
    if found is None:
        return Refused(path, "no-id")
    if not names.is_media_extension(found["extension"]):
        return Refused(path, "no-media")
    try:
        status = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            return Refused(path, "empty")
        with open(open_file(path.name, folder=folder), "rb") as file:  # noqa: PTH123
            if not sniff.is_sound(file, path.name):
                return Refused(path, "broken")
    except OSError:
        return Refused(path, "broken")
    sidecar = _sidecar(path, folder)
    if sidecar and sidecar.file.size != status.st_size and not keep_changed:
        return Refused(path, "damaged")
    if podcast_id is None:
        podcast_id = path.parent.name
        _check_podcast(podcast_id, f"{path.parent} is not named after a podcast")
    if sidecar is None:
        return Imported(podcast_id, found["id"], found["title"], status.st_size, names.version_of(path.name))
    told = sidecar.episode
    return Imported(podcast_id, told.id, told.title, status.st_size, told.version, str(Traits.of(told)))


def _sidecar(path: Path, folder: int) -> Sidecar | None:
    """That of the file, if there is one that can be read and tells the id of an episode."""
    try:
        with open(open_file(sidecar_name(path.name), folder=folder), "rb") as file:  # noqa: PTH123
            sidecar = loads(file.read())
    except (OSError, SidecarError):
        return None
    return sidecar if EPISODE_ID.fullmatch(sidecar.episode.id) else None


def _recall(path: Path, folder: int, podcast_id: str | None) -> Recalled | Refused:
    """What the record of a podcast tells, if it can be read, and is of the podcast whose folder it is in."""
    podcast_id = podcast_id or path.parent.name
    try:
        with open(open_file(path.name, folder=folder), "rb") as file:  # noqa: PTH123
            record = load_podcast(file.read())
    except (OSError, SidecarError):
        return Refused(path, "record")
    is_its_own = PODCAST_ID.fullmatch(podcast_id) and record.podcast.id == podcast_id
    return Recalled(podcast_id, record.podcast, record.subscription) if is_its_own else Refused(path, "record")


def _check_podcast(podcast_id: str, complaint: str) -> None:
    try:
        names.folder_name(podcast_id)
    except ValueError:
        raise ImportFolderError(f"{complaint}; say which one its files are of, such as --podcast rthk-287.") from None
